/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Starts a monitor for a process directory that is ready, through holdfast-shim, and waits for what
 * it says: the pid, or why there is none. */

#pragma once

#include "library/process-private.h"

/* On success the process exists, and so do the files pid and starttime. Errors as of
 * hf_container_start(). After an error no monitor and no process of it is left; the directory is
 * the caller's to remove. */
gboolean hf_monitor_launch(HfProcess *process, GCancellable *cancellable,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a process whose monitor died. After an error everything is as it was. */
gboolean hf_monitor_launch_adopter(HfProcess *process, GCancellable *cancellable,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
