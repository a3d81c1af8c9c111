/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <unistd.h>

#include "base/error.h"
#include "monitor/log-sync.h"

pid_t
hf_log_sync_start(const GArray *fds, GError **error)
{
    pid_t pid = fork();

    if (pid < 0)
        return hf_throw_errno(error, "fork"), -1;
    if (pid > 0)
        return pid;
    for (guint i = 0; i < fds->len; i++)
        (void)fsync(g_array_index(fds, int, i));
    _exit(0);
}
