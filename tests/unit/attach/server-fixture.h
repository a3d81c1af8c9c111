/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* An attach server over an abstract socket, what it told, and clients that are sockets of this
 * process. */

#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "attach/attach-server.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "protocol/attach-frame.h"
#include "test-kit.h"

typedef struct {
    GMainContext *context;
    HfAttachServer *server;
    struct sockaddr_un address;
    socklen_t address_length;
    GString *input;
    guint n_input;
    guint n_input_closed;
    guint n_congestion;
    guint n_finished;
    guint n_dropped;
    int last_drop_code;
    gsize input_length_when_closed;
    bool is_pausing_on_input;
    bool is_finishing_on_input;
    bool is_finishing_on_dropped;
} ServerFixture;

static inline void
fixture_on_input(const char *bytes, size_t length, gpointer user_data)
{
    ServerFixture *self = user_data;

    self->n_input++;
    g_string_append_len(self->input, bytes, (gssize)length);
    if (self->is_pausing_on_input)
        hf_attach_server_set_input_paused(self->server, true);
    if (self->is_finishing_on_input)
        hf_attach_server_finish(self->server);
}

static inline void
fixture_on_input_closed(gpointer user_data)
{
    ServerFixture *self = user_data;

    self->n_input_closed++;
    self->input_length_when_closed = self->input->len;
}

static inline void
fixture_on_congestion(gpointer user_data)
{
    ServerFixture *self = user_data;

    self->n_congestion++;
}

static inline void
fixture_on_finished(gpointer user_data)
{
    ServerFixture *self = user_data;

    self->n_finished++;
}

static inline void
fixture_on_dropped(const GError *reason, gpointer user_data)
{
    ServerFixture *self = user_data;

    g_assert_true(reason->domain == HF_ERROR);
    self->last_drop_code = reason->code;
    self->n_dropped++;
    if (self->is_finishing_on_dropped)
        hf_attach_server_finish(self->server);
}

static inline void
fixture_set_up(ServerFixture *self, size_t queue_bytes, guint stall_timeout_ms, guint clients_max)
{
    static const HfAttachHandlers handlers = {
        .on_input = fixture_on_input,
        .on_input_closed = fixture_on_input_closed,
        .on_congestion = fixture_on_congestion,
        .on_finished = fixture_on_finished,
        .on_dropped = fixture_on_dropped,
    };
    const HfAttachLimits limits = {queue_bytes, stall_timeout_ms, clients_max};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *self = (ServerFixture){.address.sun_family = AF_UNIX, .last_drop_code = -1};
    /* An address of no bytes makes the kernel choose an abstract one. */
    g_assert_cmpint(bind(fd, (struct sockaddr *)&self->address, sizeof(sa_family_t)), ==, 0);
    self->address_length = sizeof self->address;
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&self->address, &self->address_length), ==,
                    0);
    g_assert_cmpint(listen(fd, 200), ==, 0);
    self->context = g_main_context_new();
    self->input = g_string_new(NULL);
    self->server = hf_attach_server_new(self->context, fd, &limits, &handlers, self);
}

/* Nothing stalls and nothing is full, unless a test does a lot. */
static inline void
fixture_set_up_default(ServerFixture *self)
{
    fixture_set_up(self, 1024 * 1024, 60000, 128);
}

static inline void
fixture_tear_down(ServerFixture *self)
{
    hf_attach_server_free(self->server);
    settle_without_spinning(self->context);
    g_string_free(self->input, TRUE);
    g_main_context_unref(self->context);
}

/* A client that waits to be accepted. */
static inline int
fixture_connect_waiting(const ServerFixture *self)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&self->address, self->address_length), ==,
                    0);
    return fd;
}

static inline int
fixture_connect(ServerFixture *self)
{
    int fd = fixture_connect_waiting(self);

    settle_without_spinning(self->context);
    return fd;
}

static inline void
client_write(int fd, const void *bytes, size_t length)
{
    g_assert_cmpint(send(fd, bytes, length, MSG_NOSIGNAL), ==, length);
}

static inline void
client_half_close(int fd)
{
    g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
}

typedef enum {
    CLIENT_GOT_PACKET,
    CLIENT_WOULD_WAIT,
    CLIENT_AT_END,
} ClientResult;

/* Takes one packet with a buffer of the engines' size and appends its payload. */
static inline ClientResult
client_read(int fd, HfStream stream, GByteArray *out_bytes)
{
    guint8 packet[HF_ATTACH_PACKET_MAX];
    ssize_t n = recv(fd, packet, sizeof packet, MSG_TRUNC);

    if (n == 0)
        return CLIENT_AT_END;
    if (n < 0) {
        g_assert_cmpint(errno, ==, EAGAIN);
        return CLIENT_WOULD_WAIT;
    }
    g_assert_cmpint(n, <=, sizeof packet);
    g_assert_cmpint(n, >, 1);
    g_assert_cmpint(packet[0], ==, hf_attach_frame_stream_byte(stream));
    g_byte_array_append(out_bytes, packet + 1, (guint)n - 1);
    return CLIENT_GOT_PACKET;
}

/* Reads until there is no more for the moment. Returns what ended it. */
static inline ClientResult
client_read_all(int fd, HfStream stream, GByteArray *out_bytes)
{
    ClientResult result;

    do {
        result = client_read(fd, stream, out_bytes);
    } while (result == CLIENT_GOT_PACKET);
    return result;
}

static inline void
assert_client_reads(int fd, const char *text)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    (void)client_read_all(fd, HF_STREAM_STDOUT, bytes);
    g_assert_cmpmem(bytes->data, bytes->len, text, (int)strlen(text));
}

static inline void
fixture_send(ServerFixture *self, const char *text)
{
    hf_attach_server_send(self->server, HF_STREAM_STDOUT, text, strlen(text));
}

/* Sends the pattern in pieces of 64 KiB until the server is congested. Returns how much it sent. */
static inline gsize
fixture_send_until_congested(ServerFixture *self, gsize offset)
{
    g_autofree guint8 *bytes = g_malloc(65536);

    while (!hf_attach_server_is_congested(self->server)) {
        fill_pattern(bytes, 65536, offset);
        hf_attach_server_send(self->server, HF_STREAM_STDOUT, (const char *)bytes, 65536);
        offset += 65536;
    }
    return offset;
}

static inline void
assert_is_pattern(const GByteArray *bytes, gsize length)
{
    g_autofree char *expected = checksum_of_pattern(length);
    g_autofree char *got = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);

    g_assert_cmpuint(bytes->len, ==, length);
    g_assert_cmpstr(got, ==, expected);
}
