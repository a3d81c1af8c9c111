/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * O_NONBLOCK belongs to the open file, which all who inherited the descriptor share: a shell whose
 * terminal does not block any more, or a `tee` whose pipe does not, fails. So
 *
 *   a terminal, a pipe   is opened anew through /proc/self/fd, which gives an open file of our own
 *   a file, a disk       never blocks, and has a position that is shared on purpose: as it is
 *   all else             (sockets, named FIFOs, a pty's master) gets O_NONBLOCK until it is freed
 *
 * A named FIFO that is opened anew for reading when its last writer has gone waits for the next
 * one, instead of telling its end; a pty's master that is opened anew is another pty. What cannot
 * be opened anew (another user's pipe) is treated like "all else". */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib.h>

#include "attach/shared-fd.h"
#include "base/error.h"
#include "base/fd.h"

struct HfSharedFd {
    int fd;
    bool has_changed_flags;
};

static bool
is_blocking_never(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

static bool
can_open_anew(int fd)
{
    struct statfs file_system;
    int number;

    if (isatty(fd))
        return ioctl(fd, TIOCGPTN, &number) < 0;
    return fstatfs(fd, &file_system) == 0 && file_system.f_type == PIPEFS_MAGIC;
}

static int
open_anew(int fd, int access_mode)
{
    char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, access_mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static gboolean
share(HfSharedFd *self, int fd, GError **error)
{
    int flags = fcntl(fd, F_GETFL);

    self->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (flags < 0 || self->fd < 0)
        return hf_throw_errno(error, "duplicate descriptor %d", fd);
    if (is_blocking_never(fd) || (flags & O_NONBLOCK) != 0)
        return TRUE;
    self->has_changed_flags = true;
    return hf_fd_set_nonblocking(self->fd, true, error);
}

static HfSharedFd *
new_shared_fd(int fd, int access_mode, GError **error)
{
    g_autoptr(HfSharedFd) self = g_new0(HfSharedFd, 1);

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    self->fd = can_open_anew(fd) ? open_anew(fd, access_mode) : -1;
    if (self->fd < 0 && !share(self, fd, error))
        return NULL;
    return g_steal_pointer(&self);
}

HfSharedFd *
hf_shared_fd_new_reader(int fd, GError **error)
{
    return new_shared_fd(fd, O_RDONLY, error);
}

HfSharedFd *
hf_shared_fd_new_writer(int fd, GError **error)
{
    return new_shared_fd(fd, O_WRONLY, error);
}

void
hf_shared_fd_free(HfSharedFd *self)
{
    g_autoptr(GError) ignored = NULL;

    if (self == NULL)
        return;
    if (self->has_changed_flags && !hf_fd_set_nonblocking(self->fd, false, &ignored))
        g_clear_error(&ignored);
    hf_close_fd(&self->fd);
    g_free(self);
}

int
hf_shared_fd_get(const HfSharedFd *self)
{
    return self->fd;
}
