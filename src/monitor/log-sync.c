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
    int next = 0;

    /* Nothing is looked up in /proc: the sandbox opens nothing for reading. */
    for (;;) {
        int kept = G_MAXINT;

        for (guint i = 0; i < fds->len; i++) {
            int fd = g_array_index(fds, int, i);

            if (fd >= next && fd < kept)
                kept = fd;
        }
        if (kept == G_MAXINT)
            break;
        hf_fd_close_between(next, kept);
        next = kept + 1;
    }
    hf_fd_close_from(next);
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
