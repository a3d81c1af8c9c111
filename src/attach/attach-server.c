/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * The server owns its peers (attach-peer), each of which owns a socket and a queue. A peer that is
 * gone stays in the array until the collector, a source of its own, runs in the next iteration:
 * peers are walked and call back in the middle of the walk, so nothing is removed under one.
 *
 * Accepting comes before output, and that a client has left is noticed with output's priority. So
 * before any is accepted, and before one is refused for lack of room, the peers are asked whether
 * their clients are still there: those that come and go without a pause neither pile up here (their
 * memory would be scattered over pages that malloc() cannot give back) nor keep another one out.
 *
 * accepting -> finishing -> finished. finish() takes in the clients that still wait (they want to
 * see the end of the connection, not a refusal), closes the listening socket, and drops each peer
 * as soon as its queue is empty. The collector calls on_finished when it finds no peer left, which
 * is why it comes from the main loop also when there never was one. Nobody schedules it after that.
 *
 * Congestion: some peer's queue has reached queue_bytes. It is looked at after each call that can
 * change it, and told when it did; send() tells it once, after its last packet.
 *
 * Stalls: one timer, which exists while a queue is full (or, when finishing, while one is not
 * empty), looks at the peers a few times in each stall timeout. The clock of a peer starts when its
 * queue becomes full or finish() is called, and starts again with each progress. A client whose
 * queue holds something but is not full may sleep as long as it likes: it is in nobody's way. */

#include <glib.h>

#include "attach/attach-listener.h"
#include "attach/attach-peer.h"
#include "attach/attach-server.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/source.h"

#define STALL_LOOKS_PER_TIMEOUT 4
/* More than can be connected: a bound for what a state can make us do. */
#define CLIENTS_SAVED_MAX 65536

struct HfAttachServer {
    GMainContext *context; /* borrowed */
    HfAttachLimits limits;
    const HfAttachHandlers *handlers; /* borrowed */
    gpointer user_data;
    HfAttachListener *listener; /* closed once finishing */
    GPtrArray *peers;           /* of HfAttachPeer, owned */
    GSource *collector;         /* exists while there is something to collect or to finish */
    GSource *stall_timer;
    guint n_connected; /* peers that are not gone */
    bool is_congested; /* as last told */
    bool is_input_paused;
    bool is_finishing;
};

static HfAttachPeer *
get_peer(const HfAttachServer *self, guint i)
{
    return g_ptr_array_index(self->peers, i);
}

/* Not to be called while a peer is walked or calls back. */
static void
remove_gone(HfAttachServer *self)
{
    for (guint i = self->peers->len; i > 0; i--)
        if (hf_attach_peer_is_gone(get_peer(self, i - 1)))
            (void)g_ptr_array_remove_index_fast(self->peers, i - 1);
}

static gboolean
on_collect(gpointer user_data)
{
    HfAttachServer *self = user_data;

    hf_source_clear(&self->collector);
    remove_gone(self);
    /* Nobody is attached most of the time: what clients needed goes back when the last one leaves.
     */
    if (self->peers->len == 0)
        hf_memory_trim();
    if (self->is_finishing && self->peers->len == 0)
        self->handlers->on_finished(self->user_data);
    return G_SOURCE_REMOVE;
}

static void
schedule_collector(HfAttachServer *self)
{
    if (self->collector == NULL)
        self->collector = hf_source_after(self->context, 0, HF_PRIORITY_CONTROL, "attach collector",
                                          on_collect, self);
}

static bool
has_full_queue(const HfAttachServer *self)
{
    for (guint i = 0; i < self->peers->len; i++) {
        const HfAttachPeer *peer = get_peer(self, i);

        if (!hf_attach_peer_is_gone(peer) &&
            hf_attach_peer_get_pending(peer) >= self->limits.queue_bytes)
            return true;
    }
    return false;
}

static bool
needs_progress(const HfAttachServer *self, const HfAttachPeer *peer)
{
    size_t pending = hf_attach_peer_get_pending(peer);

    if (hf_attach_peer_is_gone(peer) || pending == 0)
        return false;
    return self->is_finishing || pending >= self->limits.queue_bytes;
}

static void
drop_stalled(HfAttachServer *self, HfAttachPeer *peer)
{
    g_autoptr(GError) error = NULL;

    hf_throw(&error, HF_ERROR_TIMED_OUT, "the client took nothing for %u ms",
             self->limits.stall_timeout_ms);
    hf_attach_peer_drop(peer, error);
}

static gboolean
on_stall_tick(gpointer user_data)
{
    HfAttachServer *self = user_data;
    gint64 timeout_us = (gint64)self->limits.stall_timeout_ms * 1000;
    gint64 now_us = g_get_monotonic_time();

    for (guint i = 0; i < self->peers->len; i++) {
        HfAttachPeer *peer = get_peer(self, i);

        if (needs_progress(self, peer) && hf_attach_peer_has_stalled(peer, now_us, timeout_us))
            drop_stalled(self, peer);
    }
    return G_SOURCE_CONTINUE;
}

static void
update_stall_timer(HfAttachServer *self)
{
    bool is_needed = false;

    for (guint i = 0; i < self->peers->len && !is_needed; i++)
        is_needed = needs_progress(self, get_peer(self, i));
    if (!is_needed)
        hf_source_clear(&self->stall_timer);
    else if (self->stall_timer == NULL)
        self->stall_timer = hf_source_after(
            self->context, MAX(1, self->limits.stall_timeout_ms / STALL_LOOKS_PER_TIMEOUT),
            HF_PRIORITY_OUTPUT, "attach stall", on_stall_tick, self);
}

static void
update_congestion(HfAttachServer *self)
{
    bool is_congested = has_full_queue(self);

    update_stall_timer(self);
    if (is_congested == self->is_congested)
        return;
    self->is_congested = is_congested;
    self->handlers->on_congestion(self->user_data);
}

static void
on_peer_input(HfAttachPeer *peer, const char *bytes, size_t length, gpointer user_data)
{
    HfAttachServer *self = user_data;

    self->handlers->on_input(bytes, length, self->user_data);
}

static void
on_peer_input_ended(HfAttachPeer *peer, gpointer user_data)
{
    HfAttachServer *self = user_data;

    /* A handler may have called finish() since the peer lost its input. */
    if (!self->is_finishing)
        self->handlers->on_input_closed(self->user_data);
}

static void
on_peer_progress(HfAttachPeer *peer, gpointer user_data)
{
    HfAttachServer *self = user_data;

    if (self->is_finishing && hf_attach_peer_get_pending(peer) == 0)
        hf_attach_peer_drop(peer, NULL);
    update_congestion(self);
}

static void
on_peer_gone(HfAttachPeer *peer, const GError *reason, gpointer user_data)
{
    HfAttachServer *self = user_data;

    self->n_connected--;
    schedule_collector(self);
    if (reason != NULL)
        self->handlers->on_dropped(reason, self->user_data);
    update_congestion(self);
}

static const HfAttachPeerHandlers peer_handlers = {
    .on_input = on_peer_input,
    .on_input_ended = on_peer_input_ended,
    .on_progress = on_peer_progress,
    .on_gone = on_peer_gone,
};

static void
notice_leaving(HfAttachServer *self)
{
    for (guint i = 0; i < self->peers->len; i++)
        hf_attach_peer_notice_leaving(get_peer(self, i));
}

static void
on_waiting(gpointer user_data)
{
    HfAttachServer *self = user_data;

    notice_leaving(self);
    remove_gone(self);
}

static void
add_peer(HfAttachServer *self, int take_fd)
{
    HfAttachPeer *peer = hf_attach_peer_new(self->context, take_fd, &peer_handlers, self);

    hf_attach_peer_set_input_paused(peer, self->is_input_paused);
    g_ptr_array_add(self->peers, peer);
    self->n_connected++;
}

static void
on_client(int take_fd, gpointer user_data)
{
    HfAttachServer *self = user_data;
    hf_autofd fd = take_fd;
    g_autoptr(GError) error = NULL;

    if (self->n_connected >= self->limits.clients_max)
        notice_leaving(self);
    /* What one that left had typed may have made our owner call finish(). */
    if (self->is_finishing)
        return;
    if (self->n_connected < self->limits.clients_max) {
        add_peer(self, hf_steal_fd(&fd));
        if (self->handlers->on_connected != NULL)
            self->handlers->on_connected(self->user_data);
        return;
    }
    hf_throw(&error, HF_ERROR_LIMIT, "refused a client: there are %u already", self->n_connected);
    self->handlers->on_dropped(error, self->user_data);
}

static void
on_refused(const GError *reason, gpointer user_data)
{
    HfAttachServer *self = user_data;

    self->handlers->on_dropped(reason, self->user_data);
}

void
hf_attach_server_accept_waiting(HfAttachServer *self)
{
    hf_attach_listener_accept_waiting(self->listener);
}

static void
free_peer(gpointer peer)
{
    hf_attach_peer_free(peer);
}

HfAttachServer *
hf_attach_server_new(GMainContext *context, int take_fd, const HfAttachLimits *limits,
                     const HfAttachHandlers *handlers, gpointer user_data)
{
    static const HfAttachListenerHandlers listener_handlers = {
        .on_waiting = on_waiting,
        .on_client = on_client,
        .on_refused = on_refused,
    };
    HfAttachServer *self = g_new0(HfAttachServer, 1);

    self->context = context;
    self->limits = *limits;
    self->handlers = handlers;
    self->user_data = user_data;
    self->peers = g_ptr_array_new_with_free_func(free_peer);
    self->listener = hf_attach_listener_new(context, take_fd, &listener_handlers, self);
    return self;
}

void
hf_attach_server_free(HfAttachServer *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->collector);
    hf_source_clear(&self->stall_timer);
    hf_attach_listener_free(self->listener);
    g_ptr_array_unref(self->peers);
    g_free(self);
}

bool
hf_attach_server_has_clients(const HfAttachServer *self)
{
    return self->n_connected > 0;
}

bool
hf_attach_server_is_congested(const HfAttachServer *self)
{
    return self->is_congested;
}

static void
send_to_peer(HfAttachServer *self, HfAttachPeer *peer, HfStream stream, const char *bytes,
             size_t length)
{
    bool was_full = hf_attach_peer_get_pending(peer) >= self->limits.queue_bytes;

    hf_attach_peer_send(peer, stream, bytes, length);
    if (!was_full && hf_attach_peer_get_pending(peer) >= self->limits.queue_bytes)
        hf_attach_peer_start_stall_clock(peer, g_get_monotonic_time());
}

void
hf_attach_server_send(HfAttachServer *self, HfStream stream, const char *bytes, size_t length)
{
    if (self->n_connected == 0 || self->is_finishing)
        return;
    for (guint i = 0; i < self->peers->len; i++) {
        HfAttachPeer *peer = get_peer(self, i);

        if (!hf_attach_peer_is_gone(peer))
            send_to_peer(self, peer, stream, bytes, length);
    }
    update_congestion(self);
}

void
hf_attach_server_set_input_paused(HfAttachServer *self, bool is_paused)
{
    self->is_input_paused = is_paused;
    for (guint i = 0; i < self->peers->len; i++)
        hf_attach_peer_set_input_paused(get_peer(self, i), is_paused);
}

static void
finish_peer(HfAttachPeer *peer, gint64 now_us)
{
    hf_attach_peer_stop_input(peer);
    hf_attach_peer_start_stall_clock(peer, now_us);
    if (hf_attach_peer_get_pending(peer) == 0)
        hf_attach_peer_drop(peer, NULL);
}

void
hf_attach_server_finish(HfAttachServer *self)
{
    gint64 now_us = g_get_monotonic_time();

    if (self->is_finishing)
        return;
    hf_attach_server_accept_waiting(self);
    self->is_finishing = true;
    hf_attach_listener_close(self->listener);
    for (guint i = 0; i < self->peers->len; i++)
        finish_peer(get_peer(self, i), now_us);
    update_congestion(self);
    schedule_collector(self);
}

void
hf_attach_server_save(HfAttachServer *self, HfStateWriter *writer)
{
    remove_gone(self);
    hf_attach_listener_save(self->listener, writer);
    hf_state_put_bool(writer, "is-congested", self->is_congested);
    hf_state_put_bool(writer, "is-input-paused", self->is_input_paused);
    hf_state_put_number(writer, "clients", self->peers->len);
    for (guint i = 0; i < self->peers->len; i++) {
        g_autofree char *name = g_strdup_printf("client%u", i);

        hf_state_begin(writer, name);
        hf_attach_peer_save(get_peer(self, i), writer);
        hf_state_end(writer);
    }
}

HfAttachServer *
hf_attach_server_new_saved(GMainContext *context, HfStateReader *reader,
                           const HfAttachLimits *limits, const HfAttachHandlers *handlers,
                           gpointer user_data)
{
    int fd = hf_state_take_needed_fd(reader, "listener");
    HfAttachServer *self = hf_attach_server_new(context, fd, limits, handlers, user_data);
    gint64 count = hf_state_get_number(reader, "clients", 0, CLIENTS_SAVED_MAX, 0);

    self->is_congested = hf_state_get_bool(reader, "is-congested");
    self->is_input_paused = hf_state_get_bool(reader, "is-input-paused");
    for (gint64 i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("client%" G_GINT64_FORMAT, i);
        HfStateReader *client = hf_state_open_needed(reader, name);

        g_ptr_array_add(self->peers,
                        hf_attach_peer_new_saved(context, client, &peer_handlers, self));
        self->n_connected++;
    }
    update_stall_timer(self);
    return self;
}
