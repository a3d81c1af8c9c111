/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Files that hold a decimal pid and nothing else. */

#pragma once

#include <sys/types.h>

#include <glib.h>

/* HF_ERROR_NOT_FOUND if the file is missing or empty (white space counts for nothing): CRI-O
 * makes an empty one beforehand, so both mean that the runtime has not written it.
 * HF_ERROR_PROTOCOL if it holds anything but a pid > 0. */
gboolean hf_pid_file_read(const char *path, pid_t *out_pid,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whole or not at all, decimal, no newline, mode 0644. */
gboolean hf_pid_file_write(const char *path, pid_t pid, GError **error) G_GNUC_WARN_UNUSED_RESULT;
