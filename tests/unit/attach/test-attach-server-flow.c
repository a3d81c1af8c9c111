/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Clients that do not keep up with the container. */

#include "server-fixture.h"

#define QUEUE_BYTES (256 * 1024)
#define NEVER_MS 3600000

static bool
has_dropped_one(gpointer user_data)
{
    return ((ServerFixture *)user_data)->n_dropped > 0;
}

static bool
has_finished(gpointer user_data)
{
    return ((ServerFixture *)user_data)->n_finished > 0;
}

static void
test_client_that_reads_later_gets_everything(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    hf_autofd client = fixture_connect(&self);
    gsize sent = fixture_send_until_congested(&self, 0);
    while (got->len < sent) {
        g_assert_cmpint(client_read_all(client, HF_STREAM_STDOUT, got), ==, CLIENT_WOULD_WAIT);
        settle_without_spinning(self.context);
    }

    assert_is_pattern(got, sent);
    g_assert_cmpuint(self.n_congestion, ==, 2);
    g_assert_false(hf_attach_server_is_congested(self.server));
    assert_asleep(self.context);
    fixture_tear_down(&self);
}

/* Several MiB through a client that takes one packet at a time. */
static void
test_slow_reader_gets_every_byte(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();
    gsize sent = 0;

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    hf_autofd client = fixture_connect(&self);
    while (got->len < 4 * 1024 * 1024) {
        sent = fixture_send_until_congested(&self, sent);
        while (hf_attach_server_is_congested(self.server)) {
            (void)client_read(client, HF_STREAM_STDOUT, got);
            settle_without_spinning(self.context);
        }
    }
    hf_attach_server_finish(self.server);
    while (client_read(client, HF_STREAM_STDOUT, got) != CLIENT_AT_END)
        settle_without_spinning(self.context);

    assert_is_pattern(got, sent);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_client_that_never_reads_is_dropped_and_others_go_on(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();
    gsize sent = 0;
    guint8 bytes[8192];

    fixture_set_up(&self, QUEUE_BYTES, 50, 128);
    hf_autofd idle = fixture_connect(&self);
    hf_autofd reader = fixture_connect(&self);
    while (!hf_attach_server_is_congested(self.server)) {
        fill_pattern(bytes, sizeof bytes, sent);
        hf_attach_server_send(self.server, HF_STREAM_STDOUT, (char *)bytes, sizeof bytes);
        sent += sizeof bytes;
        (void)client_read_all(reader, HF_STREAM_STDOUT, got);
    }
    g_assert_cmpuint(self.n_congestion, ==, 1);
    hf_test_wait(self.context, "the idle client is dropped", has_dropped_one, &self);
    g_assert_cmpint(self.last_drop_code, ==, HF_ERROR_TIMED_OUT);
    g_assert_cmpuint(self.n_congestion, ==, 2);
    g_assert_false(hf_attach_server_is_congested(self.server));
    hf_attach_server_send(self.server, HF_STREAM_STDOUT, "", 0);
    assert_asleep(self.context);

    assert_is_pattern(got, sent);
    fixture_send(&self, "more");
    assert_client_reads(reader, "more");
    g_assert_cmpuint(self.n_dropped, ==, 1);
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    fixture_tear_down(&self);
}

static void
test_all_that_never_read_are_dropped(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, 50, 128);
    hf_autofd first = fixture_connect(&self);
    hf_autofd second = fixture_connect(&self);
    (void)fixture_send_until_congested(&self, 0);
    while (hf_attach_server_has_clients(self.server))
        (void)g_main_context_iteration(self.context, TRUE);

    g_assert_cmpuint(self.n_dropped, ==, 2);
    g_assert_cmpuint(self.n_congestion, ==, 2);
    assert_asleep(self.context);
    fixture_tear_down(&self);
}

/* A dropped client learns it: what the kernel holds, then the end. */
static void
test_dropped_client_is_disconnected(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();

    fixture_set_up(&self, QUEUE_BYTES, 50, 128);
    hf_autofd client = fixture_connect(&self);
    (void)fixture_send_until_congested(&self, 0);
    hf_test_wait(self.context, "the client is dropped", has_dropped_one, &self);
    settle_without_spinning(self.context);

    g_assert_cmpint(client_read_all(client, HF_STREAM_STDOUT, got), ==, CLIENT_AT_END);
    assert_is_pattern(got, got->len);
    fixture_tear_down(&self);
}

static void
test_client_with_room_in_its_queue_may_sleep(void)
{
    ServerFixture self;
    static const char block[8192];

    fixture_set_up(&self, 16 * 1024 * 1024, 50, 128);
    hf_autofd client = fixture_connect(&self);
    for (int i = 0; i < 400; i++)
        hf_attach_server_send(self.server, HF_STREAM_STDOUT, block, sizeof block);

    assert_asleep(self.context);
    g_assert_false(hf_attach_server_is_congested(self.server));
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_full_client_that_leaves_ends_the_congestion(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    int client = fixture_connect(&self);
    (void)fixture_send_until_congested(&self, 0);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_false(hf_attach_server_is_congested(self.server));
    g_assert_cmpuint(self.n_congestion, ==, 2);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_full_client_that_half_closed_and_leaves_ends_the_congestion(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    int client = fixture_connect(&self);
    client_half_close(client);
    (void)fixture_send_until_congested(&self, 0);
    settle_without_spinning(self.context);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_false(hf_attach_server_is_congested(self.server));
    g_assert_cmpuint(self.n_input_closed, ==, 1);
    fixture_tear_down(&self);
}

static void
test_finish_waits_for_a_slow_client(void)
{
    ServerFixture self;
    g_autoptr(GByteArray) got = g_byte_array_new();
    ClientResult result;

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    hf_autofd client = fixture_connect(&self);
    gsize sent = fixture_send_until_congested(&self, 0);
    hf_attach_server_finish(self.server);
    settle_without_spinning(self.context);
    g_assert_cmpuint(self.n_finished, ==, 0);
    do {
        result = client_read(client, HF_STREAM_STDOUT, got);
        settle_without_spinning(self.context);
    } while (result != CLIENT_AT_END);

    assert_is_pattern(got, sent);
    g_assert_cmpuint(self.n_finished, ==, 1);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_finish_gives_up_a_client_that_does_not_read(void)
{
    ServerFixture self;

    fixture_set_up(&self, 16 * 1024 * 1024, 50, 128);
    hf_autofd client = fixture_connect(&self);
    g_autofree char *bytes = g_malloc0(4 * 1024 * 1024);
    hf_attach_server_send(self.server, HF_STREAM_STDOUT, bytes, 4 * 1024 * 1024);
    g_assert_false(hf_attach_server_is_congested(self.server));
    hf_attach_server_finish(self.server);
    hf_test_wait(self.context, "the server has finished", has_finished, &self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_dropped, ==, 1);
    g_assert_cmpint(self.last_drop_code, ==, HF_ERROR_TIMED_OUT);
    g_assert_cmpuint(self.n_finished, ==, 1);
    fixture_tear_down(&self);
}

static void
test_finish_ends_when_the_slow_client_leaves(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    int client = fixture_connect(&self);
    (void)fixture_send_until_congested(&self, 0);
    hf_attach_server_finish(self.server);
    settle_without_spinning(self.context);
    hf_close_fd(&client);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_finished, ==, 1);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

static void
test_finish_of_a_client_that_left_while_paused(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, NEVER_MS, 128);
    int client = fixture_connect(&self);
    hf_attach_server_set_input_paused(self.server, true);
    client_write(client, "unread", 6);
    hf_close_fd(&client);
    assert_asleep(self.context);
    g_assert_true(hf_attach_server_has_clients(self.server));
    hf_attach_server_finish(self.server);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_finished, ==, 1);
    fixture_tear_down(&self);
}

static void
test_finish_from_within_the_drop_of_a_stalled_client(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, 50, 128);
    self.is_finishing_on_dropped = true;
    hf_autofd client = fixture_connect(&self);
    (void)fixture_send_until_congested(&self, 0);
    hf_test_wait(self.context, "the server has finished", has_finished, &self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_finished, ==, 1);
    g_assert_cmpuint(self.n_dropped, ==, 1);
    g_assert_cmpuint(self.n_input_closed, ==, 0);
    fixture_tear_down(&self);
}

static void
test_free_with_full_queues(void)
{
    ServerFixture self;

    fixture_set_up(&self, QUEUE_BYTES, 50, 128);
    hf_autofd first = fixture_connect(&self);
    hf_autofd second = fixture_connect(&self);
    (void)fixture_send_until_congested(&self, 0);
    g_clear_pointer(&self.server, hf_attach_server_free);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_congestion, ==, 1);
    g_assert_cmpuint(self.n_dropped, ==, 0);
    fixture_tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/attach-server/client-that-reads-later-gets-everything",
                test_client_that_reads_later_gets_everything);
    hf_test_add("/attach/attach-server/slow-reader-gets-every-byte",
                test_slow_reader_gets_every_byte);
    hf_test_add("/attach/attach-server/client-that-never-reads-is-dropped-and-others-go-on",
                test_client_that_never_reads_is_dropped_and_others_go_on);
    hf_test_add("/attach/attach-server/all-that-never-read-are-dropped",
                test_all_that_never_read_are_dropped);
    hf_test_add("/attach/attach-server/dropped-client-is-disconnected",
                test_dropped_client_is_disconnected);
    hf_test_add("/attach/attach-server/client-with-room-in-its-queue-may-sleep",
                test_client_with_room_in_its_queue_may_sleep);
    hf_test_add("/attach/attach-server/full-client-that-leaves-ends-the-congestion",
                test_full_client_that_leaves_ends_the_congestion);
    hf_test_add("/attach/attach-server/full-client-that-half-closed-and-leaves-ends-the-congestion",
                test_full_client_that_half_closed_and_leaves_ends_the_congestion);
    hf_test_add("/attach/attach-server/finish-waits-for-a-slow-client",
                test_finish_waits_for_a_slow_client);
    hf_test_add("/attach/attach-server/finish-gives-up-a-client-that-does-not-read",
                test_finish_gives_up_a_client_that_does_not_read);
    hf_test_add("/attach/attach-server/finish-ends-when-the-slow-client-leaves",
                test_finish_ends_when_the_slow_client_leaves);
    hf_test_add("/attach/attach-server/finish-of-a-client-that-left-while-paused",
                test_finish_of_a_client_that_left_while_paused);
    hf_test_add("/attach/attach-server/finish-from-within-the-drop-of-a-stalled-client",
                test_finish_from_within_the_drop_of_a_stalled_client);
    hf_test_add("/attach/attach-server/free-with-full-queues", test_free_with_full_queues);

    return g_test_run();
}
