/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"

/* Locks of the open file description (F_OFD_SETLK): unlike those of a process they survive a fork
 * of the holder whose first process ends, and are not lost when some other descriptor of the file
 * is closed. The file is never removed: a second holder could lock the new one of that name. */

#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static gboolean
check_is_file(int fd, const char *name, GError **error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "look at '%s'", name);
    if (!S_ISREG(status.st_mode))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is not a regular file", name);
    return TRUE;
}

HfLockResult
hf_lock_file_try_take(int dir_fd, const char *name, int *out_fd, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    hf_autofd fd = openat(dir_fd, name, O_RDWR | O_CREAT | OPEN_FLAGS, 0600);

    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", name), HF_LOCK_FAILED;
    if (!check_is_file(fd, name, error))
        return HF_LOCK_FAILED;
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            return HF_LOCK_HELD;
        return hf_throw_errno(error, "lock '%s'", name), HF_LOCK_FAILED;
    }
    *out_fd = hf_steal_fd(&fd);
    return HF_LOCK_TAKEN;
}

gboolean
hf_lock_file_is_held(int dir_fd, const char *name, bool *out_is_held, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | OPEN_FLAGS);

    if (fd < 0 && errno != ENOENT)
        return hf_throw_errno(error, "open '%s'", name);
    if (fd >= 0 && !check_is_file(fd, name, error))
        return FALSE;
    if (fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return hf_throw_errno(error, "look at the lock of '%s'", name);
    *out_is_held = fd >= 0 && lock.l_type != F_UNLCK;
    return TRUE;
}
