/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "attach/output-queue.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "test-kit.h"

#define PAYLOAD 1000

typedef struct {
    GMainContext *context;
    HfOutputQueue *queue;
    int fd;
    int peer_fd;
    guint n_progress;
    guint n_failed;
    int failure_code;
    bool is_pushing_on_progress;
    GByteArray *received;
} Fixture;

static void
on_progress(gpointer user_data)
{
    Fixture *self = user_data;

    self->n_progress++;
    if (self->is_pushing_on_progress && self->n_progress == 1)
        hf_output_queue_push(self->queue, "h", 1, "late", 4);
}

static void
on_failed(const GError *error, gpointer user_data)
{
    Fixture *self = user_data;

    g_assert_true(error->domain == G_FILE_ERROR);
    self->failure_code = error->code;
    self->n_failed++;
}

static void
set_up(Fixture *self)
{
    static const HfOutputQueueHandlers handlers = {on_progress, on_failed};
    int fds[2];
    int small = 1;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    g_assert_cmpint(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), ==, 0);
    *self = (Fixture){.fd = fds[0], .peer_fd = fds[1]};
    self->context = g_main_context_new();
    self->received = g_byte_array_new();
    self->queue = hf_output_queue_new(self->context, self->fd, &handlers, self);
}

static void
tear_down(Fixture *self)
{
    hf_output_queue_free(self->queue);
    hf_close_fd(&self->fd);
    hf_close_fd(&self->peer_fd);
    g_byte_array_unref(self->received);
    g_main_context_unref(self->context);
}

/* Takes one packet if there is one, checks its header, and keeps its payload. */
static bool
receive_one(Fixture *self)
{
    guint8 packet[2 * PAYLOAD];
    ssize_t n = recv(self->peer_fd, packet, sizeof packet, 0);

    if (n <= 0)
        return false;
    g_assert_cmpint(packet[0], ==, 'h');
    g_byte_array_append(self->received, packet + 1, (guint)n - 1);
    return true;
}

static void
push_pattern(Fixture *self, gsize offset)
{
    guint8 bytes[PAYLOAD];

    fill_pattern(bytes, sizeof bytes, offset);
    hf_output_queue_push(self->queue, "h", 1, bytes, sizeof bytes);
}

/* Returns how many packets it pushed until @n of them waited. */
static guint
push_until_waiting(Fixture *self, guint n)
{
    guint pushed = 0;

    while (hf_output_queue_get_pending(self->queue) < n * (1 + PAYLOAD))
        push_pattern(self, PAYLOAD * pushed++);
    return pushed;
}

static bool
has_failed(gpointer user_data)
{
    return ((Fixture *)user_data)->n_failed > 0;
}

static void
test_packet_goes_out_at_once(void)
{
    Fixture self;

    set_up(&self);
    hf_output_queue_push(self.queue, "h", 1, "abc", 3);

    g_assert_true(receive_one(&self));
    g_assert_cmpmem(self.received->data, self.received->len, "abc", 3);
    g_assert_cmpuint(hf_output_queue_get_pending(self.queue), ==, 0);
    assert_asleep(self.context);
    tear_down(&self);
}

static bool
has_received_all(gpointer user_data)
{
    Fixture *self = user_data;

    for (int i = 0; i < 50 && receive_one(self); i++)
        continue;
    return hf_output_queue_get_pending(self->queue) == 0 && !receive_one(self);
}

static void
test_what_waited_arrives_whole_and_in_order(void)
{
    Fixture self;

    set_up(&self);
    guint pushed = push_until_waiting(&self, 500);
    hf_test_wait(self.context, "all is received", has_received_all, &self);

    g_autofree char *expected = checksum_of_pattern(PAYLOAD * pushed);
    g_autofree char *got =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, self.received->data, self.received->len);
    g_assert_cmpuint(self.received->len, ==, PAYLOAD * pushed);
    g_assert_cmpstr(got, ==, expected);
    g_assert_cmpuint(self.n_progress, >, 0);
    g_assert_cmpuint(self.n_failed, ==, 0);
    tear_down(&self);
}

static void
test_full_peer_is_waited_for_without_spinning(void)
{
    Fixture self;

    set_up(&self);
    (void)push_until_waiting(&self, 3);

    assert_asleep(self.context);
    g_assert_cmpuint(hf_output_queue_get_pending(self.queue), ==, 3 * (1 + PAYLOAD));
    g_assert_cmpuint(self.n_progress, ==, 0);
    tear_down(&self);
}

static void
test_flush_sends_before_the_socket_asks(void)
{
    Fixture self;
    int large = 100000;

    set_up(&self);
    g_assert_cmpint(setsockopt(self.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large), ==, 0);
    (void)push_until_waiting(&self, 3);
    g_assert_true(receive_one(&self));
    settle_without_spinning(self.context);
    g_assert_cmpuint(self.n_progress, ==, 0);

    hf_output_queue_flush(self.queue);

    g_assert_cmpuint(self.n_progress, ==, 1);
    g_assert_cmpuint(hf_output_queue_get_pending(self.queue), <, 3 * (1 + PAYLOAD));
    tear_down(&self);
}

static void
test_push_from_within_progress(void)
{
    Fixture self;

    set_up(&self);
    self.is_pushing_on_progress = true;
    guint pushed = push_until_waiting(&self, 3);
    hf_test_wait(self.context, "all is received", has_received_all, &self);

    g_assert_cmpuint(self.received->len, ==, PAYLOAD * pushed + 4);
    g_assert_cmpmem(self.received->data + PAYLOAD * pushed, 4, "late", 4);
    tear_down(&self);
}

static void
test_peer_that_left_fails_from_the_main_loop(void)
{
    Fixture self;

    set_up(&self);
    hf_close_fd(&self.peer_fd);
    hf_output_queue_push(self.queue, "h", 1, "abc", 3);
    g_assert_cmpuint(self.n_failed, ==, 0);

    settle_without_spinning(self.context);

    g_assert_cmpuint(self.n_failed, ==, 1);
    g_assert_cmpint(self.failure_code, ==, G_FILE_ERROR_PIPE);
    tear_down(&self);
}

static void
test_peer_that_leaves_while_packets_wait_fails_once(void)
{
    Fixture self;

    set_up(&self);
    (void)push_until_waiting(&self, 5);
    hf_close_fd(&self.peer_fd);
    hf_test_wait(self.context, "the failure is told", has_failed, &self);

    assert_asleep(self.context);
    g_assert_cmpuint(self.n_failed, ==, 1);
    g_assert_cmpuint(hf_output_queue_get_pending(self.queue), ==, 0);
    tear_down(&self);
}

/* The kernel does not wake a sender for it. */
static void
test_peer_that_closes_its_receiving_side_is_noticed_by_flush(void)
{
    Fixture self;

    set_up(&self);
    (void)push_until_waiting(&self, 5);
    g_assert_cmpint(shutdown(self.peer_fd, SHUT_RD), ==, 0);
    hf_output_queue_flush(self.queue);
    settle_without_spinning(self.context);

    g_assert_cmpuint(self.n_failed, ==, 1);
    g_assert_cmpuint(hf_output_queue_get_pending(self.queue), ==, 0);
    tear_down(&self);
}

static void
test_pushes_after_a_failure_are_discarded(void)
{
    Fixture self;

    set_up(&self);
    hf_close_fd(&self.peer_fd);
    for (int i = 0; i < 3; i++)
        hf_output_queue_push(self.queue, "h", 1, "abc", 3);
    settle_without_spinning(self.context);
    hf_output_queue_push(self.queue, "h", 1, "abc", 3);
    hf_output_queue_flush(self.queue);

    assert_asleep(self.context);
    g_assert_cmpuint(hf_output_queue_get_pending(self.queue), ==, 0);
    g_assert_cmpuint(self.n_failed, ==, 1);
    tear_down(&self);
}

static void
test_free_while_packets_wait(void)
{
    Fixture self;

    set_up(&self);
    (void)push_until_waiting(&self, 5);
    g_clear_pointer(&self.queue, hf_output_queue_free);
    while (receive_one(&self))
        continue;

    assert_asleep(self.context);
    g_assert_cmpuint(self.n_progress, ==, 0);
    tear_down(&self);
}

static void
test_free_while_a_failure_is_due(void)
{
    Fixture self;

    set_up(&self);
    hf_close_fd(&self.peer_fd);
    hf_output_queue_push(self.queue, "h", 1, "abc", 3);
    g_clear_pointer(&self.queue, hf_output_queue_free);

    assert_asleep(self.context);
    g_assert_cmpuint(self.n_failed, ==, 0);
    tear_down(&self);
}

/* A peer that reads as fast as we send must not keep the loop to itself. */
static void
test_one_wake_up_sends_a_bounded_number_of_bytes(void)
{
    Fixture self;
    int large = 4 * 1024 * 1024;
    int granted = 0;
    socklen_t size = sizeof granted;

    set_up(&self);
    (void)push_until_waiting(&self, 2000);
    (void)setsockopt(self.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    (void)getsockopt(self.fd, SOL_SOCKET, SO_SNDBUF, &granted, &size);
    if (granted >= 2 * large) {
        while (receive_one(&self))
            continue;
        (void)g_main_context_iteration(self.context, FALSE);
        g_assert_cmpuint(self.n_progress, ==, 1);
        g_assert_cmpuint(hf_output_queue_get_pending(self.queue), >, 1000 * PAYLOAD);
    } else {
        g_test_skip("net.core.wmem_max is too small");
    }
    tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/output-queue/packet-goes-out-at-once", test_packet_goes_out_at_once);
    hf_test_add("/attach/output-queue/what-waited-arrives-whole-and-in-order",
                test_what_waited_arrives_whole_and_in_order);
    hf_test_add("/attach/output-queue/full-peer-is-waited-for-without-spinning",
                test_full_peer_is_waited_for_without_spinning);
    hf_test_add("/attach/output-queue/flush-sends-before-the-socket-asks",
                test_flush_sends_before_the_socket_asks);
    hf_test_add("/attach/output-queue/push-from-within-progress", test_push_from_within_progress);
    hf_test_add("/attach/output-queue/peer-that-left-fails-from-the-main-loop",
                test_peer_that_left_fails_from_the_main_loop);
    hf_test_add("/attach/output-queue/peer-that-leaves-while-packets-wait-fails-once",
                test_peer_that_leaves_while_packets_wait_fails_once);
    hf_test_add("/attach/output-queue/peer-that-closes-its-receiving-side-is-noticed-by-flush",
                test_peer_that_closes_its_receiving_side_is_noticed_by_flush);
    hf_test_add("/attach/output-queue/pushes-after-a-failure-are-discarded",
                test_pushes_after_a_failure_are_discarded);
    hf_test_add("/attach/output-queue/free-while-packets-wait", test_free_while_packets_wait);
    hf_test_add("/attach/output-queue/free-while-a-failure-is-due",
                test_free_while_a_failure_is_due);
    hf_test_add("/attach/output-queue/one-wake-up-sends-a-bounded-number-of-bytes",
                test_one_wake_up_sends_a_bounded_number_of_bytes);

    return g_test_run();
}
