/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"

/* What a file is to be. */
typedef struct {
    const char *data;
    size_t length;
    mode_t mode;
    bool is_durable;
} Content;

static gboolean
write_whole(int fd, const Content *content, GError **error)
{
    const char *data = content->data;
    size_t left = content->length;

    while (left > 0) {
        size_t n = 0;
        HfIoResult result = hf_io_write(fd, data, left, &n, error);

        if (result == HF_IO_FAILED)
            return FALSE;
        if (result != HF_IO_DATA)
            return hf_throw(error, HF_ERROR_FAILED, "write: not a regular file");
        data += n;
        left -= n;
    }
    /* The mode of a file is what was asked for, whatever the umask is. */
    if (fchmod(fd, content->mode) < 0)
        return hf_throw_errno(error, "set the mode");
    if (content->is_durable && fsync(fd) < 0)
        return hf_throw_errno(error, "sync");
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

bool
hf_atomic_file_is_unfinished(const char *entry, const char *name)
{
    size_t length = strlen(name);

    return entry[0] == '.' && strncmp(entry + 1, name, length) == 0 && entry[length + 1] == '.';
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
write_named(int dir_fd, const char *name, const Content *content, GError **error)
{
    g_autofree char *temporary = temporary_name(name);
    hf_autofd fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return hf_throw_errno(error, "create a temporary file");
    if (write_whole(fd, content, error)) {
        if (renameat(dir_fd, temporary, dir_fd, name) == 0)
            return TRUE;
        hf_throw_errno(error, "rename");
    }
    (void)unlinkat(dir_fd, temporary, 0);
    return FALSE;
}

/* The name is on disk only when the directory is. Some file systems have no such call. */
static gboolean
sync_directory(int dir_fd, const char *dir, GError **error)
{
    hf_autofd fd = openat(dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return hf_throw_errno(error, "open its directory");
    if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
        return hf_throw_errno(error, "sync its directory");
    return TRUE;
}

static gboolean
write_at(int dir_fd, const char *name, const Content *content, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(name);
    hf_autofd fd = openat(dir_fd, dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    gboolean ok;

    if (fd >= 0) {
        ok = write_whole(fd, content, error) && publish_unnamed(fd, dir_fd, name, error);
    } else if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) {
        ok = write_named(dir_fd, name, content, error);
    } else {
        ok = hf_throw_errno(error, "create");
    }
    if (ok && content->is_durable)
        ok = sync_directory(dir_fd, dir, error);
    if (!ok)
        g_prefix_error(error, "write '%s': ", name);
    return ok;
}

gboolean
hf_atomic_file_write_at(int dir_fd, const char *name, const void *data, size_t length, mode_t mode,
                        GError **error)
{
    const Content content = {data, length, mode, .is_durable = false};

    return write_at(dir_fd, name, &content, error);
}

gboolean
hf_atomic_file_write_durable_at(int dir_fd, const char *name, const void *data, size_t length,
                                mode_t mode, GError **error)
{
    const Content content = {data, length, mode, .is_durable = true};

    return write_at(dir_fd, name, &content, error);
}
