/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/process-private.h"
#include "protocol/state-names.h"

/* How this works: a line on the FIFO `control`, which is whole as it is shorter than PIPE_BUF. The
 * write side opens only while somebody reads, which is how a missing monitor is noticed. Then the
 * read side is opened as well: a monitor that ends between the two would make the write a SIGPIPE,
 * which a library must not cause. */

#define SIZE_MAX_CELLS 65535

static gboolean
throw_ended(HfProcess *self, GError **error)
{
    return hf_throw(error, HF_ERROR_CONTAINER_EXITED, "process '%s' has ended", self->id);
}

/* The living process. */
static HfProcessRef *
find_living(HfProcess *self, GError **error)
{
    g_autoptr(GError) failure = NULL;
    pid_t pid = 0;
    HfProcessRef *ref = hf_process_find(self, &pid, &failure);

    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    else if (ref == NULL && pid == 0)
        hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "process '%s' was not started", self->id);
    else if (ref == NULL)
        throw_ended(self, error);
    return ref;
}

gboolean
hf_process_signal(HfProcess *self, int signal_number, GError **error)
{
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) failure = NULL;

    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (signal_number < 0 || signal_number > SIGRTMAX)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%d is no signal", signal_number);
    ref = find_living(self, error);
    if (ref == NULL)
        return FALSE;
    if (hf_process_ref_signal(ref, signal_number, &failure))
        return TRUE;
    if (g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        return throw_ended(self, error);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static int
open_fifo(int dir_fd, int access, GError **error)
{
    hf_autofd fd =
        openat(dir_fd, HF_STATE_CONTROL, access | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 && (errno == ENXIO || errno == ENOENT))
        return hf_throw(error, HF_ERROR_INVALID_STATE, "it has no monitor"), -1;
    if (fd < 0 || fstat(fd, &status) < 0)
        return hf_throw_errno(error, "open '%s'", HF_STATE_CONTROL), -1;
    if (!S_ISFIFO(status.st_mode))
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' is no FIFO", HF_STATE_CONTROL), -1;
    return hf_steal_fd(&fd);
}

static gboolean
send_line(HfProcess *self, const char *line, GError **error)
{
    hf_autofd dir_fd = hf_process_open(self, error);
    hf_autofd write_fd = dir_fd >= 0 ? open_fifo(dir_fd, O_WRONLY, error) : -1;
    hf_autofd read_fd = write_fd >= 0 ? open_fifo(dir_fd, O_RDONLY, error) : -1;

    if (read_fd < 0)
        return FALSE;
    if (write(write_fd, line, strlen(line)) == (ssize_t)strlen(line))
        return TRUE;
    if (errno == EAGAIN)
        return hf_throw(error, HF_ERROR_BUSY, "its monitor takes no more requests");
    return hf_throw_errno(error, "write to '%s'", HF_STATE_CONTROL);
}

gboolean
hf_process_send_command(HfProcess *self, guint command, guint first, guint second, GError **error)
{
    g_autoptr(HfProcessRef) ref = find_living(self, error);
    char line[64];

    if (ref == NULL)
        return FALSE;
    (void)snprintf(line, sizeof line, "%u %u %u\n", command, first, second);
    if (send_line(self, line, error))
        return TRUE;
    g_prefix_error(error, "process '%s': ", self->id);
    return FALSE;
}

gboolean
hf_process_close_stdin(HfProcess *self, GError **error)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    return hf_process_send_command(self, 0, 0, 0, error);
}

gboolean
hf_process_resize(HfProcess *self, guint width, guint height, GError **error)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!self->file->has_terminal)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "process '%s' has no terminal", self->id);
    if (width > SIZE_MAX_CELLS || height > SIZE_MAX_CELLS)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "a terminal cannot be of size %ux%u",
                        width, height);
    return hf_process_send_command(self, 1, width, height, error);
}

gboolean
hf_process_reopen_logs(HfProcess *self, GError **error)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    return hf_process_send_command(self, 2, 0, 0, error);
}
