/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The names of full log files: PATH.1 is the newest, PATH.N the oldest. Each may be compressed, and
 * then is PATH.N.gz. */

#pragma once

#include <stdbool.h>

#include <glib.h>

/* Renames PATH to PATH.1, after PATH.1 to PATH.2 and so on as far as there is no gap; what would
 * become PATH.(@files_max + 1) is replaced. If PATH cannot be renamed, it stays. */
gboolean hf_log_rotation_shift(const char *path, guint files_max,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Gives PATH.1 the name PATH again, unless there is a new PATH. */
gboolean hf_log_rotation_undo(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The name of a full file. (transfer full) */
char *hf_log_rotation_get_name(const char *path, guint number, bool is_compressed);
