/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: lines are looked at from the last to the first. One that is not partial ends a
 * message, and is counted until there are N.
 *
 * With the Nth, the pieces in front of it are still to be found. They may lie behind lines of the
 * other stream, which end messages that are not among the last N. So the search goes on until the
 * line before each counted message of a stream is known to be the end of another, and the messages
 * that lie behind the place found, but are not counted, are reported as to be skipped. Pieces that
 * are farther away than a message may be long are not looked for.
 *
 * Blocks are put in front of what is left of the one read before:
 *
 *      position (in the file)                  position + used
 *      | new block        | rest of a line \n |
 *
 * Of a line that is too long only its end is thrown away: what it is stands at its beginning. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/scratch.h"
#include "logging/log-reader-join.h"
#include "logging/log-reader-tail.h"

#define BLOCK_SIZE 65536
/* What is kept of a line that is too long; the prefix of a CRI record is shorter. */
#define BEGINNING_SIZE 256

typedef struct {
    bool has_line;        /* one was seen */
    bool needs_beginning; /* of the message its last line seen belongs to */
    guint64 pending;      /* complete messages seen since the start was moved last, not counted */
    guint64 skip;
} StreamState;

struct HfLogReaderTail {
    const HfLogReaderOptions *options;
    size_t line_max;
    int fd; /* borrowed */
    HfScratch buffer;
    size_t used;
    off_t position;
    bool has_end; /* the last byte of the buffer ends a line */
    guint entered;
    guint start_file; /* 1 is the first that was entered */
    off_t start_offset;
    guint64 counted;
    size_t surplus_bytes; /* looked at since the last message was counted */
    StreamState streams[HF_STREAM_COUNT];
    GString *scratch;
};

HfLogReaderTail *
hf_log_reader_tail_new(const HfLogReaderOptions *options, size_t line_max)
{
    HfLogReaderTail *self = g_new0(HfLogReaderTail, 1);

    self->options = options;
    self->line_max = line_max;
    self->fd = -1;
    self->start_file = 1;
    self->scratch = g_string_new(NULL);
    return self;
}

void
hf_log_reader_tail_free(HfLogReaderTail *self)
{
    if (self == NULL)
        return;
    hf_scratch_release(&self->buffer);
    g_string_free(self->scratch, TRUE);
    g_free(self);
}

gboolean
hf_log_reader_tail_enter(HfLogReaderTail *self, int fd, GError **error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "stat a log file");
    self->fd = fd;
    self->position = status.st_size;
    self->used = 0;
    self->has_end = false;
    self->entered++;
    return TRUE;
}

static void
move_start(HfLogReaderTail *self, off_t offset)
{
    self->start_file = self->entered;
    self->start_offset = offset;
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        self->streams[i].skip += self->streams[i].pending;
        self->streams[i].pending = 0;
    }
}

static bool
is_counted_out(const HfLogReaderTail *self)
{
    return self->counted >= (guint64)self->options->tail;
}

/* The last line of a message. */
static void
see_end(HfLogReaderTail *self, const HfLogLine *line, off_t offset)
{
    StreamState *stream = &self->streams[line->stream];
    bool is_wanted = hf_log_reader_join_wants(self->options, line);

    stream->needs_beginning = is_wanted && !is_counted_out(self);
    if (stream->needs_beginning) {
        self->counted++;
        self->surplus_bytes = 0;
        move_start(self, offset);
    } else if (is_wanted) {
        stream->pending++;
    }
}

static void
see_line(HfLogReaderTail *self, const char *text, size_t length, off_t offset)
{
    HfLogLine line;
    StreamState *stream;

    if (hf_log_line_parse(self->options->format, text, MIN(length, self->line_max), self->scratch,
                          &line) != HF_PARSE_OK)
        return;
    if (self->options->has_stream && line.stream != self->options->stream)
        return;
    stream = &self->streams[line.stream];
    if (!line.is_partial) {
        see_end(self, &line, offset);
    } else if (stream->needs_beginning || !stream->has_line) {
        stream->needs_beginning = true;
        move_start(self, offset);
    }
    stream->has_line = true;
}

static bool
is_done(const HfLogReaderTail *self)
{
    if (!is_counted_out(self))
        return false;
    if (self->surplus_bytes > self->options->message_max + BLOCK_SIZE)
        return true;
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->streams[i].needs_beginning)
            return false;
    }
    return true;
}

/* Reads the @size bytes before the position; FALSE without an error: they are no longer there. */
static gboolean
read_before(HfLogReaderTail *self, size_t size, GError **error)
{
    char *bytes = hf_scratch_reserve(&self->buffer, self->used + BLOCK_SIZE);
    size_t done = 0;

    memmove(bytes + size, bytes, self->used);
    while (done < size) {
        ssize_t n =
            pread(self->fd, bytes + done, size - done, self->position - (off_t)size + (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hf_throw_errno(error, "read a log file");
        if (n == 0)
            return FALSE;
        done += (size_t)n;
    }
    self->position -= (off_t)size;
    self->used += size;
    self->surplus_bytes += size;
    return TRUE;
}

/* What follows the last newline of a file is no line yet. */
static void
drop_incomplete(HfLogReaderTail *self)
{
    const char *bytes = self->buffer.data;
    const char *newline = self->used > 0 ? memrchr(bytes, '\n', self->used) : NULL;

    self->used = newline != NULL ? (size_t)(newline - bytes) + 1 : 0;
    self->has_end = newline != NULL;
    if (self->entered == 1)
        self->start_offset = self->position + (off_t)self->used;
}

/* The beginnings of lines are in the first @size bytes. What is left is the rest of a line. */
static void
see_lines(HfLogReaderTail *self, size_t size)
{
    char *bytes = self->buffer.data;

    while (self->used > 0 && !is_done(self)) {
        const char *newline = memrchr(bytes, '\n', MIN(size, self->used - 1));
        size_t start = newline != NULL ? (size_t)(newline - bytes) + 1 : 0;

        if (newline == NULL && self->position > 0)
            break;
        see_line(self, bytes + start, self->used - 1 - start, self->position + (off_t)start);
        self->used = start;
    }
    if (self->used > self->line_max + BEGINNING_SIZE) {
        self->used = BEGINNING_SIZE;
        bytes[self->used - 1] = '\n';
    }
}

HfLogReaderTailStep
hf_log_reader_tail_step(HfLogReaderTail *self, GError **error)
{
    g_autoptr(GError) read_error = NULL;
    size_t size = (size_t)MIN(self->position, BLOCK_SIZE);

    if (size > 0 && !read_before(self, size, &read_error)) {
        if (read_error != NULL) {
            g_propagate_error(error, g_steal_pointer(&read_error));
            return HF_LOG_READER_TAIL_FAILED;
        }
        /* Truncated: what is there now is new. */
        move_start(self, 0);
        return HF_LOG_READER_TAIL_DONE;
    }
    if (!self->has_end)
        drop_incomplete(self);
    see_lines(self, size);
    /* That the first file has no newline in its last block tells nothing of where to begin. */
    if (is_done(self) && (self->has_end || self->position == 0))
        return HF_LOG_READER_TAIL_DONE;
    return self->position > 0 ? HF_LOG_READER_TAIL_MORE : HF_LOG_READER_TAIL_OLDER;
}

off_t
hf_log_reader_tail_get_offset(const HfLogReaderTail *self)
{
    return self->start_offset;
}

guint
hf_log_reader_tail_count_surplus(const HfLogReaderTail *self)
{
    return self->entered - self->start_file;
}

guint64
hf_log_reader_tail_get_skip(const HfLogReaderTail *self, HfStream stream)
{
    return self->streams[stream].skip;
}
