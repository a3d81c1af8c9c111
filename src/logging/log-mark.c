/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/io.h"
#include "base/scratch.h"
#include "logging/log-mark.h"
#include "logging/log-rotation.h"

/* How this works.
 *
 * A sink moves its mark when all that it has is in the file. A program that is killed between the
 * write and the move, or within the write, leaves records behind the mark. Their number is counted
 * here, from the file: each line is a record. The file may have been rotated in between (then it is
 * one of PATH.1, PATH.2, ...), and those that are newer hold records of this write only.
 *
 * A kill within a write may leave half a line. Nobody takes half a line for a record, so it is cut
 * off, and written again whole. */

#define READ_SIZE (64 * 1024)

const HfLogMarkPlace *
hf_log_mark_get(const HfLogMark *self)
{
    return &self->places[self->current & 1];
}

void
hf_log_mark_commit(HfLogMark *self, const HfLogMarkPlace *place)
{
    guint32 next = (self->current & 1) ^ 1;

    self->places[next] = *place;
    __atomic_store_n(&self->current, next, __ATOMIC_RELEASE);
    __atomic_store_n(&self->is_set, 1, __ATOMIC_RELEASE);
}

void
hf_log_mark_advance(HfLogMark *self, guint64 device, guint64 inode, guint64 size, guint64 units)
{
    HfLogMarkPlace place = *hf_log_mark_get(self);

    place.device = device;
    place.inode = inode;
    place.size = size;
    place.units += units;
    hf_log_mark_commit(self, &place);
}

/* Lines that end behind @offset. *@out_end: where the last line of the file ends. */
static guint64
count_lines(int fd, off_t offset, off_t *out_end)
{
    HfScratch scratch = {0};
    char *buffer = hf_scratch_reserve(&scratch, READ_SIZE);
    guint64 lines = 0;
    ssize_t n;

    while ((n = pread(fd, buffer, READ_SIZE, offset)) > 0) {
        for (const char *at = buffer; (at = memchr(at, '\n', (size_t)(buffer + n - at))) != NULL;
             at++) {
            lines++;
            *out_end = offset + (at - buffer) + 1;
        }
        offset += n;
    }
    hf_scratch_release(&scratch);
    return lines;
}

/* What stands behind @from in the file; its half line is cut off. */
static guint64
settle_file(const char *path, guint64 from, bool is_raw)
{
    hf_autofd fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    off_t end = 0;

    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    if (is_raw)
        return (guint64)MAX(status.st_size - (off_t)from, 0);
    /* A line that was begun before the mark ends behind it. */
    guint64 lines = count_lines(fd, (off_t)from, &end);
    if (lines == 0)
        (void)count_lines(fd, 0, &end);
    if (end < status.st_size)
        (void)!ftruncate(fd, end);
    return lines;
}

static bool
is_marked(const HfLogMarkPlace *place, const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_dev == place->device &&
           status.st_ino == place->inode;
}

/* The number of the full file that the mark is in; 0: the log itself. */
static guint
find_marked(const HfLogMarkPlace *place, const char *path, guint files_max)
{
    if (is_marked(place, path))
        return 0;
    for (guint i = 1; i <= files_max; i++) {
        g_autofree char *name = hf_log_rotation_get_name(path, i, false);

        if (is_marked(place, name))
            return i;
    }
    /* It was removed. All that is there is newer, unless nothing was rotated. */
    return files_max + 1;
}

guint64
hf_log_mark_settle(const HfLogMark *self, const char *path, guint files_max, bool is_raw)
{
    const HfLogMarkPlace *place = hf_log_mark_get(self);
    guint number = find_marked(place, path, files_max);
    guint64 units = place->units;

    for (guint i = MIN(number, files_max); i > 0; i--) {
        g_autofree char *name = hf_log_rotation_get_name(path, i, false);

        units += settle_file(name, i == number ? place->size : 0, is_raw);
    }
    return units + settle_file(path, number == 0 ? place->size : 0, is_raw);
}
