/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * append() formats a record at the end of one buffer; move_pending() hands all of the buffer to the
 * log file and keeps what that did not take. It runs at each flush(), and within append() when the
 * buffer is larger than FLUSH_BYTES, so that a read full of empty lines (one byte in, 46 out) does
 * not grow it.
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
 * global_size_max counts down. The first record that does not fit takes what is left of it, so that
 * no smaller one after it is written: the log is a whole beginning, without a gap. */

#include <string.h>

#include <glib.h>

#include "base/scratch.h"
#include "logging/cri-file.h"
#include "logging/cri-format.h"
#include "logging/log-file.h"

#define FLUSH_BYTES (256 * 1024)
#define BUFFER_SIZE_MIN (FLUSH_BYTES + 64 * 1024)

typedef struct {
    guint64 records;
    guint64 bytes; /* of their messages */
} RecordCount;

typedef struct {
    HfLogSink sink;
    HfLogFile *file;
    HfCriFormat format;
    HfScratch buffer;
    size_t start;
    size_t end;
    gint64 total_left; /* of global_size_max */
    bool is_stalled;
    bool is_dropping;
    RecordCount missing;
    RecordCount over_limit;
    char *cause; /* of the stall; NULL: the target took no more */
} HfCriFile;

static void
count(RecordCount *counter, guint64 records, guint64 bytes)
{
    counter->records += records;
    counter->bytes += bytes;
}

static void
set_cause(HfCriFile *self, const GError *error)
{
    /* The cause of the first loss is told; until there is one, that of the last stall. */
    if (self->missing.records > 0)
        return;
    g_free(self->cause);
    self->cause = error == NULL ? NULL : g_strdelimit(g_strdup(error->message), "\n", ' ');
}

static HfIoResult
move_pending(HfCriFile *self, GError **error)
{
    g_autoptr(GError) local_error = NULL;
    size_t n = 0;
    HfIoResult result = hf_log_file_write(self->file, (const char *)self->buffer.data + self->start,
                                          self->end - self->start, &n, &local_error);

    self->start += n;
    if (self->start == self->end)
        self->start = self->end = 0;
    self->is_stalled = result != HF_IO_DATA;
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
make_space(HfCriFile *self, size_t size)
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
put_record(HfCriFile *self, const HfLogRecord *record, size_t size)
{
    hf_cri_format_write(&self->format, make_space(self, size), record);
    self->end += size;
}

static void
put_report(HfCriFile *self)
{
    g_autofree char *text =
        g_strdup_printf("holdfast: %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT
                        " records were not logged: %s",
                        self->missing.bytes, self->missing.records,
                        self->cause != NULL ? self->cause : "the log's reader is too slow");
    HfLogRecord record = {
        .stream = HF_STREAM_STDERR,
        .bytes = text,
        .length = strlen(text),
        .time = hf_clock_now(),
    };

    self->missing = (RecordCount){0};
    put_record(self, &record, hf_cri_format_get_overhead(&self->format) + record.length);
}

/* Whether a record of @size bytes is taken. */
static bool
admit(HfCriFile *self, size_t size)
{
    if (!self->is_stalled && self->end - self->start + size > FLUSH_BYTES)
        (void)move_pending(self, NULL);
    if (self->is_stalled) {
        size_t limit = self->is_dropping ? HF_CRI_FILE_PENDING_MAX / 2 : HF_CRI_FILE_PENDING_MAX;

        self->is_dropping = self->end - self->start + size > limit;
    }
    if (self->is_dropping)
        return false;
    if (self->missing.records > 0)
        put_report(self);
    return true;
}

static void
append_record(HfLogSink *sink, const HfLogRecord *record)
{
    HfCriFile *self = (HfCriFile *)sink;
    size_t size = hf_cri_format_get_overhead(&self->format) + record->length;

    if ((gint64)size > self->total_left) {
        self->total_left = 0;
        count(&self->over_limit, 1, record->length);
        return;
    }
    if (!admit(self, size)) {
        count(&self->missing, 1, record->length);
        return;
    }
    put_record(self, record, size);
    self->total_left -= (gint64)size;
}

static HfIoResult
flush(HfLogSink *sink, GError **error)
{
    HfCriFile *self = (HfCriFile *)sink;
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
    const HfCriFile *self = (const HfCriFile *)sink;

    return self->end - self->start;
}

static bool
is_lossy(const HfLogSink *sink)
{
    const HfCriFile *self = (const HfCriFile *)sink;

    return hf_log_file_is_stream(self->file);
}

/* The length of the first line that waits, with its newline. */
static size_t
measure_head(const HfCriFile *self)
{
    const char *head = (const char *)self->buffer.data + self->start;

    return (size_t)((const char *)memchr(head, '\n', self->end - self->start) - head) + 1;
}

static void
drop_pending(HfLogSink *sink)
{
    HfCriFile *self = (HfCriFile *)sink;
    size_t overhead = hf_cri_format_get_overhead(&self->format);
    size_t start = self->start;

    if (hf_log_file_is_torn(self->file))
        self->start += measure_head(self);
    size_t end = self->start;
    while (self->start < self->end) {
        size_t length = measure_head(self);

        count(&self->missing, 1, length - overhead);
        self->start += length;
    }
    self->start = start;
    self->end = end;
    self->is_dropping = false;
}

/* The rest of a line whose beginning is in a file that is no longer ours. */
static void
drop_torn_line(HfCriFile *self)
{
    size_t length = measure_head(self);

    count(&self->missing, 1, length - 1);
    self->start += length;
}

static gboolean
reopen(HfLogSink *sink, GError **error)
{
    HfCriFile *self = (HfCriFile *)sink;
    bool is_same = false;
    bool was_torn;

    (void)move_pending(self, NULL);
    was_torn = hf_log_file_is_torn(self->file);
    if (!hf_log_file_reopen(self->file, &is_same, error))
        return FALSE;
    if (was_torn && !is_same)
        drop_torn_line(self);
    self->is_stalled = false;
    self->is_dropping = false;
    return TRUE;
}

static int
get_sync_fd(const HfLogSink *sink)
{
    const HfCriFile *self = (const HfCriFile *)sink;

    return hf_log_file_is_stream(self->file) ? -1 : hf_log_file_get_fd(self->file);
}

static void
release_memory(HfLogSink *sink)
{
    HfCriFile *self = (HfCriFile *)sink;

    if (self->start == self->end)
        hf_scratch_release(&self->buffer);
}

static void
free_sink(HfLogSink *sink)
{
    HfCriFile *self = (HfCriFile *)sink;

    hf_log_file_free(self->file);
    hf_scratch_release(&self->buffer);
    g_free(self->cause);
    g_free(self);
}

static const HfLogSinkClass cri_file_class = {
    .name = "k8s-file",
    .append = append_record,
    .flush = flush,
    .get_pending = get_pending,
    .is_lossy = is_lossy,
    .drop_pending = drop_pending,
    .reopen = reopen,
    .get_sync_fd = get_sync_fd,
    .release_memory = release_memory,
    .free = free_sink,
};

HfLogSink *
hf_cri_file_new(const HfCriFileOptions *options, GError **error)
{
    HfCriFile *self;
    HfLogFile *file = hf_log_file_new(options->path, options->size_max, options->files_max, error);

    if (file == NULL)
        return NULL;
    self = g_new0(HfCriFile, 1);
    self->sink.klass = &cri_file_class;
    self->file = file;
    self->total_left = options->global_size_max > 0 ? options->global_size_max : G_MAXINT64;
    hf_cri_format_init(&self->format, options->is_utc);
    return &self->sink;
}

void
hf_cri_file_get_over_limit(const HfLogSink *sink, guint64 *out_records, guint64 *out_bytes)
{
    const HfCriFile *self = (const HfCriFile *)sink;

    *out_records = self->over_limit.records;
    *out_bytes = self->over_limit.bytes;
}
