/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The file descriptor store of a service manager (sd_notify(3), FDSTORE=1): what it keeps outlives
 * this program. Without NOTIFY_SOCKET nothing is kept. */

#pragma once

#include <stdbool.h>

#include <glib.h>

/* Has the terminal @fd of session @id kept. It does not wait; what the manager makes of it is not
 * known. */
gboolean hf_fd_store_keep(const char *id, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The terminal of session @id among the descriptors that this program was started with (LISTEN_FDS,
 * LISTEN_FDNAMES), made close-on-exec; or -1. LISTEN_PID may be this program or its parent, or be
 * missing. */
int hf_fd_store_take(const char *id);

/* The manager need not keep it any more. */
void hf_fd_store_remove(const char *id);
