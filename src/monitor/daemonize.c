/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "monitor/daemonize.h"
#include "runtime/pid-file.h"

/* The child waits on a pipe until the pid file is there: whatever it does next, an engine that sees
 * a trace of it finds the file. If the parent fails it dies with its end of the pipe unused. */
static void
end_parent(pid_t child, const char *pid_file, int go_fd)
{
    g_autoptr(GError) error = NULL;

    if (pid_file != NULL && !hf_pid_file_write(pid_file, child, &error)) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "pid file of the monitor");
        _exit(1);
    }
    _exit(write(go_fd, "", 1) == 1 ? 0 : 1);
}

gboolean
hf_daemonize(const char *pid_file, GError **error)
{
    int go[2];
    char byte = 0;

    if (pipe2(go, O_CLOEXEC) < 0)
        return hf_throw_errno(error, "make a pipe");
    pid_t child = fork();
    if (child > 0)
        end_parent(child, pid_file, go[1]);
    hf_close_fd(&go[1]);
    gboolean may_go = child == 0 && read(go[0], &byte, 1) == 1;
    hf_close_fd(&go[0]);
    if (child < 0)
        return hf_throw_errno(error, "fork");
    if (!may_go)
        _exit(1);
    return TRUE;
}
