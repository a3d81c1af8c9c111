/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Who is connected and who gets what. Input is in test-attach-peer.c, clients that do not keep up
 * in test-attach-server-flow.c. */

#include <fcntl.h>

#include "base/source.h"
#include "server-fixture.h"

static guint
count_open_fds(void)
{
    g_autoptr(GArray) fds = hf_fd_list_open(0);

    return fds->len;
}

static void
test_packet_is_a_stream_byte_and_the_payload(void)
{
    ServerFixture self;
    guint8 packet[64];

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    hf_attach_server_send(self.server, HF_STREAM_STDERR, "oops", 4);
    hf_attach_server_send(self.server, HF_STREAM_STDOUT, "fine", 4);

    g_assert_cmpmem(packet, (int)recv(client, packet, sizeof packet, 0), "\003oops", 5);
    g_assert_cmpmem(packet, (int)recv(client, packet, sizeof packet, 0), "\002fine", 5);
    fixture_tear_down(&self);
}

static void
test_long_output_is_cut_into_packets_clients_can_take(void)
{
    ServerFixture self;
    g_autofree guint8 *bytes = g_malloc(20000);
    g_autoptr(GByteArray) got = g_byte_array_new();

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    fill_pattern(bytes, 20000, 0);
    hf_attach_server_send(self.server, HF_STREAM_STDOUT, (const char *)bytes, 20000);

    (void)client_read(client, HF_STREAM_STDOUT, got);
    g_assert_cmpuint(got->len, ==, HF_ATTACH_PAYLOAD_MAX);
    (void)client_read_all(client, HF_STREAM_STDOUT, got);
    assert_is_pattern(got, 20000);
    fixture_tear_down(&self);
}

static void
test_every_client_gets_everything(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd first = fixture_connect(&self);
    hf_autofd second = fixture_connect(&self);
    fixture_send(&self, "hello");

    assert_client_reads(first, "hello");
    assert_client_reads(second, "hello");
    fixture_tear_down(&self);
}

static void
test_output_for_nobody_is_dropped(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    fixture_send(&self, "before");
    g_assert_false(hf_attach_server_has_clients(self.server));
    hf_autofd client = fixture_connect(&self);
    g_assert_true(hf_attach_server_has_clients(self.server));
    fixture_send(&self, "after");

    assert_client_reads(client, "after");
    fixture_tear_down(&self);
}

static gboolean
on_output(int fd, GIOCondition condition, gpointer user_data)
{
    ServerFixture *self = user_data;
    char bytes[16];
    ssize_t n = read(fd, bytes, sizeof bytes);

    hf_attach_server_send(self->server, HF_STREAM_STDOUT, bytes, (size_t)n);
    return G_SOURCE_REMOVE;
}

/* Both are ready in the same iteration. */
static void
test_client_that_connected_before_the_output_sees_it(void)
{
    ServerFixture self;
    int fds[2];

    fixture_set_up_default(&self);
    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    GSource *source = hf_source_watch_fd(self.context, fds[0], G_IO_IN, HF_PRIORITY_OUTPUT,
                                         "output", on_output, &self);
    hf_autofd client = fixture_connect_waiting(&self);
    g_assert_cmpint(write(fds[1], "early", 5), ==, 5);
    settle_without_spinning(self.context);

    assert_client_reads(client, "early");
    hf_source_clear(&source);
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
    fixture_tear_down(&self);
}

static void
test_waiting_client_is_accepted_on_request(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect_waiting(&self);
    hf_attach_server_accept_waiting(self.server);
    fixture_send(&self, "last words");

    assert_client_reads(client, "last words");
    fixture_tear_down(&self);
}

static void
test_client_that_leaves_a_quiet_server_is_forgotten(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    guint fds_before = count_open_fds();
    int client = fixture_connect(&self);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_cmpuint(count_open_fds(), ==, fds_before);
    g_assert_false(hf_attach_server_has_clients(self.server));
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_a_thousand_clients_come_and_go(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    guint fds_before = count_open_fds();
    for (int i = 0; i < 1000; i++) {
        int client = fixture_connect(&self);

        hf_close_fd(&client);
        if (i % 7 == 0)
            fixture_send(&self, "to nobody");
    }
    assert_asleep(self.context);

    g_assert_cmpuint(count_open_fds(), ==, fds_before);
    g_assert_false(hf_attach_server_has_clients(self.server));
    g_assert_cmpuint(self.n_input_closed, ==, 1000);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

/* They connect and leave while the loop is busy. */
static void
test_clients_that_left_do_not_pile_up(void)
{
    ServerFixture self;
    guint fds_max = 0;

    fixture_set_up_default(&self);
    guint fds_before = count_open_fds();
    for (int i = 0; i < 190; i++) {
        int client = fixture_connect_waiting(&self);

        hf_close_fd(&client);
    }
    while (g_main_context_iteration(self.context, FALSE))
        fds_max = MAX(fds_max, count_open_fds());

    g_assert_cmpuint(fds_max, >, fds_before);
    g_assert_cmpuint(fds_max, <=, fds_before + 16);
    g_assert_cmpuint(count_open_fds(), ==, fds_before);
    g_assert_cmpuint(self.n_input_closed, ==, 190);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_client_that_left_before_it_was_accepted(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    int client = fixture_connect_waiting(&self);
    client_write(client, "bye", 3);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_cmpstr(self.input->str, ==, "bye");
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    g_assert_false(hf_attach_server_has_clients(self.server));
    fixture_tear_down(&self);
}

static void
test_one_client_too_many_is_closed_at_once(void)
{
    ServerFixture self;
    int clients[129];

    fixture_set_up_default(&self);
    for (int i = 0; i < 129; i++)
        clients[i] = fixture_connect_waiting(&self);
    settle_without_spinning(self.context);
    fixture_send(&self, "hello");

    g_assert_cmpuint(self.n_dropped, ==, 1);
    g_assert_cmpint(self.last_drop_code, ==, HF_ERROR_LIMIT);
    for (int i = 0; i < 128; i++)
        assert_client_reads(clients[i], "hello");
    g_autoptr(GByteArray) nothing = g_byte_array_new();
    g_assert_cmpint(client_read(clients[128], HF_STREAM_STDOUT, nothing), ==, CLIENT_AT_END);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    for (int i = 0; i < 129; i++)
        hf_close_fd(&clients[i]);
    fixture_tear_down(&self);
}

static void
test_place_of_a_client_that_left_is_free_again(void)
{
    ServerFixture self;

    fixture_set_up(&self, 65536, 60000, 1);
    int first = fixture_connect(&self);
    hf_close_fd(&first);
    settle_without_spinning(self.context);
    hf_autofd second = fixture_connect(&self);
    fixture_send(&self, "hello");

    g_assert_cmpuint(self.n_dropped, ==, 0);
    assert_client_reads(second, "hello");
    fixture_tear_down(&self);
}

static void
test_clients_that_left_keep_nobody_out(void)
{
    ServerFixture self;

    fixture_set_up(&self, 1024 * 1024, 60000, 2);
    for (int i = 0; i < 10; i++) {
        int client = fixture_connect_waiting(&self);

        client_write(client, "x", 1);
        hf_close_fd(&client);
    }
    hf_autofd last = fixture_connect(&self);
    fixture_send(&self, "welcome");

    assert_client_reads(last, "welcome");
    g_assert_cmpuint(self.n_dropped, ==, 0);
    g_assert_cmpstr(self.input->str, ==, "xxxxxxxxxx");
    fixture_tear_down(&self);
}

/* There is room for one; what the first one typed is read only to make room for the second. */
static void
test_finish_from_within_input_that_makes_room(void)
{
    ServerFixture self;
    char byte;

    fixture_set_up(&self, 1024 * 1024, 60000, 1);
    self.is_finishing_on_input = true;
    int first = fixture_connect_waiting(&self);
    client_write(first, "x", 1);
    hf_close_fd(&first);
    hf_autofd second = fixture_connect_waiting(&self);
    settle_without_spinning(self.context);

    g_assert_cmpint(recv(second, &byte, 1, 0), ==, 0);
    g_assert_cmpstr(self.input->str, ==, "x");
    g_assert_cmpuint(self.n_finished, ==, 1);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

/* finish() takes in the one that waits, and looks for room among those that left. */
static void
test_input_is_handed_on_once_though_it_makes_the_server_finish(void)
{
    ServerFixture self;

    fixture_set_up(&self, 1024 * 1024, 60000, 1);
    self.is_finishing_on_input = true;
    int first = fixture_connect(&self);
    client_write(first, "x", 1);
    hf_close_fd(&first);
    hf_autofd second = fixture_connect_waiting(&self);
    settle_without_spinning(self.context);

    g_assert_cmpstr(self.input->str, ==, "x");
    g_assert_cmpuint(self.n_finished, ==, 1);
    fixture_tear_down(&self);
}

static void
test_sending_to_a_client_that_just_left(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd stays = fixture_connect(&self);
    int leaves = fixture_connect(&self);
    hf_close_fd(&leaves);
    fixture_send(&self, "hello");
    assert_asleep(self.context);

    assert_client_reads(stays, "hello");
    g_assert_cmpuint(self.n_dropped, ==, 0);
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    fixture_tear_down(&self);
}

static void
test_finish_without_clients_is_told_from_the_main_loop(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_attach_server_finish(self.server);
    hf_attach_server_finish(self.server);
    g_assert_cmpuint(self.n_finished, ==, 0);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_finished, ==, 1);
    fixture_tear_down(&self);
}

static void
test_finish_closes_clients_that_have_everything(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    fixture_send(&self, "bye");
    hf_attach_server_finish(self.server);
    fixture_send(&self, "too late");
    assert_asleep(self.context);

    g_assert_cmpint(client_read_all(client, HF_STREAM_STDOUT, got), ==, CLIENT_AT_END);
    g_assert_cmpmem(got->data, got->len, "bye", 3);
    g_assert_cmpuint(self.n_finished, ==, 1);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    fixture_tear_down(&self);
}

static void
test_finish_accepts_those_that_wait(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) nothing = g_byte_array_new();

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect_waiting(&self);
    hf_attach_server_finish(self.server);
    assert_asleep(self.context);

    g_assert_cmpint(client_read(client, HF_STREAM_STDOUT, nothing), ==, CLIENT_AT_END);
    g_assert_cmpuint(self.n_finished, ==, 1);
    fixture_tear_down(&self);
}

static void
test_finish_refuses_those_that_come_later(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_attach_server_finish(self.server);
    hf_autofd client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    g_assert_cmpint(connect(client, (struct sockaddr *)&self.address, self.address_length), ==, -1);
    g_assert_cmpint(errno, ==, ECONNREFUSED);
    fixture_tear_down(&self);
}

/* Closing a socket that has unread input would reset the connection, and the client would lose
 * sight of the last packets. */
static void
test_finish_with_unread_input_loses_no_output(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    hf_attach_server_set_input_paused(self.server, true);
    client_write(client, "one", 3);
    client_write(client, "two", 3);
    fixture_send(&self, "the end");
    hf_attach_server_finish(self.server);
    assert_asleep(self.context);

    g_assert_cmpint(client_read_all(client, HF_STREAM_STDOUT, got), ==, CLIENT_AT_END);
    g_assert_cmpmem(got->data, got->len, "the end", 7);
    g_assert_cmpstr(self.input->str, ==, "");
    fixture_tear_down(&self);
}

static void
test_finish_from_within_input(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd first = fixture_connect(&self);
    hf_autofd second = fixture_connect(&self);
    self.is_finishing_on_input = true;
    client_write(first, "one", 3);
    client_write(first, "two", 3);
    client_write(second, "three", 5);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_input, ==, 1);
    g_assert_cmpuint(self.n_finished, ==, 1);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    fixture_tear_down(&self);
}

static void
test_finish_from_within_dropped(void)
{
    ServerFixture self;

    fixture_set_up(&self, 65536, 60000, 1);
    self.is_finishing_on_dropped = true;
    hf_autofd first = fixture_connect_waiting(&self);
    hf_autofd second = fixture_connect_waiting(&self);
    hf_autofd third = fixture_connect_waiting(&self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_dropped, ==, 2);
    g_assert_cmpuint(self.n_finished, ==, 1);
    fixture_tear_down(&self);
}

static void
test_free_with_clients_and_one_that_just_left(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd stays = fixture_connect(&self);
    int leaves = fixture_connect(&self);
    hf_close_fd(&leaves);
    while (self.n_input_closed == 0)
        (void)g_main_context_iteration(self.context, FALSE);
    g_clear_pointer(&self.server, hf_attach_server_free);
    assert_asleep(self.context);

    g_autoptr(GByteArray) nothing = g_byte_array_new();
    g_assert_cmpint(client_read(stays, HF_STREAM_STDOUT, nothing), ==, CLIENT_AT_END);
    fixture_tear_down(&self);
}

static void
test_free_while_finishing_is_not_told(void)
{
    ServerFixture self;

    fixture_set_up_default(&self);
    hf_autofd client = fixture_connect(&self);
    hf_attach_server_finish(self.server);
    g_clear_pointer(&self.server, hf_attach_server_free);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_finished, ==, 0);
    fixture_tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/attach-server/packet-is-a-stream-byte-and-the-payload",
                test_packet_is_a_stream_byte_and_the_payload);
    hf_test_add("/attach/attach-server/long-output-is-cut-into-packets-clients-can-take",
                test_long_output_is_cut_into_packets_clients_can_take);
    hf_test_add("/attach/attach-server/every-client-gets-everything",
                test_every_client_gets_everything);
    hf_test_add("/attach/attach-server/output-for-nobody-is-dropped",
                test_output_for_nobody_is_dropped);
    hf_test_add("/attach/attach-server/client-that-connected-before-the-output-sees-it",
                test_client_that_connected_before_the_output_sees_it);
    hf_test_add("/attach/attach-server/waiting-client-is-accepted-on-request",
                test_waiting_client_is_accepted_on_request);
    hf_test_add("/attach/attach-server/client-that-leaves-a-quiet-server-is-forgotten",
                test_client_that_leaves_a_quiet_server_is_forgotten);
    hf_test_add("/attach/attach-server/a-thousand-clients-come-and-go",
                test_a_thousand_clients_come_and_go);
    hf_test_add("/attach/attach-server/clients-that-left-do-not-pile-up",
                test_clients_that_left_do_not_pile_up);
    hf_test_add("/attach/attach-server/client-that-left-before-it-was-accepted",
                test_client_that_left_before_it_was_accepted);
    hf_test_add("/attach/attach-server/one-client-too-many-is-closed-at-once",
                test_one_client_too_many_is_closed_at_once);
    hf_test_add("/attach/attach-server/place-of-a-client-that-left-is-free-again",
                test_place_of_a_client_that_left_is_free_again);
    hf_test_add("/attach/attach-server/clients-that-left-keep-nobody-out",
                test_clients_that_left_keep_nobody_out);
    hf_test_add("/attach/attach-server/finish-from-within-input-that-makes-room",
                test_finish_from_within_input_that_makes_room);
    hf_test_add("/attach/attach-server/input-is-handed-on-once-though-it-makes-the-server-finish",
                test_input_is_handed_on_once_though_it_makes_the_server_finish);
    hf_test_add("/attach/attach-server/sending-to-a-client-that-just-left",
                test_sending_to_a_client_that_just_left);
    hf_test_add("/attach/attach-server/finish-without-clients-is-told-from-the-main-loop",
                test_finish_without_clients_is_told_from_the_main_loop);
    hf_test_add("/attach/attach-server/finish-closes-clients-that-have-everything",
                test_finish_closes_clients_that_have_everything);
    hf_test_add("/attach/attach-server/finish-accepts-those-that-wait",
                test_finish_accepts_those_that_wait);
    hf_test_add("/attach/attach-server/finish-refuses-those-that-come-later",
                test_finish_refuses_those_that_come_later);
    hf_test_add("/attach/attach-server/finish-with-unread-input-loses-no-output",
                test_finish_with_unread_input_loses_no_output);
    hf_test_add("/attach/attach-server/finish-from-within-input", test_finish_from_within_input);
    hf_test_add("/attach/attach-server/finish-from-within-dropped",
                test_finish_from_within_dropped);
    hf_test_add("/attach/attach-server/free-with-clients-and-one-that-just-left",
                test_free_with_clients_and_one_that_just_left);
    hf_test_add("/attach/attach-server/free-while-finishing-is-not-told",
                test_free_while_finishing_is_not_told);

    return g_test_run();
}
