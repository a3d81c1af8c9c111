/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A removed cgroup shows itself in two ways. A file that was opened before says ENODEV when it is
 * read. A file that was not says ENOENT when it is opened, as a file does that this kernel does not
 * have. So ENOENT is "absent", and whoever met it asks once, at the end, whether the directory
 * still has cgroup.procs, which every cgroup of both versions has. A directory that is alive then
 * was alive all the time: a new cgroup of the same name is another directory.
 *
 * EOPNOTSUPP is a file that is there and has nothing to say: pressure that is switched off,
 * cgroup.procs of a threaded cgroup. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "cgroup/cgroup-read.h"

/* cpuacct.usage_all of 8192 cpus, or io.stat of as many devices, is less. */
#define FILE_MAX (1024 * 1024)

struct HfCgroupDir {
    int fd;
    char *path;
};

static gboolean
throw_removed(GError **error, const char *path)
{
    return hf_throw(error, HF_ERROR_NOT_FOUND, "cgroup '%s' does not exist", path);
}

HfCgroupDir *
hf_cgroup_dir_open(const char *path, GError **error)
{
    HfCgroupDir *self;
    int fd;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENODEV))
        return throw_removed(error, path), NULL;
    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", path), NULL;
    self = g_new0(HfCgroupDir, 1);
    self->fd = fd;
    self->path = g_strdup(path);
    return self;
}

void
hf_cgroup_dir_free(HfCgroupDir *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_free(self->path);
    g_free(self);
}

int
hf_cgroup_dir_get_fd(const HfCgroupDir *self)
{
    return self->fd;
}

gboolean
hf_cgroup_dir_check_exists(const HfCgroupDir *self, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (faccessat(self->fd, "cgroup.procs", F_OK, 0) == 0)
        return TRUE;
    if (errno == ENOENT || errno == ENODEV)
        return throw_removed(error, self->path);
    return hf_throw_errno(error, "look for '%s/cgroup.procs'", self->path);
}

static GString *
read_all(int fd, size_t limit, int *out_errno)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    ssize_t n;

    for (;;) {
        n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || (size_t)n > limit - text->len)
            break;
        g_string_append_len(text, buffer, n);
    }
    *out_errno = n < 0 ? errno : n > 0 ? EFBIG : 0;
    return *out_errno == 0 ? g_steal_pointer(&text) : NULL;
}

char *
hf_cgroup_read_text_at(int dir_fd, const char *shown, const char *name, size_t limit,
                       size_t *out_length, GError **error)
{
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    GString *text = NULL;
    int read_errno = errno;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (fd >= 0)
        text = read_all(fd, limit, &read_errno);
    if (text != NULL) {
        *out_length = text->len;
        return g_string_free(text, FALSE);
    }
    if (read_errno == ENODEV)
        throw_removed(error, shown);
    else if (read_errno == EFBIG)
        hf_throw(error, HF_ERROR_LIMIT, "'%s/%s' has more than %zu bytes", shown, name, limit);
    else if (read_errno != ENOENT && read_errno != EOPNOTSUPP)
        hf_throw_errnum(error, read_errno, "read '%s/%s'", shown, name);
    return NULL;
}

char *
hf_cgroup_dir_read_text(const HfCgroupDir *self, const char *name, size_t limit, size_t *out_length,
                        GError **error)
{
    return hf_cgroup_read_text_at(self->fd, self->path, name, limit, out_length, error);
}

gboolean
hf_cgroup_dir_read(const HfCgroupDir *self, const char *name, HfCgroupParser parse, gpointer out,
                   bool *out_has, GError **error)
{
    g_autoptr(GError) local_error = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    text = hf_cgroup_dir_read_text(self, name, FILE_MAX, &length, &local_error);
    if (text == NULL && local_error != NULL)
        return g_propagate_error(error, g_steal_pointer(&local_error)), FALSE;
    if (out_has != NULL)
        *out_has = text != NULL;
    if (text == NULL || parse(text, length, out, error))
        return TRUE;
    g_prefix_error(error, "'%s/%s': ", self->path, name);
    return FALSE;
}
