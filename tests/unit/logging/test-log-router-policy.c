/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "log-router-kit.h"
#include "test-kit.h"

static const HfLogPolicy small_buffer = {.is_lossy = true, .buffer_max = 30};

static void
test_lossy_sink_drops_whole_records_and_tells(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played_with_policy(fixture, &small_buffer);

    sink->next_result = HF_IO_AGAIN;
    write_out(fixture, "1234567890\n1234567890\n");
    write_out(fixture, "dropped\ndropped too\n");
    g_string_truncate(sink->records, 0);
    sink->next_result = HF_IO_DATA;
    write_out(fixture, "after\n");

    g_assert_cmpstr(sink->records->str, ==,
                    "eF holdfast: 18 bytes in 2 records were not logged: "
                    "the log's target is too slow|oF after|");
    tear_down(fixture);
}

static void
test_lossy_sink_takes_records_again_when_half_is_free(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played_with_policy(fixture, &small_buffer);

    sink->next_result = HF_IO_AGAIN;
    write_out(fixture, "1234567890\n1234567890\n");
    write_out(fixture, "dropped\n");
    g_string_truncate(sink->records, 20);
    write_out(fixture, "x\n");
    g_string_truncate(sink->records, 10);
    write_out(fixture, "y\n");

    g_assert_null(strstr(sink->records->str, "oF x|"));
    g_assert_nonnull(strstr(sink->records->str, "8 bytes in 2 records"));
    g_assert_true(g_str_has_suffix(sink->records->str, "|oF y|"));
    tear_down(fixture);
}

static void
test_lossy_sink_holds_nothing_up(void)
{
    Fixture *fixture = set_up(16);
    const HfLogPolicy policy = {.is_lossy = true, .buffer_max = 10 * 1024 * 1024};
    PlayedSink *sink = add_played_with_policy(fixture, &policy);

    sink->next_result = HF_IO_AGAIN;
    sink->extra_pending = 5 * 1024 * 1024;
    write_out(fixture, "one\n");

    g_assert_false(hf_log_router_is_congested(fixture->router));
    tear_down(fixture);
}

static void
test_lossy_failed_sink_tells_the_cause(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played_with_policy(fixture, &small_buffer);

    sink->next_result = HF_IO_FAILED;
    write_out(fixture, "1234567890\n1234567890\n");
    write_out(fixture, "dropped\n");
    g_string_truncate(sink->records, 0);
    sink->next_result = HF_IO_DATA;
    g_assert_true(hf_log_router_reopen(fixture->router, NULL));

    g_assert_cmpstr(sink->records->str, ==,
                    "eF holdfast: 7 bytes in 1 records were not logged: played|");
    tear_down(fixture);
}

static void
test_lossy_sink_takes_one_record_of_any_size(void)
{
    Fixture *fixture = set_up(100);
    PlayedSink *sink = add_played_with_policy(fixture, &small_buffer);

    sink->next_result = HF_IO_AGAIN;
    write_out(fixture, "12345678901234567890123456789012345678901234567890\n");

    g_assert_nonnull(strstr(sink->records->str, "34567890|"));
    tear_down(fixture);
}

static bool
has_two_flushes(gpointer user_data)
{
    return ((PlayedSink *)user_data)->flushes >= 2;
}

static void
test_busy_sink_is_tried_when_its_descriptor_is_writable(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);
    g_autofree char *flood = g_malloc0(65536);
    int ends[2];

    g_assert_no_errno(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    while (write(ends[1], flood, 65536) > 0)
        continue;
    sink->wait_fd = ends[1];
    sink->next_result = HF_IO_AGAIN;
    write_out(fixture, "one\n");
    bool has_timer = would_wake(fixture);
    hf_test_settle(fixture->context);
    guint flushes_before = sink->flushes;
    sink->next_result = HF_IO_DATA;
    g_assert_cmpint(read(ends[0], flood, 65536), >, 0);
    hf_test_wait(fixture->context, "the flush", has_two_flushes, sink);

    g_assert_false(has_timer);
    g_assert_cmpuint(flushes_before, ==, 1);
    tear_down(fixture);
    hf_close_fd(&ends[0]);
    hf_close_fd(&ends[1]);
}

static void
test_descriptor_that_lies_is_not_spun_on(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);
    hf_autofd fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    sink->wait_fd = fd;
    sink->next_result = HF_IO_AGAIN;
    write_out(fixture, "one\n");
    hf_test_wait(fixture->context, "the flush", has_two_flushes, sink);
    hf_test_settle(fixture->context);

    g_assert_cmpuint(sink->flushes, ==, 2);
    g_assert_true(would_wake(fixture));
    tear_down(fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/log-router-policy/" name, function)
    ADD("lossy-sink-drops-whole-records-and-tells", test_lossy_sink_drops_whole_records_and_tells);
    ADD("lossy-sink-takes-records-again-when-half-is-free",
        test_lossy_sink_takes_records_again_when_half_is_free);
    ADD("lossy-sink-holds-nothing-up", test_lossy_sink_holds_nothing_up);
    ADD("lossy-failed-sink-tells-the-cause", test_lossy_failed_sink_tells_the_cause);
    ADD("lossy-sink-takes-one-record-of-any-size", test_lossy_sink_takes_one_record_of_any_size);
    ADD("busy-sink-is-tried-when-its-descriptor-is-writable",
        test_busy_sink_is_tried_when_its_descriptor_is_writable);
    ADD("descriptor-that-lies-is-not-spun-on", test_descriptor_that_lies_is_not_spun_on);
    return g_test_run();
}
