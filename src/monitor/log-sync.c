/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/log-sync.h"

/* Others wait for the end of what this program holds (a lock, FIFOs, the engine's pipes), and must
 * not wait for a disk. The child keeps what it syncs and nothing else. */
static void
close_others(const GArray *fds)
{
    g_autoptr(GArray) open_fds = hf_fd_list_open(0);

    for (guint i = 0; i < open_fds->len; i++) {
        int fd = g_array_index(open_fds, int, i);
        bool is_kept = false;

        for (guint j = 0; j < fds->len; j++)
            is_kept = is_kept || g_array_index(fds, int, j) == fd;
        if (!is_kept)
            hf_close_fd(&fd);
    }
}

pid_t
hf_log_sync_start(const GArray *fds, GError **error)
{
    pid_t pid = fork();

    if (pid < 0)
        return hf_throw_errno(error, "fork"), -1;
    if (pid > 0)
        return pid;
    close_others(fds);
    for (guint i = 0; i < fds->len; i++)
        (void)fsync(g_array_index(fds, int, i));
    _exit(0);
}
