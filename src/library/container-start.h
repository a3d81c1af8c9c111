/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How a process that was made (process-make.h) comes to life. */

#pragma once

#include "library/container-change.h"
#include "library/process-private.h"

/* Starts the container's first process, with the container's lock; @mounts (of HfMount, or NULL)
 * are mounted first, and unmounted if it fails. Errors as of hf_container_start(). */
gboolean hf_container_start_process(HfProcess *process, GPtrArray *mounts,
                                    GCancellable *cancellable,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Mounts, for a process that is started later. Errors as of hf_container_start(). */
gboolean hf_container_prepare_process(HfProcess *process, GPtrArray *mounts,
                                      GCancellable *cancellable,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the process's directory and launches its monitor. After an error there is no directory. For
 * who holds the lock. */
gboolean hf_container_launch(HfProcess *process, const HfContainerChange *change,
                             GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
