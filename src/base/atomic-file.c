/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"

static gboolean
write_whole(int fd, const char *data, size_t length, mode_t mode, GError **error)
{
    while (length > 0) {
        size_t n = 0;
        HfIoResult result = hf_io_write(fd, data, length, &n, error);

        if (result == HF_IO_FAILED)
            return FALSE;
        if (result != HF_IO_DATA)
            return hf_throw(error, HF_ERROR_FAILED, "write: not a regular file");
        data += n;
        length -= n;
    }
    /* The mode of a file is what was asked for, whatever the umask is. */
    if (fchmod(fd, mode) < 0)
        return hf_throw_errno(error, "set the mode");
    return TRUE;
}

static char *
temporary_name(const char *name)
{
    g_autofree char *dir = g_path_get_dirname(name);
    g_autofree char *base = g_path_get_basename(name);
    guint32 random = 0;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (guint32)g_get_monotonic_time();
    return g_strdup_printf("%s/.%s.%08x", dir, base, random);
}

/* Gives the unnamed file @fd the name @name, in place of what has that name. */
static gboolean
publish_unnamed(int fd, int dir_fd, const char *name, GError **error)
{
    char self[64];

    (void)g_snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
        return TRUE;
    if (errno != EEXIST)
        return hf_throw_errno(error, "link");

    g_autofree char *temporary = temporary_name(name);
    if (linkat(AT_FDCWD, self, dir_fd, temporary, AT_SYMLINK_FOLLOW) < 0)
        return hf_throw_errno(error, "link");
    if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
        hf_throw_errno(error, "rename");
        (void)unlinkat(dir_fd, temporary, 0);
        return FALSE;
    }
    return TRUE;
}

static gboolean
write_named(int dir_fd, const char *name, const char *data, size_t length, mode_t mode,
            GError **error)
{
    g_autofree char *temporary = temporary_name(name);
    hf_autofd fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return hf_throw_errno(error, "create a temporary file");
    if (write_whole(fd, data, length, mode, error)) {
        if (renameat(dir_fd, temporary, dir_fd, name) == 0)
            return TRUE;
        hf_throw_errno(error, "rename");
    }
    (void)unlinkat(dir_fd, temporary, 0);
    return FALSE;
}

gboolean
hf_atomic_file_write_at(int dir_fd, const char *name, const void *data, size_t length, mode_t mode,
                        GError **error)
{
    g_autofree char *dir = g_path_get_dirname(name);
    hf_autofd fd = openat(dir_fd, dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    gboolean ok;

    if (fd >= 0) {
        ok = write_whole(fd, data, length, mode, error) && publish_unnamed(fd, dir_fd, name, error);
    } else if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) {
        ok = write_named(dir_fd, name, data, length, mode, error);
    } else {
        ok = hf_throw_errno(error, "create");
    }
    if (!ok)
        g_prefix_error(error, "write '%s': ", name);
    return ok;
}
