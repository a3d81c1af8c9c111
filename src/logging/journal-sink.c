/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A record of the journal is one datagram of fields. A field is "NAME=value\n", or, if the value
 * may have a newline in it, "NAME\n", the value's length as 64 bits little-endian, the value, "\n".
 * MESSAGE is always sent in the second form: whatever bytes a container writes, they cannot begin a
 * field of their own. https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 *
 * The buffer is a queue of entries between head and tail:
 *
 *      EntryHeader | PRIORITY, CONTAINER_PARTIAL_MESSAGE, MESSAGE of one record | EntryHeader ...
 *
 * The fields that are the same in every record are made once, and sent as the first part of each
 * datagram. An entry leaves the queue when the kernel has taken its datagram whole; there are no
 * short writes.
 *
 * What drop_pending() drops becomes one entry that tells of it and stands for as many records; when
 * it is itself dropped, its numbers go on into the next one. */

#include <string.h>

#include <glib.h>

#include "base/scratch.h"
#include "logging/journal-sink.h"
#include "logging/journal-socket.h"
#include "protocol/log-label.h"

#define DEFAULT_SOCKET_PATH "/run/systemd/journal/socket"
#define SHORT_ID_LENGTH 12

/* `podman logs` stops at any other. */
#define STDOUT_PRIORITY '6'
#define STDERR_PRIORITY '3'

typedef struct {
    size_t size;     /* of what follows */
    guint64 records; /* that it stands for: 1, or how many were dropped */
    guint64 bytes;   /* of their messages */
} EntryHeader;

/* What becomes one */
typedef struct {
    char priority;
    bool is_partial;
    const char *message;
    size_t length;
    guint64 records;
    guint64 lost_bytes; /* if it is dropped */
} Entry;

/* The line of a stream that has begun and not ended. */
typedef struct {
    bool is_open;
    char priority;
} OpenLine;

typedef struct {
    HfLogSink sink;
    HfJournalSocket *socket;
    char *fields;
    size_t fields_size;
    bool mark_partial;
    bool priority_prefix;
    OpenLine lines[HF_STREAM_COUNT];
    HfScratch buffer;
    size_t head;
    size_t tail;
    char *cause; /* of the last flush's failure; NULL: the journal took no more */
} JournalSink;

static void
add_field(GString *fields, const char *name, size_t name_length, const char *value)
{
    guint64 length = GUINT64_TO_LE((guint64)strlen(value));

    g_string_append_len(fields, name, (gssize)name_length);
    if (strchr(value, '\n') == NULL) {
        g_string_append_c(fields, '=');
    } else {
        g_string_append_c(fields, '\n');
        g_string_append_len(fields, (const char *)&length, sizeof length);
    }
    g_string_append(fields, value);
    g_string_append_c(fields, '\n');
}

static void
add_named_field(GString *fields, const char *name, const char *value)
{
    if (value != NULL)
        add_field(fields, name, strlen(name), value);
}

static gboolean
add_labels(GString *fields, const char *const *labels, GError **error)
{
    for (; labels != NULL && *labels != NULL; labels++) {
        if (!hf_log_label_check(*labels, error))
            return FALSE;
        const char *equals = strchr(*labels, '=');
        add_field(fields, *labels, (size_t)(equals - *labels), equals + 1);
    }
    return TRUE;
}

static gboolean
make_fields(JournalSink *self, const HfJournalOptions *options, GError **error)
{
    g_autoptr(GString) fields = g_string_new(NULL);
    g_autofree char *short_id = g_strndup(options->container_id, SHORT_ID_LENGTH);
    const char *identifier = options->tag != NULL              ? options->tag
                             : options->container_name != NULL ? options->container_name
                                                               : short_id;

    add_named_field(fields, "CONTAINER_ID_FULL", options->container_id);
    add_named_field(fields, "CONTAINER_ID", short_id);
    add_named_field(fields, "CONTAINER_NAME", options->container_name);
    add_named_field(fields, "CONTAINER_TAG", options->tag);
    add_named_field(fields, "SYSLOG_IDENTIFIER", identifier);
    if (!add_labels(fields, options->labels, error))
        return FALSE;
    self->fields_size = fields->len;
    self->fields = g_string_free(g_steal_pointer(&fields), FALSE);
    return TRUE;
}

static void
make_space(JournalSink *self, size_t size)
{
    size_t pending = self->tail - self->head;

    if (self->tail + size > self->buffer.size && self->head > pending) {
        memcpy(self->buffer.data, (char *)self->buffer.data + self->head, pending);
        self->head = 0;
        self->tail = pending;
    }
    if (self->tail + size > self->buffer.size)
        (void)hf_scratch_reserve(&self->buffer, 2 * (self->tail + size));
}

/* Into space that was made. */
static void
put(JournalSink *self, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    memcpy((char *)self->buffer.data + self->tail, bytes, size);
    self->tail += size;
}

static void
put_entry(JournalSink *self, const Entry *entry)
{
    static const char partial_field[] = "CONTAINER_PARTIAL_MESSAGE=true\n";
    static const char message_name[] = "MESSAGE\n";
    char priority_field[] = "PRIORITY=?\n";
    size_t priority_size = strlen(priority_field);
    size_t partial_size = entry->is_partial ? strlen(partial_field) : 0;
    guint64 length_le = GUINT64_TO_LE((guint64)entry->length);
    EntryHeader header = {
        .size = priority_size + partial_size + strlen(message_name) + sizeof length_le +
                entry->length + 1,
        .records = entry->records,
        .bytes = entry->lost_bytes,
    };

    make_space(self, sizeof header + header.size);
    priority_field[strlen("PRIORITY=")] = entry->priority;
    put(self, &header, sizeof header);
    put(self, priority_field, priority_size);
    put(self, partial_field, partial_size);
    put(self, message_name, strlen(message_name));
    put(self, &length_le, sizeof length_le);
    put(self, entry->message, entry->length);
    put(self, "\n", 1);
}

/* The priority holds for the whole line, also for its pieces. */
static char
choose_priority(JournalSink *self, const HfLogRecord *record, size_t *out_prefix_length)
{
    OpenLine *line = &self->lines[record->stream];
    const char *bytes = record->bytes;

    *out_prefix_length = 0;
    if (!line->is_open) {
        line->priority = record->stream == HF_STREAM_STDERR ? STDERR_PRIORITY : STDOUT_PRIORITY;
        if (self->priority_prefix && record->length >= 3 && bytes[0] == '<' && bytes[1] >= '0' &&
            bytes[1] <= '7' && bytes[2] == '>') {
            line->priority = bytes[1];
            *out_prefix_length = 3;
        }
    }
    line->is_open = record->is_partial;
    return line->priority;
}

static void
append(HfLogSink *sink, const HfLogRecord *record)
{
    JournalSink *self = (JournalSink *)sink;
    size_t prefix_length = 0;
    char priority = choose_priority(self, record, &prefix_length);
    Entry entry = {
        .priority = priority,
        .is_partial = record->is_partial && self->mark_partial,
        .message = record->bytes + prefix_length,
        .length = record->length - prefix_length,
        .records = 1,
        .lost_bytes = record->length,
    };

    put_entry(self, &entry);
}

static EntryHeader
get_header(const JournalSink *self, size_t offset)
{
    EntryHeader header;

    memcpy(&header, (const char *)self->buffer.data + offset, sizeof header);
    return header;
}

static void
remove_first(JournalSink *self)
{
    self->head += sizeof(EntryHeader) + get_header(self, self->head).size;
    if (self->head == self->tail)
        self->head = self->tail = 0;
}

static guint
make_batch(const JournalSink *self, HfJournalDatagram *batch)
{
    guint count = 0;

    for (size_t offset = self->head; offset < self->tail && count < HF_JOURNAL_BATCH_MAX;) {
        size_t size = get_header(self, offset).size;
        struct iovec *parts = batch[count++].parts;

        offset += sizeof(EntryHeader);
        parts[0] = (struct iovec){.iov_base = self->fields, .iov_len = self->fields_size};
        parts[1] = (struct iovec){.iov_base = (char *)self->buffer.data + offset, .iov_len = size};
        offset += size;
    }
    return count;
}

static void
set_cause(JournalSink *self, const GError *error)
{
    g_free(self->cause);
    self->cause = error == NULL ? NULL : g_strdup(error->message);
}

static HfIoResult
flush(HfLogSink *sink, GError **error)
{
    JournalSink *self = (JournalSink *)sink;

    while (self->head < self->tail) {
        HfJournalDatagram batch[HF_JOURNAL_BATCH_MAX];
        g_autoptr(GError) local_error = NULL;
        guint count = make_batch(self, batch);
        guint sent = 0;
        HfIoResult result = hf_journal_socket_send(self->socket, batch, count, &sent, &local_error);

        set_cause(self, local_error);
        if (result == HF_IO_FAILED)
            g_propagate_error(error, g_steal_pointer(&local_error));
        if (result != HF_IO_DATA)
            return result;
        for (guint i = 0; i < sent; i++)
            remove_first(self);
    }
    return HF_IO_DATA;
}

static size_t
get_pending(const HfLogSink *sink)
{
    const JournalSink *self = (const JournalSink *)sink;

    return self->tail - self->head;
}

static void
release_memory(HfLogSink *sink)
{
    JournalSink *self = (JournalSink *)sink;

    if (self->head == self->tail)
        hf_scratch_release(&self->buffer);
}

static void
put_report(JournalSink *self, guint64 records, guint64 bytes)
{
    g_autofree char *text = g_strdup_printf(
        "holdfast: %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT
        " records were not logged: %s",
        bytes, records, self->cause == NULL ? "the journal is too slow" : self->cause);
    Entry entry = {
        .priority = STDERR_PRIORITY,
        .message = text,
        .length = strlen(text),
        .records = records,
        .lost_bytes = bytes,
    };

    put_entry(self, &entry);
}

static void
drop_pending(HfLogSink *sink)
{
    JournalSink *self = (JournalSink *)sink;
    guint64 records = 0;
    guint64 bytes = 0;

    for (size_t offset = self->head; offset < self->tail;) {
        EntryHeader header = get_header(self, offset);

        records += header.records;
        bytes += header.bytes;
        offset += sizeof header + header.size;
    }
    if (records == 0)
        return;
    self->head = self->tail = 0;
    release_memory(sink);
    put_report(self, records, bytes);
}

static gboolean
reopen(HfLogSink *sink, GError **error)
{
    JournalSink *self = (JournalSink *)sink;

    return hf_journal_socket_reconnect(self->socket, error);
}

static int
get_sync_fd(const HfLogSink *sink)
{
    return -1;
}

static void
journal_sink_free(HfLogSink *sink)
{
    JournalSink *self = (JournalSink *)sink;

    hf_journal_socket_free(self->socket);
    hf_scratch_release(&self->buffer);
    g_free(self->fields);
    g_free(self->cause);
    g_free(self);
}

static const HfLogSinkClass journal_sink_class = {
    .name = "journald",
    .append = append,
    .flush = flush,
    .get_pending = get_pending,
    .drop_pending = drop_pending,
    .reopen = reopen,
    .get_sync_fd = get_sync_fd,
    .release_memory = release_memory,
    .free = journal_sink_free,
};

HfLogSink *
hf_journal_sink_new(const HfJournalOptions *options, GError **error)
{
    const char *path = options->socket_path != NULL ? options->socket_path : DEFAULT_SOCKET_PATH;
    g_autoptr(HfLogSink) sink = NULL;
    JournalSink *self;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    self = g_new0(JournalSink, 1);
    sink = &self->sink;
    sink->klass = &journal_sink_class;
    self->mark_partial = options->mark_partial;
    self->priority_prefix = options->priority_prefix;
    self->socket = hf_journal_socket_new(path, error);
    if (self->socket == NULL || !make_fields(self, options, error))
        return NULL;
    return g_steal_pointer(&sink);
}
