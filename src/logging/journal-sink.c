/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A record of the journal is one datagram of fields. A field is "NAME=value\n", or, if the value
 * may have a newline in it, "NAME\n", the value's length as 64 bits little-endian, the value, "\n".
 * MESSAGE is always sent in the second form: whatever bytes a container writes, they cannot begin a
 * field of their own. https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 *
 * What waits is a queue of entries: PRIORITY, CONTAINER_PARTIAL_MESSAGE and MESSAGE of one record.
 * The fields that are the same in every record are made once, and sent as the first part of each
 * datagram. An entry leaves the queue when the kernel has taken its datagram whole; there are no
 * short writes.
 *
 * What drop_pending() drops becomes one entry that tells of it and stands for as many records; when
 * it is itself dropped, its numbers go on into the next one. */

#include <string.h>

#include <glib.h>

#include "logging/journal-sink.h"
#include "logging/journal-socket.h"
#include "logging/record-queue.h"
#include "protocol/log-label.h"

#define DEFAULT_SOCKET_PATH "/run/systemd/journal/socket"
#define SHORT_ID_LENGTH 12

/* `podman logs` stops at any other. */
#define STDOUT_PRIORITY '6'
#define STDERR_PRIORITY '3'

/* What becomes one datagram. */
typedef struct {
    char priority;
    bool is_partial;
    const char *message;
    size_t length;
    HfLogLoss stands_for;
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
    HfRecordQueue queue;
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

static char *
put(char *at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(at, bytes, size);
    return at + size;
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
    size_t size =
        priority_size + partial_size + strlen(message_name) + sizeof length_le + entry->length + 1;
    char *at = hf_record_queue_add(&self->queue, size, &entry->stands_for);

    priority_field[strlen("PRIORITY=")] = entry->priority;
    at = put(at, priority_field, priority_size);
    at = put(at, partial_field, partial_size);
    at = put(at, message_name, strlen(message_name));
    at = put(at, &length_le, sizeof length_le);
    at = put(at, entry->message, entry->length);
    *at = '\n';
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
        .stands_for = {1, record->length},
    };

    put_entry(self, &entry);
}

static guint
make_batch(const JournalSink *self, HfJournalDatagram *batch)
{
    guint count = 0;
    size_t cursor = 0;

    while (count < HF_JOURNAL_BATCH_MAX &&
           hf_record_queue_next(&self->queue, &cursor, &batch[count].parts[1])) {
        batch[count].parts[0] =
            (struct iovec){.iov_base = self->fields, .iov_len = self->fields_size};
        count++;
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

    while (hf_record_queue_get_pending(&self->queue) > 0) {
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
            hf_record_queue_remove_first(&self->queue);
    }
    return HF_IO_DATA;
}

static size_t
get_pending(const HfLogSink *sink)
{
    const JournalSink *self = (const JournalSink *)sink;

    return hf_record_queue_get_pending(&self->queue);
}

static int
get_wait_fd(const HfLogSink *sink)
{
    return hf_journal_socket_get_fd(((const JournalSink *)sink)->socket);
}

static void
release_memory(HfLogSink *sink)
{
    JournalSink *self = (JournalSink *)sink;

    hf_record_queue_release_memory(&self->queue);
}

static void
drop_pending(HfLogSink *sink)
{
    JournalSink *self = (JournalSink *)sink;
    HfLogLoss loss = hf_record_queue_drop(&self->queue);
    g_autofree char *text =
        hf_log_loss_describe(&loss, self->cause == NULL ? "the journal is too slow" : self->cause);
    Entry entry = {
        .priority = STDERR_PRIORITY,
        .message = text,
        .length = strlen(text),
        .stands_for = loss,
    };

    if (loss.records > 0)
        put_entry(self, &entry);
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
save(const HfLogSink *sink, HfStateWriter *writer)
{
    const JournalSink *self = (const JournalSink *)sink;

    hf_journal_socket_save(self->socket, writer);
    hf_record_queue_save(&self->queue, writer);
    hf_state_put_text(writer, "cause", self->cause);
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->lines[i].is_open)
            hf_state_put_number(writer, hf_stream_to_string((HfStream)i), self->lines[i].priority);
    }
}

static void
restore(JournalSink *self, HfStateReader *reader)
{
    hf_journal_socket_restore(self->socket, reader);
    hf_record_queue_restore(&self->queue, reader);
    self->cause = g_strdup(hf_state_get_text(reader, "cause"));
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        gint64 priority =
            hf_state_get_number(reader, hf_stream_to_string((HfStream)i), '0', '7', 0);

        self->lines[i] = (OpenLine){.is_open = priority != 0, .priority = (char)priority};
    }
}

static void
journal_sink_free(HfLogSink *sink)
{
    JournalSink *self = (JournalSink *)sink;

    hf_journal_socket_free(self->socket);
    hf_record_queue_clear(&self->queue);
    g_free(self->fields);
    g_free(self->cause);
    g_free(self);
}

static const HfLogSinkClass journal_sink_class = {
    .name = "journald",
    .append = append,
    .flush = flush,
    .get_pending = get_pending,
    .get_wait_fd = get_wait_fd,
    .drop_pending = drop_pending,
    .reopen = reopen,
    .get_sync_fd = get_sync_fd,
    .save = save,
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
    if (options->saved != NULL)
        restore(self, options->saved);
    return g_steal_pointer(&sink);
}
