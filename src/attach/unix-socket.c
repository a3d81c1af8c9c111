/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A socket address holds 108 bytes, the path of a bundle may be longer. /proc/self/fd/N/NAME names
 * the same place in a few bytes and cannot be redirected by renaming a directory.
 *
 * bind(2) makes the socket's file with the mode of the descriptor less the umask. The mode is set
 * twice: on the descriptor before, so that the file is never open to more than was asked for, and
 * on the file after, so that the umask does not count. Listening comes last: nobody can connect
 * before the mode is right. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"

/* What may wait to be accepted while the loop is busy. */
#define BACKLOG 128

gboolean
hf_unix_socket_make_address(int dir_fd, const char *name, struct sockaddr_un *out_address,
                            GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);

    if (length < 0 || (size_t)length >= sizeof address.sun_path)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "the socket's name '%s' is too long",
                        name);
    *out_address = address;
    return TRUE;
}

static gboolean
remove_stale_socket(int dir_fd, const char *name, GError **error)
{
    struct stat status;

    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? TRUE : hf_throw_errno(error, "look at '%s'", name);
    if (!S_ISSOCK(status.st_mode))
        return hf_throw(error, HF_ERROR_EXISTS, "'%s' exists and is no socket", name);
    if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
        return hf_throw_errno(error, "remove the old socket '%s'", name);
    return TRUE;
}

static gboolean
bind_name(int fd, int dir_fd, const char *name, GError **error)
{
    struct sockaddr_un address;

    if (!hf_unix_socket_make_address(dir_fd, name, &address, error))
        return FALSE;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return TRUE;
    if (errno != EADDRINUSE)
        return hf_throw_errno(error, "bind socket '%s'", name);
    if (!remove_stale_socket(dir_fd, name, error))
        return FALSE;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return hf_throw_errno(error, "bind socket '%s'", name);
    return TRUE;
}

static gboolean
open_to_clients(int fd, int dir_fd, const char *name, int type, mode_t mode, GError **error)
{
    if (fchmodat(dir_fd, name, mode, AT_SYMLINK_NOFOLLOW) < 0)
        return hf_throw_errno(error, "set the mode of socket '%s'", name);
    if (type == SOCK_SEQPACKET && listen(fd, BACKLOG) < 0)
        return hf_throw_errno(error, "listen on socket '%s'", name);
    return TRUE;
}

int
hf_unix_socket_bind_at(int dir_fd, const char *name, int type, mode_t mode, GError **error)
{
    g_return_val_if_fail(dir_fd >= 0 && name != NULL, -1);
    g_return_val_if_fail(error == NULL || *error == NULL, -1);

    hf_autofd fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return hf_throw_errno(error, "make a socket"), -1;
    if (fchmod(fd, mode) < 0)
        return hf_throw_errno(error, "set the mode of a socket"), -1;
    if (!bind_name(fd, dir_fd, name, error))
        return -1;
    if (!open_to_clients(fd, dir_fd, name, type, mode, error)) {
        (void)unlinkat(dir_fd, name, 0);
        return -1;
    }
    return hf_steal_fd(&fd);
}
