/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The console socket, on which a runtime sends a terminal, against peers that send anything. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz.h"
#include "runtime/console-socket.h"

/* As many as the socket has room for, and more. */
#define CLIENTS_MAX 7
#define CLIENTS_ROOM 4
#define FDS_MAX 6

typedef struct {
    GMainContext *context;
    HfConsoleSocket *socket;
    int clients[CLIENTS_MAX]; /* -1: not there */
    bool has_sent[CLIENTS_MAX];
    guint n_connections;
    guint n_terminals; /* messages that are as they should be */
    guint n_consoles;
    guint n_failures;
} Talk;

static void
on_console(int take_fd, gpointer user_data)
{
    Talk *self = user_data;
    unsigned number = 0;

    g_assert_cmpint(ioctl(take_fd, TIOCGPTN, &number), ==, 0);
    g_assert_cmpint(fcntl(take_fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    g_assert_cmpint(fcntl(take_fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
    hf_close_fd(&take_fd);
    self->n_consoles++;
}

static void
on_failed(const GError *error, gpointer user_data)
{
    Talk *self = user_data;

    g_assert_nonnull(error);
    self->n_failures++;
}

static void
connect_one(Talk *self, guint i)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (self->clients[i] >= 0 || self->has_sent[i])
        return;
    self->clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)g_strlcpy(address.sun_path, hf_console_socket_get_path(self->socket),
                    sizeof address.sun_path);
    if (connect(self->clients[i], (struct sockaddr *)&address, sizeof address) == 0) {
        self->n_connections++;
        return;
    }
    hf_close_fd(&self->clients[i]);
}

static int
open_any(guint8 kind)
{
    int fd = kind < 128 ? posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
                        : open("/dev/null", O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* One message: its descriptors, then its bytes. */
static void
send_one(Talk *self, guint i, HfFuzzInput *input)
{
    guint count = hf_fuzz_take_byte(input) % (FDS_MAX + 1);
    guint8 kind = hf_fuzz_take_byte(input);
    size_t length = 0;
    const char *name = hf_fuzz_take_bytes(input, hf_fuzz_take_byte(input) + 1u, &length);
    struct iovec part = {(void *)name, length};
    int fds[FDS_MAX];

    if (self->clients[i] < 0 || self->has_sent[i] || length == 0)
        return;
    for (guint j = 0; j < count; j++)
        fds[j] = open_any(kind);
    if (hf_fuzz_send_fds(self->clients[i], &part, fds, count)) {
        self->has_sent[i] = true;
        self->n_terminals += count == 1 && kind < 128;
    }
    for (guint j = 0; j < count; j++)
        hf_close_fd(&fds[j]);
}

static void
settle(Talk *self)
{
    while (g_main_context_iteration(self->context, FALSE))
        continue;
}

static void
step(Talk *self, HfFuzzInput *input)
{
    guint8 choice = hf_fuzz_take_byte(input);
    guint i = (choice >> 3) % CLIENTS_MAX;

    if ((choice & 7) < 2)
        connect_one(self, i);
    else if ((choice & 7) < 4)
        send_one(self, i, input);
    else if ((choice & 7) == 4)
        hf_close_fd(&self->clients[i]);
    else if ((choice & 7) == 5)
        hf_console_socket_poll(self->socket);
    else
        settle(self);
}

/* Each connection has one outcome, and only the main side of a terminal, by itself, is a console.
 */
void
fuzz_console_socket(const char *bytes, size_t length)
{
    static const HfConsoleHandlers handlers = {on_console, on_failed};
    HfFuzzInput input = {bytes, length};
    int lowest = hf_fuzz_get_lowest_fd();
    g_autoptr(GMainContext) context = g_main_context_new();
    Talk talk = {.context = context};

    memset(talk.clients, -1, sizeof talk.clients);
    talk.socket = hf_console_socket_new(context, &handlers, &talk, NULL);
    g_assert_nonnull(talk.socket);
    while (input.left > 0)
        step(&talk, &input);
    for (guint i = 0; i < CLIENTS_MAX; i++)
        hf_close_fd(&talk.clients[i]);
    settle(&talk);
    g_assert_cmpuint(talk.n_consoles + talk.n_failures, ==, talk.n_connections);
    g_assert_cmpuint(talk.n_consoles, <=, talk.n_terminals);
    if (talk.n_connections <= CLIENTS_ROOM)
        g_assert_cmpuint(talk.n_consoles, ==, talk.n_terminals);
    hf_console_socket_free(talk.socket);
    g_clear_pointer(&context, g_main_context_unref);
    g_assert_cmpint(hf_fuzz_get_lowest_fd(), ==, lowest);
}
