/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* When a client counts as stalled. The time is an argument, so nothing here waits. The rest of the
 * peer is in the tests of attach-server. */

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "attach/attach-peer.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "protocol/attach-frame.h"
#include "test-kit.h"

#define TIMEOUT_US 1000
/* Later than any clock value the peer reads by itself. */
#define FAR_US (G_MAXINT64 / 4)

typedef struct {
    GMainContext *context;
    HfAttachPeer *peer;
    int client_fd;
    int peer_fd; /* the peer's */
    guint n_progress;
    guint n_gone;
    guint n_input_ended;
} Fixture;

static void
on_input(HfAttachPeer *peer, const char *bytes, size_t length, gpointer user_data)
{
}

static void
on_input_ended(HfAttachPeer *peer, gpointer user_data)
{
    Fixture *self = user_data;

    self->n_input_ended++;
}

static void
on_progress(HfAttachPeer *peer, gpointer user_data)
{
    Fixture *self = user_data;

    self->n_progress++;
}

static void
on_gone(HfAttachPeer *peer, const GError *reason, gpointer user_data)
{
    Fixture *self = user_data;

    self->n_gone++;
}

static void
set_up(Fixture *self)
{
    static const HfAttachPeerHandlers handlers = {on_input, on_input_ended, on_progress, on_gone};
    int fds[2];
    int buffer = 200000;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    g_assert_cmpint(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), ==, 0);
    *self = (Fixture){.client_fd = fds[1], .peer_fd = fds[0]};
    self->context = g_main_context_new();
    self->peer = hf_attach_peer_new(self->context, fds[0], &handlers, self);
}

static void
tear_down(Fixture *self)
{
    hf_attach_peer_free(self->peer);
    hf_close_fd(&self->client_fd);
    g_main_context_unref(self->context);
}

static void
send_until_packets_wait(Fixture *self, guint n)
{
    static const char block[HF_ATTACH_PAYLOAD_MAX];

    while (hf_attach_peer_get_pending(self->peer) < n * HF_ATTACH_PACKET_MAX)
        hf_attach_peer_send(self->peer, HF_STREAM_STDOUT, block, sizeof block);
    hf_attach_peer_start_stall_clock(self->peer, 0);
}

static void
client_takes_one(Fixture *self)
{
    char packet[HF_ATTACH_PACKET_MAX];

    g_assert_cmpint(recv(self->client_fd, packet, sizeof packet, 0), >, 0);
}

/* Whether more than a few small packets fit into the kernel's buffer. */
static bool
has_room_for_small_packets(const Fixture *self)
{
    int in_flight = 0;
    int limit = 0;
    socklen_t size = sizeof limit;

    g_assert_cmpint(ioctl(self->peer_fd, SIOCOUTQ, &in_flight), ==, 0);
    g_assert_cmpint(getsockopt(self->peer_fd, SOL_SOCKET, SO_SNDBUF, &limit, &size), ==, 0);
    return in_flight < limit - 4096;
}

static void
test_no_progress_for_the_timeout_is_a_stall(void)
{
    Fixture self;

    set_up(&self);
    send_until_packets_wait(&self, 3);

    g_assert_false(hf_attach_peer_has_stalled(self.peer, TIMEOUT_US - 1, TIMEOUT_US));
    g_assert_true(hf_attach_peer_has_stalled(self.peer, TIMEOUT_US, TIMEOUT_US));
    g_assert_cmpuint(self.n_progress, ==, 0);
    tear_down(&self);
}

/* The socket does not say "writable" after one packet. */
static void
test_one_packet_taken_is_progress(void)
{
    Fixture self;

    set_up(&self);
    send_until_packets_wait(&self, 3);
    client_takes_one(&self);
    settle_without_spinning(self.context);
    g_assert_cmpuint(self.n_progress, ==, 0);

    g_assert_false(hf_attach_peer_has_stalled(self.peer, FAR_US, TIMEOUT_US));
    g_assert_cmpuint(self.n_progress, ==, 1);
    g_assert_true(hf_attach_peer_has_stalled(self.peer, FAR_US + TIMEOUT_US, TIMEOUT_US));
    tear_down(&self);
}

static void
test_client_that_takes_one_packet_a_look_never_stalls(void)
{
    Fixture self;
    gint64 now_us = FAR_US;

    set_up(&self);
    send_until_packets_wait(&self, 60);
    while (hf_attach_peer_get_pending(self.peer) > 0) {
        client_takes_one(&self);
        now_us += 10 * TIMEOUT_US;
        g_assert_false(hf_attach_peer_has_stalled(self.peer, now_us, TIMEOUT_US));
    }
    tear_down(&self);
}

static void
test_empty_queue_is_no_stall(void)
{
    Fixture self;

    set_up(&self);
    hf_attach_peer_send(self.peer, HF_STREAM_STDOUT, "x", 1);
    hf_attach_peer_start_stall_clock(self.peer, 0);

    g_assert_false(hf_attach_peer_has_stalled(self.peer, FAR_US, TIMEOUT_US));
    tear_down(&self);
}

static void
test_dropping_tells_once_that_it_is_gone_and_its_input_ended(void)
{
    Fixture self;

    set_up(&self);
    hf_attach_peer_drop(self.peer, NULL);
    hf_attach_peer_drop(self.peer, NULL);
    assert_asleep(self.context);

    g_assert_true(hf_attach_peer_is_gone(self.peer));
    g_assert_cmpuint(self.n_gone, ==, 1);
    g_assert_cmpuint(self.n_input_ended, ==, 1);
    tear_down(&self);
}

static void
test_input_that_was_stopped_has_no_end(void)
{
    Fixture self;

    set_up(&self);
    hf_attach_peer_stop_input(self.peer);
    hf_close_fd(&self.client_fd);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_gone, ==, 1);
    g_assert_cmpuint(self.n_input_ended, ==, 0);
    tear_down(&self);
}

/* What a small packet took is too little room for the next one. */
static void
test_small_packet_taken_is_progress_though_nothing_can_be_sent(void)
{
    Fixture self;

    set_up(&self);
    while (hf_attach_peer_get_pending(self.peer) == 0 && has_room_for_small_packets(&self))
        hf_attach_peer_send(self.peer, HF_STREAM_STDOUT, "x", 1);
    send_until_packets_wait(&self, 3);
    client_takes_one(&self);

    g_assert_false(hf_attach_peer_has_stalled(self.peer, FAR_US, TIMEOUT_US));
    g_assert_cmpuint(self.n_progress, ==, 0);
    g_assert_true(hf_attach_peer_has_stalled(self.peer, FAR_US + TIMEOUT_US, TIMEOUT_US));
    tear_down(&self);
}

static void
test_client_that_left_in_a_pause_is_gone_when_its_input_is_stopped(void)
{
    Fixture self;

    set_up(&self);
    hf_attach_peer_set_input_paused(self.peer, true);
    g_assert_cmpint(send(self.client_fd, "unread", 6, 0), ==, 6);
    hf_close_fd(&self.client_fd);
    assert_asleep(self.context);
    g_assert_false(hf_attach_peer_is_gone(self.peer));
    hf_attach_peer_stop_input(self.peer);

    g_assert_true(hf_attach_peer_is_gone(self.peer));
    g_assert_cmpuint(self.n_input_ended, ==, 0);
    tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/attach-peer/no-progress-for-the-timeout-is-a-stall",
                test_no_progress_for_the_timeout_is_a_stall);
    hf_test_add("/attach/attach-peer/one-packet-taken-is-progress",
                test_one_packet_taken_is_progress);
    hf_test_add("/attach/attach-peer/small-packet-taken-is-progress-though-nothing-can-be-sent",
                test_small_packet_taken_is_progress_though_nothing_can_be_sent);
    hf_test_add("/attach/attach-peer/client-that-left-in-a-pause-is-gone-when-its-input-is-stopped",
                test_client_that_left_in_a_pause_is_gone_when_its_input_is_stopped);
    hf_test_add("/attach/attach-peer/client-that-takes-one-packet-a-look-never-stalls",
                test_client_that_takes_one_packet_a_look_never_stalls);
    hf_test_add("/attach/attach-peer/empty-queue-is-no-stall", test_empty_queue_is_no_stall);
    hf_test_add("/attach/attach-peer/dropping-tells-once-that-it-is-gone-and-its-input-ended",
                test_dropping_tells_once_that_it_is_gone_and_its_input_ended);
    hf_test_add("/attach/attach-peer/input-that-was-stopped-has-no-end",
                test_input_that_was_stopped_has_no_end);

    return g_test_run();
}
