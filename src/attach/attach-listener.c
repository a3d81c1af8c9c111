/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A client that connected before the container wrote must see what it wrote, so the listening
 * socket has a higher priority than output. A wake-up accepts a bounded number, and so does a row
 * of wake-ups: clients that connect without end would otherwise keep the container's output
 * waiting, and the notice that they have left. The row is longer than the backlog, so whoever waits
 * when it begins is accepted within it. Then the socket is not watched until the turn source, which
 * has the priority of output, has run, and with it all else that was ready.
 *
 * When no descriptor or no memory is free for a client, accept4(2) fails and the socket stays
 * readable. Accepting rests for a while then; the client waits in the backlog, and is told of
 * nothing. Only the first failure in a row is reported.
 *
 * SO_SNDBUF of accepted sockets: an 8 KiB packet counts as 16640 bytes, so that Linux's default of
 * 212992 holds 13 of them. A larger buffer lets a client that is a little late cost no copy and no
 * wake-up here; much larger ones only cost kernel memory. The kernel doubles what is asked for,
 * after capping it by net.core.wmem_max. */

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "attach/attach-listener.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"

#define ACCEPT_MAX_PER_WAKE_UP 8
#define ACCEPT_MAX_IN_A_ROW 256
#define REST_MS 500
#define SEND_BUFFER_BYTES (256 * 1024)

struct HfAttachListener {
    GMainContext *context;                    /* borrowed */
    const HfAttachListenerHandlers *handlers; /* borrowed */
    gpointer user_data;
    int fd;          /* -1: closed */
    GSource *source; /* the socket, or the end of a rest; NULL: output's turn, or closed */
    GSource *turn;   /* exists while n_in_a_row counts */
    guint n_in_a_row;
    bool is_resting; /* accepting failed last time */
};

static void watch_socket(HfAttachListener *self);

static gboolean
check_user(int fd, GError **error)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return hf_throw_errno(error, "ask who the client is");
    if (credentials.uid != 0 && credentials.uid != geteuid())
        return hf_throw(error, HF_ERROR_FAILED, "refused a client of user %u", credentials.uid);
    return TRUE;
}

static void
take_client(HfAttachListener *self, int take_fd)
{
    g_autoptr(GError) error = NULL;
    hf_autofd fd = take_fd;
    int send_buffer_bytes = SEND_BUFFER_BYTES;

    if (!check_user(fd, &error)) {
        self->handlers->on_refused(error, self->user_data);
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
    self->handlers->on_client(hf_steal_fd(&fd), self->user_data);
}

static gboolean
on_rest_over(gpointer user_data)
{
    watch_socket(user_data);
    return G_SOURCE_REMOVE;
}

/* To be called while errno says why no client can be accepted. */
static void
rest(HfAttachListener *self)
{
    g_autoptr(GError) error = NULL;
    bool is_first = !self->is_resting;

    hf_throw_errno(&error, "accept a client");
    self->is_resting = true;
    hf_source_clear(&self->source);
    self->source = hf_source_after(self->context, REST_MS, HF_PRIORITY_INPUT,
                                   "attach-listener rest", on_rest_over, self);
    if (is_first)
        self->handlers->on_refused(error, self->user_data);
}

static void
accept_some(HfAttachListener *self, guint max)
{
    for (guint i = 0; i < max && self->fd >= 0; i++) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            self->is_resting = false;
            self->n_in_a_row++;
            take_client(self, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            rest(self);
            return;
        }
    }
}

void
hf_attach_listener_accept_waiting(HfAttachListener *self)
{
    accept_some(self, ACCEPT_MAX_IN_A_ROW);
}

static gboolean
on_turn(gpointer user_data)
{
    HfAttachListener *self = user_data;

    hf_source_clear(&self->turn);
    self->n_in_a_row = 0;
    if (self->source == NULL)
        watch_socket(self);
    return G_SOURCE_REMOVE;
}

static void
give_way(HfAttachListener *self)
{
    if (self->turn == NULL && self->n_in_a_row > 0)
        self->turn = hf_source_after(self->context, 0, HF_PRIORITY_OUTPUT, "attach-listener turn",
                                     on_turn, self);
    if (self->n_in_a_row >= ACCEPT_MAX_IN_A_ROW && !self->is_resting)
        hf_source_clear(&self->source);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfAttachListener *self = user_data;

    self->handlers->on_waiting(self->user_data);
    accept_some(self, ACCEPT_MAX_PER_WAKE_UP);
    if (self->fd >= 0)
        give_way(self);
    return G_SOURCE_CONTINUE;
}

static void
watch_socket(HfAttachListener *self)
{
    hf_source_clear(&self->source);
    self->source = hf_source_watch_fd(self->context, self->fd, G_IO_IN, HF_PRIORITY_INPUT,
                                      "attach-listener", on_readable, self);
}

HfAttachListener *
hf_attach_listener_new(GMainContext *context, int take_fd, const HfAttachListenerHandlers *handlers,
                       gpointer user_data)
{
    HfAttachListener *self = g_new0(HfAttachListener, 1);

    self->context = context;
    self->fd = take_fd;
    self->handlers = handlers;
    self->user_data = user_data;
    watch_socket(self);
    return self;
}

void
hf_attach_listener_close(HfAttachListener *self)
{
    hf_source_clear(&self->turn);
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
}

void
hf_attach_listener_free(HfAttachListener *self)
{
    if (self == NULL)
        return;
    hf_attach_listener_close(self);
    g_free(self);
}

void
hf_attach_listener_save(const HfAttachListener *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "listener", self->fd);
}
