/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "log-kit.h"
#include "log-router-kit.h"
#include "logging/cri-file.h"
#include "logging/log-router.h"
#include "test-kit.h"

static void
add_file(Fixture *fixture, const char *path, gint64 size_max)
{
    HfFileSinkOptions options = {.path = path, .size_max = size_max, .files_max = 100000};
    g_autoptr(GError) error = NULL;
    HfLogSink *sink = hf_cri_file_new(&options, &error);

    g_assert_no_error(error);
    hf_log_router_take_sink(fixture->router, sink);
}

static void
write_more(Fixture *fixture, HfStream stream, const char *text)
{
    hf_log_router_write(fixture->router, stream, text, strlen(text), true);
}

static void
test_each_sink_gets_each_line(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *first = add_played(fixture);
    PlayedSink *second = add_played(fixture);

    write_out(fixture, "one\n\ntwo\n");

    g_assert_cmpstr(first->records->str, ==, "oF one|oF |oF two|");
    g_assert_cmpstr(second->records->str, ==, "oF one|oF |oF two|");
    g_assert_cmpuint(first->flushes, ==, 1);
    tear_down(fixture);
}

static void
test_incomplete_line_is_partial_if_nothing_more_is_ready(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    write_out(fixture, "one\ntw");
    write_out(fixture, "o");
    write_out(fixture, "\n");

    g_assert_cmpstr(sink->records->str, ==, "oF one|oP tw|oP o|oF |");
    tear_down(fixture);
}

static void
test_incomplete_line_waits_for_more_that_is_ready(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    write_more(fixture, HF_STREAM_STDOUT, "one\ntw");
    write_more(fixture, HF_STREAM_STDOUT, "o\n");

    g_assert_cmpstr(sink->records->str, ==, "oF one|oF two|");
    tear_down(fixture);
}

static void
test_line_beyond_the_limit_is_split(void)
{
    Fixture *fixture = set_up(4);
    PlayedSink *sink = add_played(fixture);

    write_out(fixture, "1234\n12345\n12345678\n");

    g_assert_cmpstr(sink->records->str, ==, "oF 1234|oP 1234|oF 5|oP 1234|oF 5678|");
    tear_down(fixture);
}

static void
test_streams_do_not_mix(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    write_more(fixture, HF_STREAM_STDOUT, "ou");
    write_more(fixture, HF_STREAM_STDERR, "er");
    write_more(fixture, HF_STREAM_STDOUT, "t\n");
    write_more(fixture, HF_STREAM_STDERR, "r\n");

    g_assert_cmpstr(sink->records->str, ==, "oF out|eF err|");
    tear_down(fixture);
}

static void
test_flush_partial_writes_what_both_streams_kept(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    write_more(fixture, HF_STREAM_STDERR, "er");
    write_more(fixture, HF_STREAM_STDOUT, "ou");
    hf_log_router_flush_partial(fixture->router);
    hf_log_router_flush_partial(fixture->router);

    g_assert_cmpstr(sink->records->str, ==, "oP ou|eP er|");
    tear_down(fixture);
}

static void
test_lines_of_one_write_have_one_time(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    write_out(fixture, "one\ntwo\n");

    struct timespec *times = (struct timespec *)(void *)sink->times->data;
    g_assert_cmpuint(sink->times->len, ==, 2);
    g_assert_cmpint(times[0].tv_sec, >, 0);
    g_assert_cmpint(times[0].tv_sec, ==, times[1].tv_sec);
    g_assert_cmpint(times[0].tv_nsec, ==, times[1].tv_nsec);
    tear_down(fixture);
}

static void
test_nothing_wakes_while_nothing_waits(void)
{
    Fixture *fixture = set_up(16);

    add_played(fixture);
    write_more(fixture, HF_STREAM_STDOUT, "one\ntw");

    g_assert_false(would_wake(fixture));
    tear_down(fixture);
}

static bool
is_ready(gpointer user_data)
{
    return ((Fixture *)user_data)->ready > 0;
}

static bool
has_flushed_again(gpointer user_data)
{
    return ((PlayedSink *)user_data)->flushes >= 2;
}

static bool
is_drained(gpointer user_data)
{
    return hf_log_router_get_pending(user_data) == 0;
}

static void
test_busy_sink_holds_output_up_until_it_takes_more(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_AGAIN;
    sink->extra_pending = 300 * 1024;
    write_out(fixture, "one\n");
    bool while_busy = hf_log_router_is_congested(fixture->router);
    hf_test_wait(fixture->context, "retries", has_flushed_again, sink);
    guint ready_while_busy = fixture->ready;
    sink->next_result = HF_IO_DATA;
    hf_test_wait(fixture->context, "on_ready", is_ready, fixture);

    g_assert_true(while_busy);
    g_assert_cmpuint(ready_while_busy, ==, 0);
    g_assert_cmpuint(fixture->ready, ==, 1);
    g_assert_false(hf_log_router_is_congested(fixture->router));
    g_assert_false(would_wake(fixture));
    g_assert_cmpstr(fixture->states->str, ==, "");
    tear_down(fixture);
}

static void
test_ready_is_owed_also_if_a_write_ended_the_congestion(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_AGAIN;
    sink->extra_pending = 300 * 1024;
    write_out(fixture, "one\n");
    sink->next_result = HF_IO_DATA;
    write_out(fixture, "two\n");
    guint ready_from_write = fixture->ready;
    hf_test_wait(fixture->context, "on_ready", is_ready, fixture);

    g_assert_cmpuint(ready_from_write, ==, 0);
    g_assert_cmpuint(fixture->ready, ==, 1);
    g_assert_false(would_wake(fixture));
    tear_down(fixture);
}

static void
test_busy_sink_with_little_does_not_hold_output_up(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_AGAIN;
    write_out(fixture, "one\n");

    g_assert_false(hf_log_router_is_congested(fixture->router));
    g_assert_true(would_wake(fixture));
    tear_down(fixture);
}

static void
test_lossy_sink_does_not_hold_output_up(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->is_lossy = true;
    sink->next_result = HF_IO_AGAIN;
    sink->extra_pending = 300 * 1024;
    write_out(fixture, "one\n");

    g_assert_false(hf_log_router_is_congested(fixture->router));
    tear_down(fixture);
}

static void
test_failing_sink_does_not_hold_output_up(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_FAILED;
    sink->extra_pending = 300 * 1024;
    write_out(fixture, "one\n");

    g_assert_false(hf_log_router_is_congested(fixture->router));
    tear_down(fixture);
}

static void
test_failure_is_told_once_and_tried_by_the_timer_only(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_FAILED;
    write_out(fixture, "one\n");
    write_out(fixture, "two\n");
    write_out(fixture, "three\n");
    guint flushes_of_writes = sink->flushes;
    sink->next_result = HF_IO_FAILED;
    hf_test_wait(fixture->context, "retries", has_flushed_again, sink);

    g_assert_cmpuint(flushes_of_writes, ==, 1);
    g_assert_cmpstr(fixture->states->str, ==, "played fails|");
    g_assert_cmpstr(sink->records->str, ==, "oF one|oF two|oF three|");
    tear_down(fixture);
}

static void
test_failing_sink_that_holds_much_is_told_to_drop(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_FAILED;
    write_out(fixture, "one\n");
    guint drops_with_little = sink->drops;
    sink->extra_pending = 3 * 1024 * 1024;
    write_out(fixture, "two\n");

    g_assert_cmpuint(drops_with_little, ==, 0);
    g_assert_cmpuint(sink->drops, ==, 1);
    tear_down(fixture);
}

static void
test_failing_sink_does_not_keep_others_from_records(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *failing = add_played(fixture);
    PlayedSink *good = add_played(fixture);

    failing->next_result = HF_IO_FAILED;
    write_out(fixture, "one\n");
    write_out(fixture, "two\n");

    g_assert_cmpstr(good->records->str, ==, "oF one|oF two|");
    g_assert_cmpuint(good->flushes, ==, 2);
    tear_down(fixture);
}

static void
test_reopen_tries_all_and_returns_the_first_error(void)
{
    g_autoptr(GError) error = NULL;
    Fixture *fixture = set_up(16);
    PlayedSink *first = add_played(fixture);
    PlayedSink *second = add_played(fixture);

    first->reopen_fails = true;
    gboolean ok = hf_log_router_reopen(fixture->router, &error);

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_false(ok);
    g_assert_cmpuint(second->reopens, ==, 1);
    tear_down(fixture);
}

static void
test_reopen_ends_a_failure(void)
{
    g_autoptr(GError) error = NULL;
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    sink->next_result = HF_IO_FAILED;
    write_out(fixture, "one\n");
    sink->next_result = HF_IO_DATA;
    gboolean ok = hf_log_router_reopen(fixture->router, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpstr(fixture->states->str, ==, "played fails|played works|");
    g_assert_false(would_wake(fixture));
    tear_down(fixture);
}

static void
test_sync_fds_are_those_that_exist(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *with_fd = add_played(fixture);

    add_played(fixture);
    with_fd->fd = 42;
    g_autoptr(GArray) fds = hf_log_router_get_sync_fds(fixture->router);

    g_assert_cmpuint(fds->len, ==, 1);
    g_assert_cmpint(g_array_index(fds, int, 0), ==, 42);
    tear_down(fixture);
}

static void
test_release_memory_reaches_each_sink(void)
{
    Fixture *fixture = set_up(16);
    PlayedSink *sink = add_played(fixture);

    hf_log_router_release_memory(fixture->router);

    g_assert_cmpuint(sink->releases, ==, 1);
    tear_down(fixture);
}

static void
test_router_without_sinks_takes_output(void)
{
    Fixture *fixture = set_up(16);

    write_out(fixture, "one\ntwo");

    g_assert_false(hf_log_router_is_congested(fixture->router));
    g_assert_cmpuint(hf_log_router_get_pending(fixture->router), ==, 0);
    tear_down(fixture);
}

/* What a full disk held back is written by the timer, without another write. */
static void
test_file_catches_up_when_the_disk_has_room(void)
{
    Fixture *fixture = set_up(16384);
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "ctr.log", NULL);

    add_file(fixture, path, 0);
    log_kit_limit_files(60);
    write_out(fixture, "one\ntwo\nthree\n");
    size_t pending = hf_log_router_get_pending(fixture->router);
    log_kit_limit_files(RLIM_INFINITY);
    hf_test_wait(fixture->context, "nothing pending", is_drained, fixture->router);

    GString *log = log_kit_read(path);
    GString *bytes = log_kit_join(log, HF_STREAM_STDOUT);
    g_assert_cmpuint(pending, >, 0);
    g_assert_cmpstr(bytes->str, ==, "one\ntwo\nthree\n");
    g_assert_cmpstr(fixture->states->str, ==, "k8s-file fails|k8s-file works|");
    g_assert_false(would_wake(fixture));
    g_string_free(log, TRUE);
    g_string_free(bytes, TRUE);
    tear_down(fixture);
    hf_test_remove_dir(dir);
}

static void
test_full_device_is_told_and_outlived(void)
{
    Fixture *fixture = set_up(16384);
    g_autofree char *text = g_strnfill(1024 * 1024, '\n');

    add_file(fixture, "/dev/full", 0);
    for (guint i = 0; i < 4; i++)
        write_out(fixture, text);

    g_assert_cmpstr(fixture->states->str, ==, "k8s-file fails|");
    g_assert_cmpuint(hf_log_router_get_pending(fixture->router), <=, HF_FILE_SINK_PENDING_MAX);
    g_assert_false(hf_log_router_is_congested(fixture->router));
    tear_down(fixture);
}

typedef struct {
    HfLogRouter *router;
    int reader_fd;
    GString *text;
} FifoReader;

static bool
read_some(gpointer user_data)
{
    FifoReader *reader = user_data;
    char buffer[4096];
    ssize_t n;

    while ((n = read(reader->reader_fd, buffer, sizeof buffer)) > 0)
        g_string_append_len(reader->text, buffer, n);
    return hf_log_router_get_pending(reader->router) == 0;
}

static void
test_fifo_gets_what_waited_once_somebody_reads(void)
{
    Fixture *fixture = set_up(16384);
    FifoReader reader = {.router = fixture->router, .text = g_string_new(NULL)};
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "fifo", NULL);
    g_autofree char *text = g_strnfill(100, 'x');
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    g_assert_no_errno(mkfifo(path, 0600));
    add_file(fixture, path, 0);
    for (guint i = 0; i < 2000; i++)
        write_out(fixture, line);
    bool was_congested = hf_log_router_is_congested(fixture->router);
    reader.reader_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    hf_test_wait(fixture->context, "the FIFO to be drained", read_some, &reader);
    read_some(&reader);

    g_assert_false(was_congested);
    g_assert_cmpuint(log_kit_count(reader.text, line), ==, 2000);
    g_assert_null(strstr(reader.text->str, "holdfast: "));
    g_assert_false(would_wake(fixture));
    hf_close_fd(&reader.reader_fd);
    g_string_free(reader.text, TRUE);
    tear_down(fixture);
    hf_test_remove_dir(dir);
}

/* A million empty lines become 46 MB of log, but never of memory. */
static void
test_a_read_of_newlines_alone_is_written_as_it_comes(void)
{
    Fixture *fixture = set_up(16384);
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "ctr.log", NULL);
    g_autofree char *text = g_strnfill(1024 * 1024, '\n');
    struct stat status;

    add_file(fixture, path, 0);
    write_out(fixture, text);

    g_assert_no_errno(stat(path, &status));
    g_assert_cmpint(status.st_size, ==, 1024 * 1024 * (HF_CRI_PREFIX_MAX + 1));
    g_assert_cmpuint(hf_log_router_get_pending(fixture->router), ==, 0);
    tear_down(fixture);
    hf_test_remove_dir(dir);
}

static void
append_random_bytes(GString *bytes, int length)
{
    bool is_text = g_test_rand_int_range(0, 3) > 0;

    for (int i = 0; i < length; i++) {
        int byte = g_test_rand_int_range(0, 256);

        g_string_append_c(bytes, (char)(is_text && byte < 4 ? '\n' : byte));
    }
}

/* Random bytes in random reads of both streams come back from the log as they were. */
static void
test_log_of_random_output_gives_the_bytes_back(void)
{
    static const gint64 sizes[] = {0, 3000, 20000};

    for (guint round = 0; round < 30; round++) {
        Fixture *fixture = set_up((size_t)g_test_rand_int_range(1, 300));
        char *dir = hf_test_make_dir();
        g_autofree char *path = g_build_filename(dir, "ctr.log", NULL);
        GString *sent[HF_STREAM_COUNT] = {g_string_new(NULL), g_string_new(NULL)};

        add_file(fixture, path, sizes[round % G_N_ELEMENTS(sizes)]);
        for (guint i = 0; i < 40; i++) {
            HfStream stream = g_test_rand_int_range(0, 2) ? HF_STREAM_STDERR : HF_STREAM_STDOUT;
            gsize start = sent[stream]->len;

            append_random_bytes(sent[stream], g_test_rand_int_range(0, 500));
            hf_log_router_write(fixture->router, stream, sent[stream]->str + start,
                                sent[stream]->len - start, g_test_rand_int_range(0, 2));
        }
        hf_log_router_flush_partial(fixture->router);

        GString *log = log_kit_read_rotated(path);
        for (guint i = 0; i < HF_STREAM_COUNT; i++) {
            GString *bytes = log_kit_join(log, (HfStream)i);
            log_kit_assert_bytes(bytes->str, bytes->len, sent[i]->str, sent[i]->len);
            g_string_free(bytes, TRUE);
            g_string_free(sent[i], TRUE);
        }
        g_string_free(log, TRUE);
        tear_down(fixture);
        hf_test_remove_dir(dir);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/log-router/" name, function)
    ADD("each-sink-gets-each-line", test_each_sink_gets_each_line);
    ADD("incomplete-line-is-partial-if-nothing-more-is-ready",
        test_incomplete_line_is_partial_if_nothing_more_is_ready);
    ADD("incomplete-line-waits-for-more-that-is-ready",
        test_incomplete_line_waits_for_more_that_is_ready);
    ADD("line-beyond-the-limit-is-split", test_line_beyond_the_limit_is_split);
    ADD("streams-do-not-mix", test_streams_do_not_mix);
    ADD("flush-partial-writes-what-both-streams-kept",
        test_flush_partial_writes_what_both_streams_kept);
    ADD("lines-of-one-write-have-one-time", test_lines_of_one_write_have_one_time);
    ADD("nothing-wakes-while-nothing-waits", test_nothing_wakes_while_nothing_waits);
    ADD("busy-sink-holds-output-up-until-it-takes-more",
        test_busy_sink_holds_output_up_until_it_takes_more);
    ADD("ready-is-owed-also-if-a-write-ended-the-congestion",
        test_ready_is_owed_also_if_a_write_ended_the_congestion);
    ADD("busy-sink-with-little-does-not-hold-output-up",
        test_busy_sink_with_little_does_not_hold_output_up);
    ADD("lossy-sink-does-not-hold-output-up", test_lossy_sink_does_not_hold_output_up);
    ADD("failing-sink-does-not-hold-output-up", test_failing_sink_does_not_hold_output_up);
    ADD("failure-is-told-once-and-tried-by-the-timer-only",
        test_failure_is_told_once_and_tried_by_the_timer_only);
    ADD("failing-sink-that-holds-much-is-told-to-drop",
        test_failing_sink_that_holds_much_is_told_to_drop);
    ADD("failing-sink-does-not-keep-others-from-records",
        test_failing_sink_does_not_keep_others_from_records);
    ADD("reopen-tries-all-and-returns-the-first-error",
        test_reopen_tries_all_and_returns_the_first_error);
    ADD("reopen-ends-a-failure", test_reopen_ends_a_failure);
    ADD("sync-fds-are-those-that-exist", test_sync_fds_are_those_that_exist);
    ADD("release-memory-reaches-each-sink", test_release_memory_reaches_each_sink);
    ADD("router-without-sinks-takes-output", test_router_without_sinks_takes_output);
    ADD("file-catches-up-when-the-disk-has-room", test_file_catches_up_when_the_disk_has_room);
    ADD("full-device-is-told-and-outlived", test_full_device_is_told_and_outlived);
    ADD("fifo-gets-what-waited-once-somebody-reads",
        test_fifo_gets_what_waited_once_somebody_reads);
    ADD("a-read-of-newlines-alone-is-written-as-it-comes",
        test_a_read_of_newlines_alone_is_written_as_it_comes);
    ADD("log-of-random-output-gives-the-bytes-back",
        test_log_of_random_output_gives_the_bytes_back);
    return g_test_run();
}
