/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a session leaves on disk: the exit status and the OOM mark, in the files engines wait for.
 */

#pragma once

#include <glib.h>

/* Directories; NULL where the engine asked for none. */
typedef struct {
    const char *persist_dir;
    const char *exit_dir;
    const char *bundle;
    const char *container_id;
} HfExitPlaces;

/* Writes @status, decimal, no newline, to PERSIST_DIR/exit and then EXIT_DIR/ID, each whole: CRI-O
 * wakes up at the second and reads the first. A failure of one does not keep the other from being
 * written; the first error is returned. */
gboolean hf_exit_report_write(const HfExitPlaces *places, int status,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the empty files PERSIST_DIR/oom and BUNDLE/oom. */
gboolean hf_exit_report_oom(const HfExitPlaces *places, GError **error) G_GNUC_WARN_UNUSED_RESULT;
