/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a file is known by device and inode, which cannot be used again as long as we
 * hold it open. Its number is found by looking at the names.
 *
 * A full file may be compressed while we hold it: PATH.N.gz appears, then PATH.N is removed. What
 * we hold has no name then, and its place is where its copy is. The plain form is looked for first:
 * if it has gone, the other is there already. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "logging/log-reader-file.h"
#include "logging/log-reader-unpack.h"

#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
/* Free numbers in a row that end a search upwards. */
#define FREE_NUMBERS_MAX 8

static char *
dup_name(const HfLogReaderPlace *place, guint number, bool is_compressed)
{
    const char *suffix = is_compressed ? ".gz" : "";

    return number == 0 ? g_strdup(place->name)
                       : g_strdup_printf("%s.%u%s", place->name, number, suffix);
}

static bool
may_be_compressed(guint number)
{
    return number > 0 && hf_log_reader_unpack_is_supported();
}

static bool
stat_form(const HfLogReaderPlace *place, guint number, bool is_compressed, struct stat *out_status)
{
    g_autofree char *name = dup_name(place, number, is_compressed);

    return fstatat(place->directory_fd, name, out_status, 0) == 0 && S_ISREG(out_status->st_mode);
}

static HfLogReaderFind
open_form(const HfLogReaderPlace *place, guint number, bool is_compressed,
          HfLogReaderFile **out_file, GError **error)
{
    g_autofree char *name = dup_name(place, number, is_compressed);
    hf_autofd fd = openat(place->directory_fd, name, OPEN_FLAGS);
    struct stat status;

    if (fd < 0 && errno == ENOENT)
        return HF_LOG_READER_NONE;
    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", name), HF_LOG_READER_FAILED;
    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "stat '%s'", name), HF_LOG_READER_FAILED;
    if (!S_ISREG(status.st_mode))
        return HF_LOG_READER_NONE;

    *out_file = g_new0(HfLogReaderFile, 1);
    (*out_file)->device = status.st_dev;
    (*out_file)->inode = status.st_ino;
    (*out_file)->number = number;
    (*out_file)->is_compressed = is_compressed;
    (*out_file)->plain_fd = -1;
    (*out_file)->watch = -1;
    (*out_file)->fd = hf_steal_fd(&fd);
    return HF_LOG_READER_FOUND;
}

HfLogReaderFind
hf_log_reader_file_open(const HfLogReaderPlace *place, guint number, HfLogReaderFile **out_file,
                        GError **error)
{
    HfLogReaderFind result = open_form(place, number, false, out_file, error);

    if (result == HF_LOG_READER_NONE && may_be_compressed(number))
        result = open_form(place, number, true, out_file, error);
    return result;
}

void
hf_log_reader_file_free(HfLogReaderFile *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->plain_fd);
    hf_close_fd(&self->fd);
    g_free(self);
}

bool
hf_log_reader_file_stat(const HfLogReaderPlace *place, guint number, struct stat *out_status)
{
    return stat_form(place, number, false, out_status) ||
           (may_be_compressed(number) && stat_form(place, number, true, out_status));
}

static bool
has_no_name(const HfLogReaderFile *self)
{
    struct stat status;

    return fstat(self->fd, &status) < 0 || status.st_nlink == 0;
}

static bool
is_copied_to(const HfLogReaderFile *self, const HfLogReaderPlace *place, guint number)
{
    g_autofree char *name = dup_name(place, number, true);
    hf_autofd fd = openat(place->directory_fd, name, OPEN_FLAGS);

    return fd >= 0 && hf_log_reader_unpack_is_copy(fd, self->fd);
}

bool
hf_log_reader_file_is_at(const HfLogReaderFile *self, const HfLogReaderPlace *place, guint number)
{
    struct stat status;

    for (guint form = 0; form <= (may_be_compressed(number) ? 1 : 0); form++) {
        if (stat_form(place, number, form == 1, &status) && status.st_dev == self->device &&
            status.st_ino == self->inode)
            return true;
    }
    return may_be_compressed(number) && !self->is_compressed && has_no_name(self) &&
           is_copied_to(self, place, number);
}

static bool
search_upwards(HfLogReaderFile *self, const HfLogReaderPlace *place, guint from)
{
    guint free_numbers = 0;

    for (guint number = from; free_numbers < FREE_NUMBERS_MAX; number++) {
        struct stat status;

        if (!hf_log_reader_file_stat(place, number, &status)) {
            free_numbers++;
            continue;
        }
        free_numbers = 0;
        if (hf_log_reader_file_is_at(self, place, number)) {
            self->number = number;
            return true;
        }
    }
    return false;
}

bool
hf_log_reader_file_locate(HfLogReaderFile *self, const HfLogReaderPlace *place)
{
    if (has_no_name(self) && (self->is_compressed || !hf_log_reader_unpack_is_supported()))
        return false;
    /* From 0 once more: a rotation that was taken back makes numbers smaller. */
    return search_upwards(self, place, self->number) || search_upwards(self, place, 0);
}

int
hf_log_reader_file_get_readable_fd(const HfLogReaderFile *self)
{
    return self->is_compressed ? self->plain_fd : self->fd;
}
