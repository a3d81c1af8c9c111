/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A packet is handed to the kernel at once when nothing waits before it, without being copied here:
 * a peer that keeps up costs no memory. What the kernel does not take is kept as records in one
 * byte FIFO, each the packet's length and its bytes, so that many small packets cost little more
 * than their bytes. A record is sent whole or not at all, as SEQPACKET sockets do.
 *
 * One source exists while something waits, and is one of three:
 *   writable   the kernel's buffer was full (EAGAIN)
 *   retry      the kernel was short of memory (ENOBUFS): the socket may say "writable" all the time
 *              and then refuse, so time has to pass
 *   failure    the peer is gone; on_failed is due. Never called from within push(), because the
 *              caller is in the middle of a walk over its peers then.
 *
 * A wake-up sends a bounded number of bytes: a peer that reads as fast as we send would otherwise
 * keep the loop here. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <glib.h>

#include "attach/byte-fifo.h"
#include "attach/output-queue.h"
#include "base/error.h"
#include "base/source.h"

#define FLUSH_BUDGET_BYTES (256 * 1024)
#define RETRY_MS 50

typedef guint32 RecordLength;

typedef enum {
    SEND_DONE,
    SEND_FULL,
    SEND_NO_MEMORY,
    SEND_FAILED,
} SendResult;

struct HfOutputQueue {
    GMainContext *context;                 /* borrowed */
    const HfOutputQueueHandlers *handlers; /* borrowed */
    gpointer user_data;
    int fd; /* borrowed */
    GSource *source;
    HfByteFifo records;
    size_t pending; /* the packets' bytes in the records */
    GError *failure;
};

HfOutputQueue *
hf_output_queue_new(GMainContext *context, int fd, const HfOutputQueueHandlers *handlers,
                    gpointer user_data)
{
    HfOutputQueue *self = g_new0(HfOutputQueue, 1);

    self->context = context;
    self->fd = fd;
    self->handlers = handlers;
    self->user_data = user_data;
    return self;
}

void
hf_output_queue_free(HfOutputQueue *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->source);
    hf_byte_fifo_clear(&self->records);
    g_clear_error(&self->failure);
    g_free(self);
}

static SendResult
send_packet(int fd, const void *header, size_t header_length, const void *bytes, size_t length)
{
    struct iovec parts[] = {
        {.iov_base = (void *)header, .iov_len = header_length},
        {.iov_base = (void *)bytes, .iov_len = length},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = G_N_ELEMENTS(parts)};
    ssize_t n;

    do {
        n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);

    if (n >= 0)
        return SEND_DONE;
    if (errno == EAGAIN)
        return SEND_FULL;
    return errno == ENOBUFS || errno == ENOMEM ? SEND_NO_MEMORY : SEND_FAILED;
}

static gboolean
on_failure_due(gpointer user_data)
{
    HfOutputQueue *self = user_data;

    hf_source_clear(&self->source);
    self->handlers->on_failed(self->failure, self->user_data);
    return G_SOURCE_REMOVE;
}

/* To be called while errno says why. */
static void
fail(HfOutputQueue *self)
{
    hf_throw_errno(&self->failure, "send to the client");
    hf_byte_fifo_clear(&self->records);
    self->pending = 0;
    hf_source_clear(&self->source);
    self->source = hf_source_after(self->context, 0, HF_PRIORITY_INPUT, "output-queue failure",
                                   on_failure_due, self);
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer user_data);
static gboolean on_retry_due(gpointer user_data);

/* Arranges for the next attempt after one that ended with @result. */
static void
arrange(HfOutputQueue *self, SendResult result)
{
    hf_source_clear(&self->source);
    if (self->pending == 0)
        return;
    if (result == SEND_NO_MEMORY)
        self->source = hf_source_after(self->context, RETRY_MS, HF_PRIORITY_OUTPUT,
                                       "output-queue retry", on_retry_due, self);
    else
        self->source = hf_source_watch_fd(self->context, self->fd, G_IO_OUT, HF_PRIORITY_OUTPUT,
                                          "output-queue writable", on_writable, self);
}

static SendResult
send_first_record(HfOutputQueue *self, size_t *out_length)
{
    const char *record = hf_byte_fifo_peek(&self->records);
    RecordLength length;
    SendResult result;

    memcpy(&length, record, sizeof length);
    result = send_packet(self->fd, NULL, 0, record + sizeof length, length);
    if (result != SEND_DONE)
        return result;
    hf_byte_fifo_drop(&self->records, sizeof length + length);
    self->pending -= length;
    *out_length = length;
    return result;
}

/* Sends what it can. Returns how the last attempt ended; errno is of that attempt. */
static SendResult
send_records(HfOutputQueue *self, size_t *out_sent)
{
    SendResult result = SEND_DONE;
    size_t sent = 0;

    while (self->records.length > 0 && sent < FLUSH_BUDGET_BYTES) {
        size_t length = 0;

        result = send_first_record(self, &length);
        if (result != SEND_DONE)
            break;
        sent += length;
    }
    *out_sent = sent;
    return result;
}

void
hf_output_queue_flush(HfOutputQueue *self)
{
    size_t sent = 0;
    SendResult result;

    if (self->failure != NULL || self->records.length == 0)
        return;
    result = send_records(self, &sent);
    if (result == SEND_FAILED)
        fail(self);
    else if (self->source == NULL || self->pending == 0 || result == SEND_NO_MEMORY)
        arrange(self, result);
    if (sent > 0)
        self->handlers->on_progress(self->user_data);
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    hf_output_queue_flush(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_retry_due(gpointer user_data)
{
    HfOutputQueue *self = user_data;

    hf_source_clear(&self->source);
    hf_output_queue_flush(self);
    return G_SOURCE_REMOVE;
}

static void
append_record(HfOutputQueue *self, const void *header, size_t header_length, const void *bytes,
              size_t length)
{
    RecordLength record_length = (RecordLength)(header_length + length);

    hf_byte_fifo_append(&self->records, &record_length, sizeof record_length);
    hf_byte_fifo_append(&self->records, header, header_length);
    hf_byte_fifo_append(&self->records, bytes, length);
    self->pending += record_length;
}

void
hf_output_queue_push(HfOutputQueue *self, const void *header, size_t header_length,
                     const void *bytes, size_t length)
{
    SendResult result = SEND_FULL;

    g_return_if_fail(header_length + length > 0 && header_length + length <= G_MAXUINT32);

    if (self->failure != NULL)
        return;
    if (self->records.length == 0)
        result = send_packet(self->fd, header, header_length, bytes, length);
    if (result == SEND_DONE)
        return;
    if (result == SEND_FAILED) {
        fail(self);
        return;
    }
    append_record(self, header, header_length, bytes, length);
    if (self->source == NULL)
        arrange(self, result);
}

size_t
hf_output_queue_get_pending(const HfOutputQueue *self)
{
    return self->pending;
}

void
hf_output_queue_save(const HfOutputQueue *self, HfStateWriter *writer)
{
    hf_state_put_bytes(writer, "records", hf_byte_fifo_peek(&self->records), self->records.length);
    if (self->failure != NULL)
        hf_state_put_text(writer, "failure", self->failure->message);
}

/* The bytes of all packets, or -1 if the records do not end where one does. */
static gint64
measure_records(const char *at, size_t left)
{
    gint64 pending = 0;
    RecordLength length;

    while (left >= sizeof length) {
        memcpy(&length, at, sizeof length);
        if (length == 0 || length > left - sizeof length)
            return -1;
        at += sizeof length + length;
        left -= sizeof length + length;
        pending += length;
    }
    return left == 0 ? pending : -1;
}

void
hf_output_queue_restore(HfOutputQueue *self, HfStateReader *reader)
{
    const char *failure = hf_state_get_text(reader, "failure");
    size_t length = 0;
    const char *records = hf_state_get_bytes(reader, "records", &length);
    gint64 pending = measure_records(records, length);

    if (failure != NULL) {
        hf_throw(&self->failure, HF_ERROR_FAILED, "%s", failure);
        return;
    }
    if (pending < 0) {
        hf_state_reader_fail(reader, "records", "end within one");
        return;
    }
    hf_byte_fifo_append(&self->records, records, length);
    self->pending = (size_t)pending;
    arrange(self, SEND_FULL);
}
