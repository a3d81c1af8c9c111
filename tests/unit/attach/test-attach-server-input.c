/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What clients write, and how they stop. */

#include "server-fixture.h"

/* A client that can write packets of @bytes; FALSE if the system does not allow it. */
static bool
try_allow_packets_of(int client, int bytes)
{
    int granted = 0;
    socklen_t size = sizeof granted;

    (void)setsockopt(client, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    (void)getsockopt(client, SOL_SOCKET, SO_SNDBUF, &granted, &size);
    if (granted > bytes + 4096)
        return true;
    g_test_skip("net.core.wmem_max is too small");
    return false;
}

static void
test_input_is_handed_on(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    client_write(client, "ls", 2);
    client_write(client, "\n", 1);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "ls\n");
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    fixture_tear_down(&self);
}

static void
test_large_packets_are_taken_whole(void)
{
    static const gsize sizes[] = {1, 32768, 32778, 40000, 65536, 200000};

    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        ServerFixture self;
        g_autofree guint8 *bytes = g_malloc(sizes[i]);

        fill_pattern(bytes, sizes[i], 0);
        fixture_set_up_default(&self);
        hf_autofd client = fixture_connect(&self);
        if (try_allow_packets_of(client, (int)sizes[i])) {
            client_write(client, bytes, sizes[i]);
            settle_without_spinning(self.context);
            g_assert_cmpmem(self.input->str, (int)self.input->len, bytes, (int)sizes[i]);
        }
        fixture_tear_down(&self);
    }
}

static void
test_packet_beyond_the_bound_drops_the_client(void)
{
    const int size = 1024 * 1024 + 1;
    ServerFixture self;
    g_autofree guint8 *bytes = g_malloc0((gsize)size);

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    if (try_allow_packets_of(client, size)) {
        client_write(client, bytes, (gsize)size);
        assert_asleep(self.context);

        g_assert_cmpuint(self.n_dropped, ==, 1);
        g_assert_cmpint(self.last_drop_code, ==, HF_ERROR_LIMIT);
        g_assert_cmpuint(self.input->len, ==, 0);
        g_assert_false(hf_attach_server_has_clients(self.server));
    }
    fixture_tear_down(&self);
}

static void
test_one_wake_up_reads_a_bounded_number_of_bytes(void)
{
    ServerFixture self;
    static const char block[32768];

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    if (try_allow_packets_of(client, 2 * 1024 * 1024)) {
        for (int i = 0; i < 16; i++)
            client_write(client, block, sizeof block);
        while (self.n_input == 0)
            (void)g_main_context_iteration(self.context, FALSE);
        g_assert_cmpuint(self.n_input, ==, 8);

        settle_without_spinning(self.context);
        g_assert_cmpuint(self.n_input, ==, 16);
    }
    fixture_tear_down(&self);
}

static void
test_half_close_ends_input_once_and_output_goes_on(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    client_write(client, "done", 4);
    client_half_close(client);
    assert_asleep(self.context);
    fixture_send(&self, "result");
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "done");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    assert_client_reads(client, "result");
    fixture_tear_down(&self);
}

static void
test_close_after_a_half_close_is_noticed(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect(&self);
    client_half_close(client);
    assert_asleep(self.context);
    g_assert_true(hf_attach_server_has_clients(self.server));
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_false(hf_attach_server_has_clients(self.server));
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    fixture_tear_down(&self);
}

static void
test_other_client_goes_on_after_a_half_close(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd first = fixture_connect(&self);
    hf_autofd second = fixture_connect(&self);
    client_half_close(first);
    settle_without_spinning(self.context);
    client_write(second, "still here", 10);
    fixture_send(&self, "hello");
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_cmpstr(self.input->str, ==, "still here");
    assert_client_reads(first, "hello");
    assert_client_reads(second, "hello");
    fixture_tear_down(&self);
}

static void
test_input_written_right_before_the_close_comes_first(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect(&self);
    client_write(client, "echo ", 5);
    client_write(client, "hi\n", 3);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "echo hi\n");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_cmpuint(self.input_length_when_closed, ==, 8);
    fixture_tear_down(&self);
}

/* Such a close is a reset to the kernel, told before the data. */
static void
test_close_with_unread_output_loses_no_input(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect(&self);
    fixture_send(&self, "unread");
    client_write(client, "input", 5);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "input");
    g_assert_cmpuint(self.input_length_when_closed, ==, 5);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_input_survives_a_send_that_fails(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect(&self);
    client_write(client, "input", 5);
    hf_close_fd(&client);
    fixture_send(&self, "to nobody");
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "input");
    g_assert_false(hf_attach_server_has_clients(self.server));
    fixture_tear_down(&self);
}

static void
test_empty_packet_is_not_the_end(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    client_write(client, "", 0);
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    client_write(client, "", 0);
    client_write(client, "", 0);
    client_write(client, "more", 4);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "more");
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    fixture_tear_down(&self);
}

static void
test_empty_packets_before_the_end(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    client_write(client, "", 0);
    client_write(client, "one", 3);
    client_write(client, "", 0);
    client_write(client, "", 0);
    client_write(client, "two", 3);
    client_write(client, "", 0);
    client_half_close(client);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "onetwo");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_cmpuint(self.input_length_when_closed, ==, 6);
    fixture_tear_down(&self);
}

static void
test_client_that_receives_nothing_may_write(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    g_assert_cmpint(shutdown(client, SHUT_RD), ==, 0);
    fixture_send(&self, "not wanted");
    settle_without_spinning(self.context);
    client_write(client, "typed", 5);
    client_half_close(client);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "typed");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_false(hf_attach_server_has_clients(self.server));
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_pause_leaves_input_in_the_socket(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    hf_attach_server_set_input_paused(self.server, true);
    client_write(client, "wait", 4);
    assert_asleep(self.context);
    g_assert_cmpuint(self.input->len, ==, 0);
    hf_attach_server_set_input_paused(self.server, false);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "wait");
    fixture_tear_down(&self);
}

static void
test_pause_holds_for_clients_that_come_later(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_attach_server_set_input_paused(self.server, true);
    hf_autofd client = fixture_connect(&self);
    client_write(client, "wait", 4);
    assert_asleep(self.context);

    g_assert_cmpuint(self.input->len, ==, 0);
    fixture_tear_down(&self);
}

static void
test_pause_from_within_input_stops_at_once(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    self.is_pausing_on_input = true;
    client_write(client, "one", 3);
    client_write(client, "two", 3);
    client_half_close(client);
    assert_asleep(self.context);
    g_assert_cmpstr(self.input->str, ==, "one");
    hf_attach_server_set_input_paused(self.server, false);
    assert_asleep(self.context);
    g_assert_cmpstr(self.input->str, ==, "onetwo");
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    hf_attach_server_set_input_paused(self.server, false);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_input_closed, ==, 1);
    fixture_tear_down(&self);
}

static void
test_half_close_while_paused_is_told_after_the_input(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    hf_attach_server_set_input_paused(self.server, true);
    client_write(client, "last", 4);
    client_half_close(client);
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    fixture_send(&self, "output goes on");
    assert_client_reads(client, "output goes on");
    hf_attach_server_set_input_paused(self.server, false);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "last");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_cmpuint(self.input_length_when_closed, ==, 4);
    fixture_tear_down(&self);
}

static void
test_close_while_paused_keeps_the_input(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect(&self);
    hf_attach_server_set_input_paused(self.server, true);
    client_write(client, "one", 3);
    client_write(client, "two", 3);
    hf_close_fd(&client);
    assert_asleep(self.context);
    fixture_send(&self, "to nobody");
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    hf_attach_server_set_input_paused(self.server, false);
    hf_attach_server_set_input_paused(self.server, true);
    assert_asleep(self.context);
    g_assert_cmpuint(self.input->len, ==, 0);
    hf_attach_server_set_input_paused(self.server, false);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "onetwo");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_cmpuint(self.input_length_when_closed, ==, 6);
    g_assert_false(hf_attach_server_has_clients(self.server));
    fixture_tear_down(&self);
}

static void
test_close_while_paused_with_nothing_unread_is_noticed(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect(&self);
    hf_attach_server_set_input_paused(self.server, true);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_false(hf_attach_server_has_clients(self.server));
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    fixture_tear_down(&self);
}

static void
test_descriptors_a_client_sends_are_closed(void)
{
    ServerFixture self;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec data = {.iov_base = (void *)"x", .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    int fds[2];

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    struct cmsghdr *header = &control.align;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fds[1], sizeof fds[1]);
    g_assert_cmpint(sendmsg(client, &message, 0), ==, 1);
    hf_close_fd(&fds[1]);
    assert_asleep(self.context);

    char byte;
    g_assert_cmpstr(self.input->str, ==, "x");
    g_assert_cmpint(recv(fds[0], &byte, 1, MSG_DONTWAIT), ==, 0);
    hf_close_fd(&fds[0]);
    fixture_tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/attach-server/input-is-handed-on", test_input_is_handed_on);
    hf_test_add("/attach/attach-server/large-packets-are-taken-whole",
                test_large_packets_are_taken_whole);
    hf_test_add("/attach/attach-server/packet-beyond-the-bound-drops-the-client",
                test_packet_beyond_the_bound_drops_the_client);
    hf_test_add("/attach/attach-server/one-wake-up-reads-a-bounded-number-of-bytes",
                test_one_wake_up_reads_a_bounded_number_of_bytes);
    hf_test_add("/attach/attach-server/half-close-ends-input-once-and-output-goes-on",
                test_half_close_ends_input_once_and_output_goes_on);
    hf_test_add("/attach/attach-server/close-after-a-half-close-is-noticed",
                test_close_after_a_half_close_is_noticed);
    hf_test_add("/attach/attach-server/other-client-goes-on-after-a-half-close",
                test_other_client_goes_on_after_a_half_close);
    hf_test_add("/attach/attach-server/input-written-right-before-the-close-comes-first",
                test_input_written_right_before_the_close_comes_first);
    hf_test_add("/attach/attach-server/close-with-unread-output-loses-no-input",
                test_close_with_unread_output_loses_no_input);
    hf_test_add("/attach/attach-server/input-survives-a-send-that-fails",
                test_input_survives_a_send_that_fails);
    hf_test_add("/attach/attach-server/empty-packet-is-not-the-end",
                test_empty_packet_is_not_the_end);
    hf_test_add("/attach/attach-server/empty-packets-before-the-end",
                test_empty_packets_before_the_end);
    hf_test_add("/attach/attach-server/client-that-receives-nothing-may-write",
                test_client_that_receives_nothing_may_write);
    hf_test_add("/attach/attach-server/pause-leaves-input-in-the-socket",
                test_pause_leaves_input_in_the_socket);
    hf_test_add("/attach/attach-server/pause-holds-for-clients-that-come-later",
                test_pause_holds_for_clients_that_come_later);
    hf_test_add("/attach/attach-server/pause-from-within-input-stops-at-once",
                test_pause_from_within_input_stops_at_once);
    hf_test_add("/attach/attach-server/half-close-while-paused-is-told-after-the-input",
                test_half_close_while_paused_is_told_after_the_input);
    hf_test_add("/attach/attach-server/close-while-paused-keeps-the-input",
                test_close_while_paused_keeps_the_input);
    hf_test_add("/attach/attach-server/close-while-paused-with-nothing-unread-is-noticed",
                test_close_while_paused_with_nothing_unread_is_noticed);
    hf_test_add("/attach/attach-server/descriptors-a-client-sends-are-closed",
                test_descriptors_a_client_sends_are_closed);

    return g_test_run();
}
