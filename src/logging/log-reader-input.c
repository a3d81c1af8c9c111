/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: the buffer holds at most one incomplete line, and a block behind it.
 *
 *      start        scanned                  end
 *      | no newline | not looked at yet       |
 *
 * A file that was truncated and has grown beyond our offset since looks like one that was only
 * written to. So the last bytes before the offset are remembered, and read again together with each
 * block, by one preadv(2): if they differ, what follows them is not what followed. Time stamps make
 * every record differ from what stood there before. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/error.h"
#include "logging/log-reader-input.h"

#define BLOCK_SIZE 65536

void
hf_log_reader_input_init(HfLogReaderInput *self, size_t line_max)
{
    *self = (HfLogReaderInput){.line_max = line_max};
}

void
hf_log_reader_input_clear(HfLogReaderInput *self)
{
    hf_scratch_release(&self->buffer);
    hf_log_reader_input_start(self, 0);
}

void
hf_log_reader_input_start(HfLogReaderInput *self, off_t offset)
{
    self->start = self->scanned = self->end = 0;
    self->offset = offset;
    self->is_skipping = false;
    self->mark_length = 0;
}

static void
remember_mark(HfLogReaderInput *self, const char *block, size_t length)
{
    size_t added = MIN(length, sizeof self->mark);
    size_t kept = MIN(self->mark_length, sizeof self->mark - added);

    memmove(self->mark, self->mark + self->mark_length - kept, kept);
    memcpy(self->mark + kept, block + length - added, added);
    self->mark_length = kept + added;
}

static void
make_room(HfLogReaderInput *self)
{
    char *bytes = hf_scratch_reserve(&self->buffer, self->end - self->start + BLOCK_SIZE);

    memmove(bytes, bytes + self->start, self->end - self->start);
    self->end -= self->start;
    self->scanned -= self->start;
    self->start = 0;
}

/* Without a mark, an offset behind the end of the file is all there is to go by. */
static HfLogReaderFill
see_end(HfLogReaderInput *self, int fd)
{
    struct stat status;

    if (self->mark_length > 0 || fstat(fd, &status) < 0 || status.st_size >= self->offset)
        return HF_LOG_READER_END;
    hf_log_reader_input_start(self, 0);
    return HF_LOG_READER_TRUNCATED;
}

HfLogReaderFill
hf_log_reader_input_fill(HfLogReaderInput *self, int fd, size_t *out_length, GError **error)
{
    char mark[sizeof self->mark];
    struct iovec parts[] = {{mark, self->mark_length}, {NULL, BLOCK_SIZE}};
    ssize_t n;

    make_room(self);
    parts[1].iov_base = (char *)self->buffer.data + self->end;
    do
        n = preadv(fd, parts, G_N_ELEMENTS(parts), self->offset - (off_t)self->mark_length);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return hf_throw_errno(error, "read"), HF_LOG_READER_ERROR;
    if ((size_t)n < self->mark_length || memcmp(mark, self->mark, self->mark_length) != 0) {
        hf_log_reader_input_start(self, 0);
        return HF_LOG_READER_TRUNCATED;
    }
    n -= (ssize_t)self->mark_length;
    if (n == 0)
        return see_end(self, fd);
    remember_mark(self, parts[1].iov_base, (size_t)n);
    self->end += (size_t)n;
    self->offset += n;
    *out_length = (size_t)n;
    return HF_LOG_READER_DATA;
}

/* Hands out the beginning of a line that is too long, whose rest will be skipped. */
static bool
cut_line(HfLogReaderInput *self, const char **out_line, size_t *out_length)
{
    self->scanned = self->end;
    if (self->is_skipping) {
        self->start = self->end;
        return false;
    }
    if (self->end - self->start <= self->line_max)
        return false;
    *out_line = (const char *)self->buffer.data + self->start;
    *out_length = self->line_max;
    self->start = self->end;
    self->is_skipping = true;
    return true;
}

bool
hf_log_reader_input_take_line(HfLogReaderInput *self, const char **out_line, size_t *out_length,
                              bool *out_is_cut)
{
    const char *bytes = self->buffer.data;

    while (self->scanned < self->end) {
        const char *line = bytes + self->start;
        const char *newline = memchr(bytes + self->scanned, '\n', self->end - self->scanned);
        bool was_skipping = self->is_skipping;

        *out_is_cut = newline == NULL;
        if (newline == NULL)
            return cut_line(self, out_line, out_length);
        self->start = self->scanned = (size_t)(newline - bytes) + 1;
        self->is_skipping = false;
        if (was_skipping)
            continue;
        *out_line = line;
        *out_is_cut = (size_t)(newline - line) > self->line_max;
        *out_length = MIN((size_t)(newline - line), self->line_max);
        return true;
    }
    return false;
}

bool
hf_log_reader_input_is_within_line(const HfLogReaderInput *self)
{
    return self->start < self->end || self->is_skipping;
}

void
hf_log_reader_input_release_memory(HfLogReaderInput *self)
{
    if (self->start == self->end)
        self->start = self->scanned = self->end = 0;
    if (self->end == 0)
        hf_scratch_release(&self->buffer);
}
