/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * append() has the format write a record at the end of one buffer; move_pending() hands all of the
 * buffer to the log file and keeps what that did not take. It runs at each flush(), and within
 * append() when the buffer is larger than FLUSH_BYTES, so that a read full of empty lines (one byte
 * in, 46 out) does not grow it.
 *
 *      buffer:  ....[start  the rest of a line | line | line  end)....
 *
 * Stalled means that the target did not take all of it the last time: a full disk, or a FIFO whose
 * reader is slow. append() then does not try (flush() does, when the router says so), and fills the
 * buffer up to its bound. What comes after is dropped in whole records and counted. Once dropping,
 * it goes on until the buffer is half empty, else there would be a record of the loss for each
 * record. The record that tells of it stands where the records are missing: it is appended before
 * the next one that is taken, or by the flush() that empties the buffer.
 *
 * A line that was written in part and cannot be completed, because the file was replaced meanwhile,
 * is dropped too: its rest would be no record in the new file.
 *
 * A raw format has no records but pieces of lines: its bytes go on in the new file, and the report
 * begins on a line of its own.
 *
 * global_size_max counts down. The first record that does not fit takes what is left of it, so that
 * no smaller one after it is written: the log is a whole beginning, without a gap. */

#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "base/scratch.h"
#include "logging/file-sink.h"
#include "logging/log-file.h"
#include "logging/log-loss.h"
#include "logging/log-progress.h"

#define FLUSH_BYTES (256 * 1024)
#define BUFFER_SIZE_MIN (FLUSH_BYTES + 64 * 1024)

typedef struct {
    HfLogSink sink;
    HfLogSinkClass klass; /* the class of all file sinks under the format's name */
    HfLogFile *file;
    HfLogFormat *format;
    HfScratch buffer;
    size_t start;
    size_t end;
    gint64 total_left; /* of global_size_max */
    size_t pending_max;
    bool is_within_line; /* after what was appended last; raw formats only */
    bool is_stalled;
    bool is_dropping;
    HfLogLoss missing;
    HfLogLoss over_limit;
    char *cause; /* of the stall; NULL: the target took no more */
    HfLogProgress progress;
} HfFileSink;

static void
set_cause(HfFileSink *self, const GError *error)
{
    /* The cause of the first loss is told; until there is one, that of the last stall. */
    if (self->missing.records > 0)
        return;
    g_free(self->cause);
    self->cause = error == NULL ? NULL : g_strdup(error->message);
}

static HfIoResult
move_pending(HfFileSink *self, GError **error)
{
    g_autoptr(GError) local_error = NULL;
    size_t n = 0;
    HfIoResult result = hf_log_file_write(self->file, (const char *)self->buffer.data + self->start,
                                          self->end - self->start, &n, &local_error);

    self->start += n;
    if (self->start == self->end)
        self->start = self->end = 0;
    self->is_stalled = result != HF_IO_DATA;
    if (self->start == self->end)
        hf_log_progress_commit(&self->progress, self->file);
    if (self->is_stalled)
        set_cause(self, local_error);
    else
        self->is_dropping = false;
    if (local_error != NULL)
        g_propagate_error(error, g_steal_pointer(&local_error));
    return result;
}

/* Space for @size bytes at the end. What waits is moved to the front only over as much free space,
 * so that many small records do not each move a large buffer. */
static char *
make_space(HfFileSink *self, size_t size)
{
    size_t pending = self->end - self->start;

    if (self->end + size > self->buffer.size && self->start > pending) {
        memcpy(self->buffer.data, (char *)self->buffer.data + self->start, pending);
        self->start = 0;
        self->end = pending;
    }
    if (self->end + size > self->buffer.size)
        hf_scratch_reserve(&self->buffer, MAX(BUFFER_SIZE_MIN, 2 * (self->end + size)));
    return (char *)self->buffer.data + self->end;
}

static void
commit(HfFileSink *self, size_t size)
{
    self->end += size;
    self->is_within_line = ((const char *)self->buffer.data)[self->end - 1] != '\n';
}

static void
put_report(HfFileSink *self)
{
    const HfLogFormatClass *format = self->format->klass;
    g_autofree char *text = hf_log_loss_describe(
        &self->missing, self->cause != NULL ? self->cause : "the log's reader is too slow");
    g_autofree char *line = g_strconcat(self->is_within_line ? "\n" : "", text, NULL);
    HfLogRecord record = {
        .stream = HF_STREAM_STDERR,
        .bytes = line,
        .length = strlen(line),
        .time = hf_clock_now(),
    };
    char *buffer = make_space(self, format->measure(self->format, &record));

    self->missing = (HfLogLoss){0};
    commit(self, format->write(self->format, buffer, &record));
}

/* Moves what is in the way of @size bytes. False: the target does not take it. */
static bool
make_way(HfFileSink *self, size_t size)
{
    size_t pending = self->end - self->start;

    if (!self->is_stalled && pending > 0 && pending + size > FLUSH_BYTES)
        (void)move_pending(self, NULL);
    return !self->is_stalled;
}

/* Whether a record of @size bytes is taken, after make_way(). */
static bool
admit(HfFileSink *self, size_t size)
{
    if (self->is_stalled) {
        size_t limit = self->is_dropping ? self->pending_max / 2 : self->pending_max;

        self->is_dropping = self->end - self->start + size > limit;
    }
    if (self->is_dropping)
        return false;
    if (self->missing.records > 0)
        put_report(self);
    return true;
}

static void
append_record(HfLogSink *sink, const HfLogRecord *whole_record)
{
    HfFileSink *self = (HfFileSink *)sink;
    const HfLogFormatClass *format = self->format->klass;
    HfLogRecord copy = *whole_record;
    const HfLogRecord *record = &copy;

    /* Before the record counts: what moves is marked, with all that counts. */
    (void)make_way(self, format->measure(self->format, record));
    if (hf_log_progress_take(&self->progress, &copy))
        return;
    size_t size = format->measure(self->format, record);

    if (self->total_left == 0) {
        hf_log_loss_add(&self->over_limit, 1, record->length);
        return;
    }
    if (!admit(self, size)) {
        hf_log_loss_add(&self->missing, 1, record->length);
        return;
    }
    size = format->write(self->format, make_space(self, size), record);
    if ((gint64)size > self->total_left) {
        self->total_left = 0;
        hf_log_loss_add(&self->over_limit, 1, record->length);
        return;
    }
    self->total_left -= (gint64)size;
    if (size > 0)
        commit(self, size);
}

static void
append_lines(HfLogSink *sink, const HfLogLines *lines)
{
    HfFileSink *self = (HfFileSink *)sink;
    const HfLogFormatClass *format = self->format->klass;
    size_t size = format->measure_lines(self->format, lines);

    /* What is dropped, counted or reported is so line by line. */
    if (hf_log_progress_has_known(&self->progress, lines->stream) || !make_way(self, size) ||
        self->missing.records > 0 || (gint64)size > self->total_left) {
        hf_log_sink_append_each(sink, lines);
        return;
    }
    size = format->write_lines(self->format, make_space(self, size), lines);
    self->total_left -= (gint64)size;
    hf_log_progress_add(&self->progress, lines->stream, lines->size);
    commit(self, size);
}

static HfIoResult
flush(HfLogSink *sink, GError **error)
{
    HfFileSink *self = (HfFileSink *)sink;
    HfIoResult result = move_pending(self, error);
    const GError *rotation_error;

    if (result == HF_IO_DATA && self->missing.records > 0) {
        put_report(self);
        result = move_pending(self, error);
    }
    rotation_error = hf_log_file_get_rotation_error(self->file);
    if (result == HF_IO_DATA && rotation_error != NULL) {
        g_propagate_error(error, g_error_copy(rotation_error));
        result = HF_IO_FAILED;
    }
    return result;
}

static size_t
get_pending(const HfLogSink *sink)
{
    const HfFileSink *self = (const HfFileSink *)sink;

    return self->end - self->start;
}

static bool
is_lossy(const HfLogSink *sink)
{
    const HfFileSink *self = (const HfFileSink *)sink;

    return hf_log_file_is_stream(self->file);
}

static int
get_wait_fd(const HfLogSink *sink)
{
    const HfFileSink *self = (const HfFileSink *)sink;

    return hf_log_file_is_fifo(self->file) ? hf_log_file_get_fd(self->file) : -1;
}

/* The length of the first line that waits, with its newline if it has one. */
static size_t
measure_head(const HfFileSink *self)
{
    const char *head = (const char *)self->buffer.data + self->start;
    size_t pending = self->end - self->start;
    const char *newline = pending > 0 ? memchr(head, '\n', pending) : NULL;

    return newline == NULL ? pending : (size_t)(newline - head) + 1;
}

static void
count_head(HfFileSink *self, size_t length)
{
    const char *line = (const char *)self->buffer.data + self->start;
    size_t bare = line[length - 1] == '\n' ? length - 1 : length;

    hf_log_loss_add(&self->missing, 1,
                    self->format->klass->measure_message(self->format, line, bare));
}

static void
drop_pending(HfLogSink *sink)
{
    HfFileSink *self = (HfFileSink *)sink;
    size_t start = self->start;

    if (hf_log_file_is_torn(self->file))
        self->start += measure_head(self);
    size_t end = self->start;
    while (self->start < self->end) {
        size_t length = measure_head(self);

        count_head(self, length);
        self->start += length;
    }
    self->start = start;
    self->end = end;
    self->is_within_line = false;
    self->is_dropping = false;
}

/* The rest of a line whose beginning is in a file that is no longer ours. */
static void
drop_torn_line(HfFileSink *self)
{
    size_t length = measure_head(self);

    hf_log_loss_add(&self->missing, 1, length - 1);
    self->start += length;
}

static gboolean
reopen(HfLogSink *sink, GError **error)
{
    HfFileSink *self = (HfFileSink *)sink;
    bool is_same = false;
    bool was_torn;

    (void)move_pending(self, NULL);
    was_torn = hf_log_file_is_torn(self->file);
    if (!hf_log_file_reopen(self->file, &is_same, error))
        return FALSE;
    if (was_torn && !is_same && !self->format->klass->is_raw)
        drop_torn_line(self);
    self->is_stalled = false;
    self->is_dropping = false;
    if (self->start == self->end)
        hf_log_progress_commit(&self->progress, self->file);
    return TRUE;
}

static int
get_sync_fd(const HfLogSink *sink)
{
    const HfFileSink *self = (const HfFileSink *)sink;

    return hf_log_file_is_stream(self->file) ? -1 : hf_log_file_get_fd(self->file);
}

static void
release_memory(HfLogSink *sink)
{
    HfFileSink *self = (HfFileSink *)sink;

    if (self->start == self->end)
        hf_scratch_release(&self->buffer);
}

static void
save(const HfLogSink *sink, HfStateWriter *writer)
{
    const HfFileSink *self = (const HfFileSink *)sink;

    hf_log_file_save(self->file, writer);
    hf_state_put_bytes(writer, "pending", (const char *)self->buffer.data + self->start,
                       self->end - self->start);
    hf_state_put_number(writer, "total-left", self->total_left);
    hf_state_put_bool(writer, "is-within-line", self->is_within_line);
    hf_state_put_bool(writer, "is-stalled", self->is_stalled);
    hf_state_put_bool(writer, "is-dropping", self->is_dropping);
    hf_log_loss_save(&self->missing, writer, "missing");
    hf_log_loss_save(&self->over_limit, writer, "over-limit");
    hf_state_put_text(writer, "cause", self->cause);
    hf_log_progress_save(&self->progress, writer);
}

static void
restore(HfFileSink *self, HfStateReader *reader)
{
    size_t length = 0;
    const char *pending = hf_state_get_bytes(reader, "pending", &length);

    if (length > 0) {
        memcpy(make_space(self, length), pending, length);
        self->end += length;
    }
    self->total_left = hf_state_get_number(reader, "total-left", 0, G_MAXINT64, self->total_left);
    self->is_within_line = hf_state_get_bool(reader, "is-within-line");
    self->is_stalled = hf_state_get_bool(reader, "is-stalled");
    self->is_dropping = hf_state_get_bool(reader, "is-dropping");
    hf_log_loss_restore(&self->missing, reader, "missing");
    hf_log_loss_restore(&self->over_limit, reader, "over-limit");
    self->cause = g_strdup(hf_state_get_text(reader, "cause"));
    hf_log_progress_restore(&self->progress, reader);
}

static void
free_sink(HfLogSink *sink)
{
    HfFileSink *self = (HfFileSink *)sink;

    hf_log_file_free(self->file);
    hf_scratch_release(&self->buffer);
    self->format->klass->free(self->format);
    g_free(self->cause);
    g_free(self);
}

static const HfLogSinkClass file_sink_class = {
    .append = append_record,
    .append_lines = append_lines,
    .flush = flush,
    .get_pending = get_pending,
    .is_lossy = is_lossy,
    .get_wait_fd = get_wait_fd,
    .drop_pending = drop_pending,
    .reopen = reopen,
    .get_sync_fd = get_sync_fd,
    .save = save,
    .release_memory = release_memory,
    .free = free_sink,
};

HfLogSink *
hf_file_sink_new(const HfFileSinkOptions *options, HfLogFormat *take_format, GError **error)
{
    const HfLogFileOptions file_options = {
        .path = options->path,
        .size_max = options->size_max,
        .files_max = options->files_max,
        .is_raw = take_format->klass->is_raw,
        .is_fifo = options->is_fifo,
        .on_rotated = options->on_rotated,
        .user_data = options->user_data,
        .mark = options->mark,
        .saved = options->saved,
    };
    HfLogProgress progress;
    HfLogFile *file;
    HfFileSink *self;

    /* What is restored goes on in the same file, of which nothing has to be settled. */
    hf_log_progress_init(&progress, &file_options, options->saved != NULL ? NULL : options->handed);
    file = hf_log_file_new_with_options(&file_options, error);
    if (file == NULL) {
        take_format->klass->free(take_format);
        return NULL;
    }
    self = g_new0(HfFileSink, 1);
    self->klass = file_sink_class;
    self->klass.name = take_format->klass->name;
    self->sink.klass = &self->klass;
    self->file = file;
    self->format = take_format;
    self->progress = progress;
    self->total_left = options->global_size_max > 0 ? options->global_size_max : G_MAXINT64;
    self->pending_max = MAX(options->pending_max, HF_FILE_SINK_PENDING_MAX);
    if (options->saved != NULL)
        restore(self, options->saved);
    if (options->saved == NULL || !hf_log_progress_is_marked(&self->progress))
        hf_log_progress_commit(&self->progress, file);
    return &self->sink;
}

void
hf_file_sink_get_over_limit(const HfLogSink *sink, guint64 *out_records, guint64 *out_bytes)
{
    const HfFileSink *self = (const HfFileSink *)sink;

    *out_records = self->over_limit.records;
    *out_bytes = self->over_limit.bytes;
}
