/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "seccomp-agent/record-file.h"

struct HfRecordFile {
    char *path;
    gsize size_max;
    gsize size;
    int fd; /* -1 after a rotation that failed half-way: the next write opens it again */
};

static gboolean
open_file(HfRecordFile *self, GError **error)
{
    hf_autofd fd =
        open(self->path,
             O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    struct stat status;

    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", self->path);
    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "look at '%s'", self->path);
    if (!S_ISREG(status.st_mode))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is no regular file", self->path);
    /* Who waits for the last record waits for this lock. It is shared: nobody is kept from it. */
    (void)flock(fd, LOCK_SH | LOCK_NB);
    self->size = (gsize)status.st_size;
    self->fd = hf_steal_fd(&fd);
    return TRUE;
}

HfRecordFile *
hf_record_file_new(const char *path, gsize size_max, GError **error)
{
    g_autoptr(HfRecordFile) self = g_new0(HfRecordFile, 1);

    self->fd = -1;
    self->path = g_strdup(path);
    self->size_max = size_max;
    return open_file(self, error) ? g_steal_pointer(&self) : NULL;
}

void
hf_record_file_free(HfRecordFile *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_free(self->path);
    g_free(self);
}

static gboolean
rotate(HfRecordFile *self, GError **error)
{
    g_autofree char *full = g_strconcat(self->path, ".1", NULL);

    hf_close_fd(&self->fd);
    if (rename(self->path, full) < 0 && errno != ENOENT)
        return hf_throw_errno(error, "rename '%s' to '%s'", self->path, full);
    return TRUE;
}

gboolean
hf_record_file_write(HfRecordFile *self, const char *lines, gsize length, GError **error)
{
    gsize done = 0;

    if (self->fd >= 0 && self->size > 0 && self->size + length > self->size_max &&
        !rotate(self, error))
        return FALSE;
    if (self->fd < 0 && !open_file(self, error))
        return FALSE;
    while (done < length) {
        size_t written = 0;

        if (hf_io_write(self->fd, lines + done, length - done, &written, error) != HF_IO_DATA) {
            /* Half a line would make the next one unreadable. */
            (void)!ftruncate(self->fd, (off_t)self->size);
            if (error != NULL && *error == NULL)
                hf_throw(error, HF_ERROR_FAILED, "write '%s'", self->path);
            return FALSE;
        }
        done += written;
    }
    self->size += length;
    return TRUE;
}
