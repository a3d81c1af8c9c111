/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *      LENGTH <PRI>1 TIME HOST APP-NAME PROCID MSGID - MESSAGE
 *
 * LENGTH and its blank are there on TCP only (octet counting, RFC 6587): a newline at the end, the
 * other way, would tear a message that has one. What stands before and behind TIME is made once.
 * RFC 5424 allows six digits of a second's fraction.
 *
 * While a TCP connection is being made, the sink is lossy and keeps PENDING_MAX: a host that does
 * not answer must not hold the container up. What is dropped, here or because the router says so,
 * becomes one message that stands for it. */

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/clock.h"
#include "logging/record-queue.h"
#include "logging/syslog-sink.h"
#include "logging/syslog-socket.h"

#define SHORT_ID_LENGTH 12
#define APP_NAME_MAX 48
#define HOST_NAME_MAX_5424 255
/* With its header it fits into a datagram of UDP. */
#define MESSAGE_MAX (60 * 1024)
#define FRACTION_END (sizeof "2026-01-31T23:59:59.123456" - 1)
#define FRACTION_SKIPPED 3

typedef struct {
    HfLogSink sink;
    HfSyslogSocket *socket;
    HfClockFormat clock;
    char *before_time[HF_STREAM_COUNT];
    char *after_time[HF_STREAM_COUNT];
    HfRecordQueue queue;
    char *cause; /* of the last flush's failure; NULL: the system log took no more */
} SyslogSink;

/* A field of the header: visible ASCII, not empty. (transfer full) */
static char *
make_field(const char *text, size_t length_max)
{
    char *field = g_strndup(text, length_max);

    for (char *p = field; *p != '\0'; p++)
        *p = g_ascii_isgraph(*p) ? *p : '_';
    if (field[0] != '\0')
        return field;
    g_free(field);
    return g_strdup("-");
}

static void
make_header(SyslogSink *self, const HfSyslogOptions *options)
{
    static const int priorities[HF_STREAM_COUNT] = {30, 27}; /* daemon.info, daemon.err */
    char host[HOST_NAME_MAX_5424 + 1] = "";
    const char *app = options->tag != NULL              ? options->tag
                      : options->container_name != NULL ? options->container_name
                                                        : options->container_id;
    size_t app_max = app == options->container_id ? SHORT_ID_LENGTH : APP_NAME_MAX;
    g_autofree char *app_field = make_field(app, app_max);
    g_autofree char *id_field = make_field(options->container_id, SHORT_ID_LENGTH);
    g_autofree char *host_field = NULL;

    (void)gethostname(host, sizeof host - 1);
    host_field = make_field(host, HOST_NAME_MAX_5424);
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        self->before_time[i] = g_strdup_printf("<%d>1 ", priorities[i]);
        self->after_time[i] = g_strdup_printf(" %s %s %s %s - ", host_field, app_field, id_field,
                                              hf_stream_to_string((HfStream)i));
    }
}

static char *
put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static void
put_message(SyslogSink *self, const HfLogRecord *record, const HfLogLoss *stands_for)
{
    const char *before = self->before_time[record->stream];
    const char *after = self->after_time[record->stream];
    size_t time_length = 0;
    const char *time = hf_clock_format_rfc3339(&self->clock, &record->time, &time_length);
    size_t zone_length = time_length - FRACTION_END - FRACTION_SKIPPED;
    size_t size = strlen(before) + FRACTION_END + zone_length + strlen(after) + record->length;
    char count[24] = "";
    char *at;

    if (hf_syslog_socket_is_stream(self->socket))
        (void)g_snprintf(count, sizeof count, "%zu ", size);
    at = hf_record_queue_add(&self->queue, strlen(count) + size, stands_for);
    at = put(at, count, strlen(count));
    at = put(at, before, strlen(before));
    at = put(at, time, FRACTION_END);
    at = put(at, time + FRACTION_END + FRACTION_SKIPPED, zone_length);
    at = put(at, after, strlen(after));
    (void)put(at, record->bytes, record->length);
}

static bool
is_lossy(const HfLogSink *sink)
{
    return hf_syslog_socket_is_connecting(((const SyslogSink *)sink)->socket);
}

static void
drop_pending(HfLogSink *sink)
{
    SyslogSink *self = (SyslogSink *)sink;
    HfLogLoss loss = hf_record_queue_drop(&self->queue);

    /* What comes next would be taken for the rest of a message that was sent in part. */
    if (hf_syslog_socket_is_within_message(self->socket))
        hf_syslog_socket_reset(self->socket);
    g_autofree char *text = hf_log_loss_describe(
        &loss, self->cause == NULL ? "the system log is too slow" : self->cause);
    HfLogRecord record = {
        .stream = HF_STREAM_STDERR,
        .bytes = text,
        .length = strlen(text),
        .time = hf_clock_now(),
    };

    if (loss.records > 0)
        put_message(self, &record, &loss);
}

static void
append(HfLogSink *sink, const HfLogRecord *record)
{
    SyslogSink *self = (SyslogSink *)sink;
    HfLogRecord piece = *record;
    size_t left = record->length;

    if (is_lossy(sink) && hf_record_queue_get_pending(&self->queue) > HF_SYSLOG_SINK_PENDING_MAX)
        drop_pending(sink);
    do {
        HfLogLoss stands_for = {1, MIN(left, MESSAGE_MAX)};

        piece.length = MIN(left, MESSAGE_MAX);
        put_message(self, &piece, &stands_for);
        piece.bytes += piece.length;
        left -= piece.length;
    } while (left > 0);
}

static HfIoResult
flush(HfLogSink *sink, GError **error)
{
    SyslogSink *self = (SyslogSink *)sink;
    HfIoResult result = HF_IO_DATA;

    while (result == HF_IO_DATA && hf_record_queue_get_pending(&self->queue) > 0) {
        struct iovec messages[HF_SYSLOG_BATCH_MAX];
        g_autoptr(GError) local_error = NULL;
        size_t cursor = 0;
        guint count = 0;
        guint sent = 0;

        while (count < HF_SYSLOG_BATCH_MAX &&
               hf_record_queue_next(&self->queue, &cursor, &messages[count]))
            count++;
        result = hf_syslog_socket_send(self->socket, messages, count, &sent, &local_error);
        for (guint i = 0; i < sent; i++)
            hf_record_queue_remove_first(&self->queue);
        g_free(self->cause);
        self->cause = local_error != NULL ? g_strdup(local_error->message) : NULL;
        if (local_error != NULL)
            g_propagate_error(error, g_steal_pointer(&local_error));
    }
    return result;
}

static size_t
get_pending(const HfLogSink *sink)
{
    return hf_record_queue_get_pending(&((const SyslogSink *)sink)->queue);
}

static int
get_wait_fd(const HfLogSink *sink)
{
    return hf_syslog_socket_get_fd(((const SyslogSink *)sink)->socket);
}

static gboolean
reopen(HfLogSink *sink, GError **error)
{
    hf_syslog_socket_reset(((SyslogSink *)sink)->socket);
    return TRUE;
}

static int
get_sync_fd(const HfLogSink *sink)
{
    return -1;
}

static void
release_memory(HfLogSink *sink)
{
    hf_record_queue_release_memory(&((SyslogSink *)sink)->queue);
}

static void
save(const HfLogSink *sink, HfStateWriter *writer)
{
    const SyslogSink *self = (const SyslogSink *)sink;

    hf_syslog_socket_save(self->socket, writer);
    hf_record_queue_save(&self->queue, writer);
    hf_state_put_text(writer, "cause", self->cause);
}

static void
restore(SyslogSink *self, HfStateReader *reader)
{
    struct iovec first = {0};
    size_t cursor = 0;

    hf_record_queue_restore(&self->queue, reader);
    (void)hf_record_queue_next(&self->queue, &cursor, &first);
    hf_syslog_socket_restore(self->socket, reader, first.iov_len);
    self->cause = g_strdup(hf_state_get_text(reader, "cause"));
}

static void
syslog_sink_free(HfLogSink *sink)
{
    SyslogSink *self = (SyslogSink *)sink;

    hf_syslog_socket_free(self->socket);
    hf_record_queue_clear(&self->queue);
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        g_free(self->before_time[i]);
        g_free(self->after_time[i]);
    }
    g_free(self->cause);
    g_free(self);
}

static const HfLogSinkClass syslog_sink_class = {
    .name = "syslog",
    .append = append,
    .flush = flush,
    .get_pending = get_pending,
    .is_lossy = is_lossy,
    .get_wait_fd = get_wait_fd,
    .drop_pending = drop_pending,
    .reopen = reopen,
    .get_sync_fd = get_sync_fd,
    .save = save,
    .release_memory = release_memory,
    .free = syslog_sink_free,
};

HfLogSink *
hf_syslog_sink_new(const HfSyslogOptions *options, GError **error)
{
    HfSyslogSocket *socket = hf_syslog_socket_new(options->address, error);
    SyslogSink *self;

    if (socket == NULL)
        return NULL;
    self = g_new0(SyslogSink, 1);
    self->sink.klass = &syslog_sink_class;
    self->socket = socket;
    hf_clock_format_init(&self->clock, options->is_utc);
    make_header(self, options);
    if (options->saved != NULL)
        restore(self, options->saved);
    return &self->sink;
}
