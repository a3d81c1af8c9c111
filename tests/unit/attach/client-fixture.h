/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A client, a socket that plays the monitor, pipes that play the rest of the client's program, and
 * what the client told. */

#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "attach/attach-client.h"
#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "protocol/attach-frame.h"
#include "test-kit.h"
#include "test-terminal.h"

typedef struct {
    GMainContext *context;
    HfAttachClient *client;
    HfAttachClientOptions options;
    char *dir;
    char *path;
    int listen_fd;
    int monitor_fd;                  /* the monitor's end of the connection */
    int input_fd;                    /* to write to what the client reads; -1: ended */
    int output_fds[HF_STREAM_COUNT]; /* to read what the client writes */
    int of_client[1 + HF_STREAM_COUNT];
    GByteArray *outputs[HF_STREAM_COUNT];
    GByteArray *input; /* what reached the monitor */
    TestTerminal terminal;
    bool has_input_ended;
    gsize largest_packet;
    guint n_connected;
    guint n_size;
    unsigned short rows;
    unsigned short columns;
    guint n_finished;
    HfAttachEnd end;
    GError *error;
} ClientFixture;

static inline void
client_on_connected(gpointer user_data)
{
    ((ClientFixture *)user_data)->n_connected++;
}

static inline void
client_on_size(unsigned short rows, unsigned short columns, gpointer user_data)
{
    ClientFixture *self = user_data;

    self->n_size++;
    self->rows = rows;
    self->columns = columns;
}

static inline void
client_on_finished(HfAttachEnd end, const GError *error, gpointer user_data)
{
    ClientFixture *self = user_data;

    self->n_finished++;
    self->end = end;
    if (error != NULL)
        self->error = g_error_copy(error);
}

static inline void
make_pipe(int *out_read_fd, int *out_write_fd)
{
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    *out_read_fd = fds[0];
    *out_write_fd = fds[1];
}

/* Everything but the client, whose options may still be changed. */
static inline void
client_set_up(ClientFixture *self)
{
    g_autoptr(GError) error = NULL;
    int dir_fd;

    *self = (ClientFixture){.monitor_fd = -1, .terminal = {.person_fd = -1, .program_fd = -1}};
    self->context = g_main_context_new();
    self->input = g_byte_array_new();
    self->dir = hf_test_make_dir();
    self->path = g_build_filename(self->dir, "attach", NULL);
    dir_fd = open(self->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    self->listen_fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);
    g_assert_no_error(error);
    hf_close_fd(&dir_fd);
    make_pipe(&self->of_client[0], &self->input_fd);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        self->outputs[i] = g_byte_array_new();
        make_pipe(&self->output_fds[i], &self->of_client[1 + i]);
        g_assert_cmpint(fcntl(self->output_fds[i], F_SETFL, O_NONBLOCK), ==, 0);
        self->options.output_fds[i] = self->of_client[1 + i];
    }
    self->options.socket_path = self->path;
    self->options.input_fd = self->of_client[0];
}

/* The client's input is a terminal, and so is the container's. */
static inline void
client_use_terminal(ClientFixture *self)
{
    terminal_set_up(&self->terminal);
    self->options.input_fd = self->terminal.program_fd;
    self->options.has_terminal = true;
}

static inline void
client_make(ClientFixture *self)
{
    static const HfAttachClientHandlers handlers = {client_on_connected, client_on_size,
                                                    client_on_finished};
    g_autoptr(GError) error = NULL;

    self->client = hf_attach_client_new(self->context, &self->options, &handlers, self, &error);
    g_assert_no_error(error);
}

static inline void
client_accept(ClientFixture *self)
{
    self->monitor_fd = accept4(self->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    g_assert_cmpint(self->monitor_fd, >=, 0);
}

static inline void
client_attach(ClientFixture *self)
{
    client_make(self);
    client_accept(self);
    settle_without_spinning(self->context);
}

static inline void
client_tear_down(ClientFixture *self)
{
    hf_attach_client_free(self->client);
    settle_without_spinning(self->context);
    terminal_tear_down(&self->terminal);
    hf_close_fd(&self->monitor_fd);
    hf_close_fd(&self->listen_fd);
    hf_close_fd(&self->input_fd);
    hf_close_fd(&self->of_client[0]);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        hf_close_fd(&self->output_fds[i]);
        hf_close_fd(&self->of_client[1 + i]);
        g_byte_array_unref(self->outputs[i]);
    }
    g_byte_array_unref(self->input);
    g_clear_error(&self->error);
    g_free(self->path);
    hf_test_remove_dir(self->dir);
    g_main_context_unref(self->context);
}

/* False if the connection has no room. */
static inline bool
monitor_sends(ClientFixture *self, HfStream stream, const void *bytes, size_t length)
{
    guint8 packet[HF_ATTACH_PACKET_MAX];

    packet[0] = hf_attach_frame_stream_byte(stream);
    memcpy(packet + 1, bytes, length);
    if (send(self->monitor_fd, packet, length + 1, MSG_NOSIGNAL) == (ssize_t)length + 1)
        return true;
    g_assert_cmpint(errno, ==, EAGAIN);
    return false;
}

static inline void
monitor_sends_text(ClientFixture *self, HfStream stream, const char *text)
{
    g_assert_true(monitor_sends(self, stream, text, strlen(text)));
    settle_without_spinning(self->context);
}

/* Takes one packet. False if there is none. */
static inline bool
monitor_reads(ClientFixture *self)
{
    guint8 packet[65536];
    ssize_t n = recv(self->monitor_fd, packet, sizeof packet, MSG_TRUNC);

    if (n < 0)
        g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(n, <=, sizeof packet);
    if (n == 0)
        self->has_input_ended = true;
    if (n > 0) {
        self->largest_packet = MAX(self->largest_packet, (gsize)n);
        g_byte_array_append(self->input, packet, (guint)n);
    }
    return n > 0;
}

static inline void
monitor_reads_all(ClientFixture *self)
{
    settle_without_spinning(self->context);
    while (monitor_reads(self))
        settle_without_spinning(self->context);
}

/* What there is to read of an output. */
static inline void
program_reads(ClientFixture *self, HfStream stream)
{
    guint8 bytes[16384];
    ssize_t n;

    while ((n = read(self->output_fds[stream], bytes, sizeof bytes)) > 0)
        g_byte_array_append(self->outputs[stream], bytes, (guint)n);
    if (n < 0)
        g_assert_cmpint(errno, ==, EAGAIN);
}

static inline void
assert_program_got(ClientFixture *self, HfStream stream, const char *text)
{
    program_reads(self, stream);
    g_assert_cmpmem(self->outputs[stream]->data, (int)self->outputs[stream]->len, text,
                    (int)strlen(text));
}

static inline void
assert_monitor_got(ClientFixture *self, const char *text)
{
    monitor_reads_all(self);
    g_assert_cmpmem(self->input->data, (int)self->input->len, text, (int)strlen(text));
}

static inline void
write_input(ClientFixture *self, const char *text)
{
    g_assert_cmpint(write(self->input_fd, text, strlen(text)), ==, strlen(text));
    settle_without_spinning(self->context);
}

static inline void
type_keys(ClientFixture *self, const char *keys)
{
    g_assert_cmpint(write(self->terminal.person_fd, keys, strlen(keys)), ==, strlen(keys));
    settle_without_spinning(self->context);
}

static inline bool
client_has_finished(gpointer user_data)
{
    return ((ClientFixture *)user_data)->n_finished > 0;
}

static inline void
assert_finished(const ClientFixture *self, HfAttachEnd end)
{
    g_assert_cmpuint(self->n_finished, ==, 1);
    g_assert_cmpint(self->end, ==, end);
    g_assert_cmpint(self->error != NULL, ==, end == HF_ATTACH_FAILED);
}

/* Sends the pattern until the connection has no room. Returns the offset behind it. */
static inline gsize
flood(ClientFixture *self, gsize offset)
{
    guint8 bytes[HF_ATTACH_PAYLOAD_MAX];

    while (true) {
        fill_pattern(bytes, sizeof bytes, offset);
        if (!monitor_sends(self, HF_STREAM_STDOUT, bytes, sizeof bytes))
            return offset;
        offset += sizeof bytes;
        settle_without_spinning(self->context);
    }
}
