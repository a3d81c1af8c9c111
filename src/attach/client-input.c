/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * What is read goes through the detach keys and is sent as a packet at once; what the socket does
 * not take waits in a byte FIFO, and from FULL_BYTES on nothing is read. Packets have no meaning on
 * the way in, so the FIFO needs no bounds between them. A packet is sent whole or not at all. It
 * has at most 32768 bytes: that is conmon's buffer, and it drops what is behind.
 *
 *   READING  bytes are read
 *   ENDING   the end was read: once all is sent the socket's sending side is shut
 *   QUIET    nothing is read: the keys were typed, the sending side is shut, or the owner says so
 *   GONE     nothing is sent either. The other side takes nothing any more (EPIPE): that is no
 *            error, its last output may still have to be read, and the reader sees the end
 *
 * A key that may begin the detach keys is held back until the next one shows what it was. At the
 * end of the input it is sent. */

#include <errno.h>
#include <sys/socket.h>

#include <glib.h>

#include "attach/byte-fifo.h"
#include "attach/client-input.h"
#include "base/error.h"
#include "base/io.h"
#include "base/source.h"

#define PACKET_MAX 32768
#define PACKET_MIN 1024
#define READ_MAX (PACKET_MAX - HF_DETACH_KEYS_MAX)
#define FULL_BYTES 65536
#define RETRY_MS 20

typedef enum {
    INPUT_READING,
    INPUT_ENDING,
    INPUT_QUIET,
    INPUT_GONE,
} InputState;

struct HfClientInput {
    GMainContext *context;                 /* borrowed */
    const HfClientInputHandlers *handlers; /* borrowed */
    gpointer user_data;
    int socket_fd;            /* borrowed */
    const HfSharedFd *source; /* borrowed */
    HfDetachKeys keys;
    HfByteFifo waiting;
    size_t packet_max; /* less than PACKET_MAX if the socket's buffer is small */
    GSource *readable;
    GSource *sendable; /* the socket has room, or it is time to try again */
    InputState state;
};

typedef enum {
    SEND_DONE,
    SEND_FULL,
    SEND_NO_MEMORY,
    SEND_GONE,
    SEND_FAILED,
} SendResult;

static gboolean on_readable(int fd, GIOCondition condition, gpointer user_data);

static void
watch_source(HfClientInput *self)
{
    bool is_wanted = self->state == INPUT_READING && self->waiting.length < FULL_BYTES;

    if (!is_wanted)
        hf_source_clear(&self->readable);
    else if (self->readable == NULL)
        self->readable = hf_source_watch_fd(self->context, hf_shared_fd_get(self->source), G_IO_IN,
                                            HF_PRIORITY_INPUT, "client-input", on_readable, self);
}

HfClientInput *
hf_client_input_new(GMainContext *context, int socket_fd, const HfSharedFd *source,
                    const HfDetachKeys *keys, const HfClientInputHandlers *handlers,
                    gpointer user_data)
{
    HfClientInput *self = g_new0(HfClientInput, 1);

    self->context = context;
    self->socket_fd = socket_fd;
    self->source = source;
    self->keys = *keys;
    self->handlers = handlers;
    self->user_data = user_data;
    self->packet_max = PACKET_MAX;
    watch_source(self);
    return self;
}

void
hf_client_input_free(HfClientInput *self)
{
    if (self == NULL)
        return;
    hf_client_input_stop(self);
    g_free(self);
}

void
hf_client_input_stop_reading(HfClientInput *self)
{
    if (self->state == INPUT_READING || self->state == INPUT_ENDING)
        self->state = INPUT_QUIET;
    hf_source_clear(&self->readable);
}

void
hf_client_input_stop(HfClientInput *self)
{
    self->state = INPUT_GONE;
    hf_source_clear(&self->readable);
    hf_source_clear(&self->sendable);
    hf_byte_fifo_clear(&self->waiting);
}

bool
hf_client_input_is_sent(const HfClientInput *self)
{
    return self->waiting.length == 0;
}

/* errno says why it failed. */
static SendResult
send_once(HfClientInput *self)
{
    size_t length = MIN(self->waiting.length, self->packet_max);
    ssize_t n;

    do {
        n = send(self->socket_fd, hf_byte_fifo_peek(&self->waiting), length,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EMSGSIZE && length > PACKET_MIN)
            self->packet_max = length = MAX(length / 2, PACKET_MIN);
        else if (n >= 0 || errno != EINTR)
            break;
    } while (true);
    if (n >= 0) {
        hf_byte_fifo_drop(&self->waiting, length);
        return SEND_DONE;
    }
    if (errno == EAGAIN)
        return SEND_FULL;
    if (errno == ENOBUFS || errno == ENOMEM)
        return SEND_NO_MEMORY;
    return errno == EPIPE || errno == ECONNRESET ? SEND_GONE : SEND_FAILED;
}

static gboolean on_sendable(int fd, GIOCondition condition, gpointer user_data);
static gboolean on_retry_due(gpointer user_data);

static void
arrange(HfClientInput *self, SendResult result)
{
    hf_source_clear(&self->sendable);
    if (self->waiting.length == 0)
        return;
    if (result == SEND_NO_MEMORY)
        self->sendable = hf_source_after(self->context, RETRY_MS, HF_PRIORITY_INPUT,
                                         "client-input retry", on_retry_due, self);
    else
        self->sendable =
            hf_source_watch_fd(self->context, self->socket_fd, G_IO_OUT, HF_PRIORITY_INPUT,
                               "client-input sendable", on_sendable, self);
}

static void
shut_if_ended(HfClientInput *self)
{
    if (self->state != INPUT_ENDING || self->waiting.length > 0)
        return;
    self->state = INPUT_QUIET;
    /* It fails if the connection has ended, which is what the reader will see. */
    (void)shutdown(self->socket_fd, SHUT_WR);
}

static void
fail(HfClientInput *self, GError *take_error)
{
    g_autoptr(GError) error = take_error;

    hf_client_input_stop(self);
    self->handlers->on_failed(error, self->user_data);
}

static void
send_waiting(HfClientInput *self)
{
    SendResult result = SEND_DONE;
    GError *error = NULL;

    /* FULL_BYTES and a packet at most: bounded. */
    while (self->waiting.length > 0 && result == SEND_DONE)
        result = send_once(self);
    if (result == SEND_FAILED) {
        hf_throw_errno(&error, "write to the attach socket");
        fail(self, error);
        return;
    }
    if (result == SEND_GONE) {
        hf_client_input_stop(self);
        return;
    }
    arrange(self, result);
    shut_if_ended(self);
    watch_source(self);
}

static gboolean
on_sendable(int fd, GIOCondition condition, gpointer user_data)
{
    HfClientInput *self = user_data;

    send_waiting(self);
    self->handlers->on_progress(self->user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_retry_due(gpointer user_data)
{
    HfClientInput *self = user_data;

    hf_source_clear(&self->sendable);
    send_waiting(self);
    self->handlers->on_progress(self->user_data);
    return G_SOURCE_REMOVE;
}

static void
queue(HfClientInput *self, const char *bytes, size_t length)
{
    hf_byte_fifo_append(&self->waiting, bytes, length);
    if (self->sendable == NULL)
        send_waiting(self);
    else
        watch_source(self);
}

static void
take_bytes(HfClientInput *self, const char *bytes, size_t length)
{
    char sent[PACKET_MAX];
    size_t sent_length = 0;
    bool is_detached = hf_detach_keys_filter(&self->keys, bytes, length, sent, &sent_length);

    if (is_detached)
        self->state = INPUT_QUIET;
    queue(self, sent, sent_length);
    if (is_detached)
        self->handlers->on_detach(self->user_data);
}

static void
take_end(HfClientInput *self)
{
    char held[HF_DETACH_KEYS_MAX];
    size_t length = hf_detach_keys_release(&self->keys, held);

    self->state = INPUT_ENDING;
    queue(self, held, length);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfClientInput *self = user_data;
    char bytes[READ_MAX];
    size_t length = 0;
    GError *error = NULL;

    switch (hf_io_read(hf_shared_fd_get(self->source), bytes, sizeof bytes, &length, &error)) {
    case HF_IO_DATA:
        take_bytes(self, bytes, length);
        break;
    case HF_IO_AGAIN:
        break;
    case HF_IO_EOF:
        take_end(self);
        break;
    case HF_IO_FAILED:
        g_prefix_error(&error, "the input: ");
        fail(self, error);
        break;
    }
    return G_SOURCE_CONTINUE;
}
