/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A process that is about to be made: its directory, up to the point where a monitor can begin. */

#pragma once

#include "library/container-change.h"
#include "library/process-private.h"

/* The first process, as the bundle says. @checkpoint: NULL or the directory to restore from;
 * @stdio: NULL for the default. Nothing is on disk yet. (transfer full) */
HfProcess *hf_process_make_init(HfContainer *container, const char *checkpoint, HfStdio *stdio,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Another process, as @spec says. (transfer full) */
HfProcess *hf_process_make_exec(HfContainer *container, const char *id, HfProcessSpec *spec,
                                HfStdio *stdio, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes ROOT/ID/PROCESS/ with process.json and the FIFOs, and the directories of the log files.
 * HF_ERROR_EXISTS if there is such a directory. After another error there is none. */
gboolean hf_process_make_directory(HfProcess *process, const HfContainerChange *change,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
