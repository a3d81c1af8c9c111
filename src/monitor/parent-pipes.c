/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "monitor/parent-pipes.h"

static const char *const variables[HF_PARENT_PIPE_COUNT] = {
    [HF_PARENT_START] = "_OCI_STARTPIPE",
    [HF_PARENT_SYNC] = "_OCI_SYNCPIPE",
    [HF_PARENT_ATTACH] = "_OCI_ATTACHPIPE",
};

struct HfParentPipes {
    int fds[HF_PARENT_PIPE_COUNT];
};

static gboolean
take_from_environment(HfParentPipes *self, HfParentPipe pipe, GError **error)
{
    const char *value = g_getenv(variables[pipe]);
    guint64 fd = 0;

    if (value == NULL)
        return TRUE;
    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT, &fd, NULL))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%s is not a descriptor: '%s'",
                        variables[pipe], value);
    if (!hf_fd_set_cloexec((int)fd, true, error)) {
        g_prefix_error(error, "%s: ", variables[pipe]);
        return FALSE;
    }
    self->fds[pipe] = (int)fd;
    return TRUE;
}

HfParentPipes *
hf_parent_pipes_new(GError **error)
{
    g_autoptr(HfParentPipes) self = g_new0(HfParentPipes, 1);

    for (int i = 0; i < HF_PARENT_PIPE_COUNT; i++)
        self->fds[i] = -1;
    for (int i = 0; i < HF_PARENT_PIPE_COUNT; i++) {
        if (!take_from_environment(self, (HfParentPipe)i, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

void
hf_parent_pipes_free(HfParentPipes *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < HF_PARENT_PIPE_COUNT; i++)
        hf_close_fd(&self->fds[i]);
    g_free(self);
}

int
hf_parent_pipes_get_fd(const HfParentPipes *self, HfParentPipe pipe)
{
    return self->fds[pipe];
}

gboolean
hf_parent_pipes_wait_start(HfParentPipes *self, int signal_fd, GError **error)
{
    struct pollfd fds[] = {
        {.fd = self->fds[HF_PARENT_START], .events = POLLIN},
        {.fd = signal_fd, .events = POLLIN},
    };

    while (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
        if (errno != EINTR)
            return hf_throw_errno(error, "wait for the start pipe");
    }
    if (fds[1].revents != 0)
        return hf_throw(error, HF_ERROR_FAILED, "ended by a signal before the start");
    return hf_parent_pipes_take_start(self, error);
}

gboolean
hf_parent_pipes_take_start(HfParentPipes *self, GError **error)
{
    char buffer[8192];
    size_t n = 0;

    if (hf_io_read(self->fds[HF_PARENT_START], buffer, sizeof buffer, &n, error) == HF_IO_FAILED) {
        g_prefix_error(error, "start pipe: ");
        return FALSE;
    }
    return TRUE;
}

/* A write that never waits for the reader, for a socket or a pipe, without changing flags that the
 * engine's end may share. */
static bool
write_now(int fd, const char *line, size_t length)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    struct stat status;

    if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
        return send(fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
    /* A pipe that is ready takes PIPE_BUF (4096) bytes whole, and no line is longer. */
    if (poll(&pollfd, 1, 0) != 1 || (pollfd.revents & POLLOUT) == 0)
        return false;
    return write(fd, line, length) == (ssize_t)length;
}

void
hf_parent_pipes_tell(HfParentPipes *self, HfParentPipe pipe, HfSyncKey key, int value,
                     const char *text, size_t text_length)
{
    g_autofree char *line = NULL;
    size_t length = 0;

    if (self->fds[pipe] < 0)
        return;
    line = hf_sync_message_format(key, value, text, text_length, &length);
    if (!write_now(self->fds[pipe], line, length))
        hf_parent_pipes_close(self, pipe);
}

void
hf_parent_pipes_close(HfParentPipes *self, HfParentPipe pipe)
{
    hf_close_fd(&self->fds[pipe]);
}

void
hf_parent_pipes_save(const HfParentPipes *self, HfStateWriter *writer)
{
    for (int i = 0; i < HF_PARENT_PIPE_COUNT; i++)
        hf_state_put_fd(writer, variables[i], self->fds[i]);
}

HfParentPipes *
hf_parent_pipes_new_saved(HfStateReader *reader)
{
    HfParentPipes *self = g_new0(HfParentPipes, 1);

    for (int i = 0; i < HF_PARENT_PIPE_COUNT; i++)
        self->fds[i] = hf_state_take_fd(reader, variables[i]);
    return self;
}
