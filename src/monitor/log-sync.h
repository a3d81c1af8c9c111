/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Puts log files on disk without waiting for it: fsync(2) can take seconds, or never end on a file
 * system whose server is gone, and it has no non-blocking form. */

#pragma once

#include <sys/types.h>

#include <glib.h>

/* Starts a child that syncs the descriptors in @fds and ends. Returns its pid, to be reaped, or -1.
 */
pid_t hf_log_sync_start(const GArray *fds, GError **error) G_GNUC_WARN_UNUSED_RESULT;
