/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/stdio-pump.h"
#include "test-kit.h"

#define IDLE_PIPE (32 * 1024)
/* In pages: fs.pipe-user-pages-soft, where nobody has changed it. */
#define SOFT_LIMIT_DEFAULT 16384
#define NOBODY 65534

typedef struct {
    GMainContext *context;
    HfStdioPump *pump;
    int write_fds[HF_STREAM_COUNT];
    int read_fds[HF_STREAM_COUNT]; /* the pump's; for looking at their size */
    GString *output[HF_STREAM_COUNT];
    guint pauses;
    guint quiets;
    guint closes;
    size_t largest_read;
    size_t written; /* to stdout, by put() */
    size_t before_stderr;
} Fixture;

static void
on_output(HfStream stream, const char *bytes, size_t length, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_string_append_len(fixture->output[stream], bytes, (gssize)length);
    fixture->largest_read = MAX(fixture->largest_read, length);
}

static void
on_pause(gpointer user_data)
{
    ((Fixture *)user_data)->pauses++;
}

static void
on_quiet(gpointer user_data)
{
    ((Fixture *)user_data)->quiets++;
}

static void
on_closed(gpointer user_data)
{
    ((Fixture *)user_data)->closes++;
}

static const HfStdioHandlers handlers = {on_output, on_pause, on_quiet, on_closed};

static void
set_up_with(Fixture *fixture, const HfStdioHandlers *with)
{
    *fixture = (Fixture){.context = g_main_context_new()};
    fixture->pump = hf_stdio_pump_new(fixture->context, with, fixture);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        int ends[2];

        g_assert_no_errno(pipe2(ends, O_CLOEXEC));
        g_assert_no_errno(fcntl(ends[0], F_SETFL, O_NONBLOCK));
        fixture->output[i] = g_string_new(NULL);
        fixture->read_fds[i] = ends[0];
        fixture->write_fds[i] = ends[1];
        hf_stdio_pump_take_stream(fixture->pump, (HfStream)i, ends[0], false);
    }
}

static void
set_up(Fixture *fixture)
{
    set_up_with(fixture, &handlers);
}

static void
close_writer(Fixture *fixture, HfStream stream)
{
    if (fixture->write_fds[stream] >= 0)
        (void)close(fixture->write_fds[stream]);
    fixture->write_fds[stream] = -1;
}

static void
tear_down(Fixture *fixture)
{
    hf_stdio_pump_free(fixture->pump);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        close_writer(fixture, (HfStream)i);
        g_string_free(fixture->output[i], TRUE);
    }
    g_main_context_unref(fixture->context);
}

static void
put(Fixture *fixture, HfStream stream, const char *text)
{
    g_assert_cmpint(write(fixture->write_fds[stream], text, strlen(text)), ==, strlen(text));
    if (stream == HF_STREAM_STDOUT)
        fixture->written += strlen(text);
}

static bool
is_closed(gpointer user_data)
{
    return ((Fixture *)user_data)->closes > 0;
}

static bool
has_read_all(gpointer user_data)
{
    const Fixture *fixture = user_data;

    return fixture->output[HF_STREAM_STDOUT]->len == fixture->written;
}

static bool
has_paused(gpointer user_data)
{
    return ((Fixture *)user_data)->pauses > 0;
}

static bool
is_quiet(gpointer user_data)
{
    return ((Fixture *)user_data)->quiets > 0;
}

static void
test_streams_are_told_apart(void)
{
    Fixture fixture;

    set_up(&fixture);
    put(&fixture, HF_STREAM_STDOUT, "out\n");
    put(&fixture, HF_STREAM_STDERR, "err\n");

    hf_test_settle(fixture.context);

    g_assert_cmpstr(fixture.output[HF_STREAM_STDOUT]->str, ==, "out\n");
    g_assert_cmpstr(fixture.output[HF_STREAM_STDERR]->str, ==, "err\n");
    tear_down(&fixture);
}

static void
test_end_of_streams_is_told_only_after_drain(void)
{
    Fixture fixture;

    set_up(&fixture);
    close_writer(&fixture, HF_STREAM_STDOUT);
    close_writer(&fixture, HF_STREAM_STDERR);
    hf_test_settle(fixture.context);
    g_assert_cmpuint(fixture.closes, ==, 0);

    hf_stdio_pump_drain(fixture.pump);
    hf_test_wait(fixture.context, "the end", is_closed, &fixture);

    g_assert_cmpuint(fixture.closes, ==, 1);
    tear_down(&fixture);
}

static void
test_drain_takes_what_is_there_and_does_not_wait(void)
{
    Fixture fixture;

    set_up(&fixture);
    put(&fixture, HF_STREAM_STDOUT, "last words");

    hf_stdio_pump_drain(fixture.pump);
    hf_test_wait(fixture.context, "the end", is_closed, &fixture);

    /* A grandchild's end of the pipe is still open. */
    g_assert_cmpstr(fixture.output[HF_STREAM_STDOUT]->str, ==, "last words");
    tear_down(&fixture);
}

static void
test_drain_ends_though_somebody_goes_on_writing(void)
{
    Fixture fixture;

    set_up(&fixture);
    put(&fixture, HF_STREAM_STDOUT, "before");
    hf_stdio_pump_drain(fixture.pump);
    put(&fixture, HF_STREAM_STDOUT, "after");

    hf_test_wait(fixture.context, "the end", is_closed, &fixture);

    g_assert_cmpstr(fixture.output[HF_STREAM_STDOUT]->str, ==, "before");
    tear_down(&fixture);
}

static void
test_paused_pump_reads_nothing(void)
{
    Fixture fixture;

    set_up(&fixture);
    hf_stdio_pump_set_paused(fixture.pump, true);
    put(&fixture, HF_STREAM_STDOUT, "x\n");
    hf_test_settle(fixture.context);
    g_assert_cmpuint(fixture.output[HF_STREAM_STDOUT]->len, ==, 0);

    hf_stdio_pump_set_paused(fixture.pump, false);
    hf_test_settle(fixture.context);

    g_assert_cmpstr(fixture.output[HF_STREAM_STDOUT]->str, ==, "x\n");
    tear_down(&fixture);
}

static void
test_drain_waits_while_paused(void)
{
    Fixture fixture;

    set_up(&fixture);
    hf_stdio_pump_set_paused(fixture.pump, true);
    put(&fixture, HF_STREAM_STDOUT, "x\n");
    hf_stdio_pump_drain(fixture.pump);
    hf_test_settle(fixture.context);
    g_assert_cmpuint(fixture.closes, ==, 0);

    hf_stdio_pump_set_paused(fixture.pump, false);
    hf_test_wait(fixture.context, "the end", is_closed, &fixture);

    g_assert_cmpstr(fixture.output[HF_STREAM_STDOUT]->str, ==, "x\n");
    tear_down(&fixture);
}

static void
test_unfinished_line_makes_a_pause(void)
{
    Fixture fixture;

    set_up(&fixture);
    put(&fixture, HF_STREAM_STDOUT, "password: ");

    hf_test_wait(fixture.context, "the pause", has_paused, &fixture);

    g_assert_cmpuint(fixture.pauses, ==, 1);
    tear_down(&fixture);
}

static void
test_whole_lines_make_no_pause(void)
{
    Fixture fixture;
    int wake_ups = 0;

    set_up(&fixture);
    put(&fixture, HF_STREAM_STDOUT, "line\n");
    hf_test_settle(fixture.context);

    /* No timer is left: the context would sleep for ever. */
    g_assert_true(g_main_context_acquire(fixture.context));
    int timeout_ms = 0;
    int priority = 0;
    GPollFD fds[8];
    (void)g_main_context_prepare(fixture.context, &priority);
    wake_ups = g_main_context_query(fixture.context, priority, &timeout_ms, fds, 8);
    g_main_context_release(fixture.context);

    g_assert_cmpint(wake_ups, >, 0);
    g_assert_cmpint(timeout_ms, ==, -1);
    g_assert_cmpuint(fixture.pauses, ==, 0);
    tear_down(&fixture);
}

/* Writes lines one by one until one of them is not read at once: the channel rests. */
static void
write_until_rest(Fixture *fixture)
{
    gint64 deadline_us = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

    while (has_read_all(fixture)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline_us);
        put(fixture, HF_STREAM_STDOUT, "line\n");
        hf_test_settle(fixture->context);
    }
}

static void
test_hasty_writer_is_read_in_larger_pieces(void)
{
    Fixture fixture;

    if (hf_test_skip_under_valgrind("run as fast as a hasty writer"))
        return;
    set_up(&fixture);
    write_until_rest(&fixture);
    fixture.largest_read = 0;

    put(&fixture, HF_STREAM_STDOUT, "line\nline\n");
    hf_test_wait(fixture.context, "the lines of a rest", has_read_all, &fixture);

    g_assert_cmpuint(fixture.largest_read, ==, 3 * strlen("line\n"));
    tear_down(&fixture);
}

static void
test_rest_ends_by_itself(void)
{
    Fixture fixture;

    if (hf_test_skip_under_valgrind("run as fast as a hasty writer"))
        return;
    set_up(&fixture);
    write_until_rest(&fixture);
    g_assert_false(has_read_all(&fixture));

    hf_test_wait(fixture.context, "the line of a rest", has_read_all, &fixture);

    g_assert_cmpuint(fixture.output[HF_STREAM_STDOUT]->len, ==, fixture.written);
    tear_down(&fixture);
}

static void
test_followed_pump_does_not_rest(void)
{
    Fixture fixture;

    set_up(&fixture);
    hf_stdio_pump_set_followed(fixture.pump, true);

    for (int i = 0; i < 200; i++) {
        put(&fixture, HF_STREAM_STDOUT, "line\n");
        hf_test_settle(fixture.context);
        g_assert_true(has_read_all(&fixture));
    }

    tear_down(&fixture);
}

/* What had come on stdout when the first of stderr came. */
static void
on_output_in_order(HfStream stream, const char *bytes, size_t length, gpointer user_data)
{
    Fixture *fixture = user_data;

    on_output(stream, bytes, length, fixture);
    if (stream == HF_STREAM_STDERR && fixture->before_stderr == 0)
        fixture->before_stderr = fixture->output[HF_STREAM_STDOUT]->len;
}

static const HfStdioHandlers order_handlers = {on_output_in_order, on_pause, on_quiet, on_closed};

static bool
has_stderr(gpointer user_data)
{
    return ((Fixture *)user_data)->output[HF_STREAM_STDERR]->len > 0;
}

static void
test_what_rests_is_read_before_the_other_stream(void)
{
    Fixture fixture;

    if (hf_test_skip_under_valgrind("run as fast as a hasty writer"))
        return;
    set_up_with(&fixture, &order_handlers);
    write_until_rest(&fixture);

    put(&fixture, HF_STREAM_STDERR, "error\n");
    hf_test_wait(fixture.context, "stderr", has_stderr, &fixture);

    g_assert_cmpuint(fixture.before_stderr, ==, fixture.written);
    tear_down(&fixture);
}

static void
test_rest_does_not_read_for_a_paused_pump(void)
{
    Fixture fixture;

    if (hf_test_skip_under_valgrind("run as fast as a hasty writer"))
        return;
    set_up(&fixture);
    write_until_rest(&fixture);
    size_t before = fixture.output[HF_STREAM_STDOUT]->len;
    hf_stdio_pump_set_paused(fixture.pump, true);
    put(&fixture, HF_STREAM_STDERR, "error\n");
    hf_test_settle(fixture.context);
    g_assert_cmpuint(fixture.output[HF_STREAM_STDOUT]->len, ==, before);

    hf_stdio_pump_set_paused(fixture.pump, false);
    hf_test_settle(fixture.context);

    g_assert_cmpuint(fixture.output[HF_STREAM_STDOUT]->len, ==, fixture.written);
    tear_down(&fixture);
}

static void
test_drain_takes_what_a_rest_left(void)
{
    Fixture fixture;

    if (hf_test_skip_under_valgrind("run as fast as a hasty writer"))
        return;
    set_up(&fixture);
    write_until_rest(&fixture);

    hf_stdio_pump_drain(fixture.pump);
    hf_test_wait(fixture.context, "the end", is_closed, &fixture);

    g_assert_cmpuint(fixture.output[HF_STREAM_STDOUT]->len, ==, fixture.written);
    tear_down(&fixture);
}

static gpointer
write_much(gpointer data)
{
    Fixture *fixture = data;
    g_autofree char *block = g_malloc(1024 * 1024);

    memset(block, '\n', 1024 * 1024);
    for (int i = 0; i < 16; i++) {
        for (size_t done = 0; done < 1024 * 1024;) {
            ssize_t n =
                write(fixture->write_fds[HF_STREAM_STDOUT], block + done, 1024 * 1024 - done);

            g_assert_cmpint(n, >, 0);
            done += (size_t)n;
        }
    }
    close_writer(fixture, HF_STREAM_STDOUT);
    return NULL;
}

static bool
has_all(gpointer user_data)
{
    return ((Fixture *)user_data)->output[HF_STREAM_STDOUT]->len == 16 * 1024 * 1024;
}

static void
test_pipe_grows_under_load_and_shrinks_after_it(void)
{
    Fixture fixture;
    int kept_fd;

    set_up(&fixture);
    kept_fd = fcntl(fixture.write_fds[HF_STREAM_STDOUT], F_DUPFD_CLOEXEC, 3);
    GThread *writer = g_thread_new("writer", write_much, &fixture);

    hf_test_wait(fixture.context, "16 MiB", has_all, &fixture);
    g_thread_join(writer);
    g_assert_cmpuint(fixture.largest_read, >, 64 * 1024);
    hf_test_wait(fixture.context, "quiet", is_quiet, &fixture);

    g_assert_cmpint(fcntl(kept_fd, F_GETPIPE_SZ), ==, IDLE_PIPE);
    (void)close(kept_fd);
    tear_down(&fixture);
}

static int
get_pipe_size(const Fixture *fixture, HfStream stream)
{
    return fcntl(fixture->write_fds[stream], F_GETPIPE_SZ);
}

static void
test_pipes_of_a_thousand_idle_containers_are_within_a_users_limit(void)
{
    Fixture fixture;
    int pages = 0;

    set_up(&fixture);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        g_assert_cmpint(get_pipe_size(&fixture, (HfStream)i), ==, IDLE_PIPE);
        pages += get_pipe_size(&fixture, (HfStream)i) / (int)sysconf(_SC_PAGESIZE);
    }
    if (sysconf(_SC_PAGESIZE) == 4096)
        g_assert_cmpint(1000 * pages, <=, SOFT_LIMIT_DEFAULT);
    tear_down(&fixture);
}

static void
put_more_than_half_a_pipe(Fixture *fixture)
{
    g_autofree char *text = g_strnfill(IDLE_PIPE * 5 / 8, '\n');

    put(fixture, HF_STREAM_STDOUT, text);
    hf_test_wait(fixture->context, "the output", has_read_all, fixture);
}

static void
test_pipe_that_was_more_than_half_full_grows(void)
{
    Fixture fixture;

    set_up(&fixture);

    put_more_than_half_a_pipe(&fixture);

    g_assert_cmpint(get_pipe_size(&fixture, HF_STREAM_STDOUT), ==, 4 * IDLE_PIPE);
    g_assert_cmpint(get_pipe_size(&fixture, HF_STREAM_STDERR), ==, IDLE_PIPE);
    tear_down(&fixture);
}

/* Leaves no room for a pipe to grow: makes pipes that stay open, large ones and then smaller ones.
 */
static bool
use_up_pipe_pages(void)
{
    g_autofree char *text = NULL;
    int ends[2];

    if (!g_file_get_contents("/proc/sys/fs/pipe-user-pages-soft", &text, NULL, NULL) ||
        atoi(text) <= 0 || atoi(text) > 100 * SOFT_LIMIT_DEFAULT)
        return false;
    for (int i = 0, size = 1024 * 1024; i < 400; i++) {
        if (pipe2(ends, O_CLOEXEC) < 0)
            return false;
        if (fcntl(ends[0], F_SETPIPE_SZ, size) >= 0)
            continue;
        if (errno != EPERM || size <= 2 * IDLE_PIPE)
            return errno == EPERM;
        size /= 2;
    }
    return false;
}

#define STAYED_SMALL 0
#define IS_UNLIMITED 1

/* One who is not root, with one pipe that was made before the others. */
static int
run_as_user(gpointer user_data)
{
    Fixture fixture;

    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return IS_UNLIMITED;
    set_up(&fixture);
    if (!use_up_pipe_pages())
        return IS_UNLIMITED;
    put_more_than_half_a_pipe(&fixture);
    put_more_than_half_a_pipe(&fixture);
    g_assert_cmpint(get_pipe_size(&fixture, HF_STREAM_STDOUT), ==, IDLE_PIPE);
    tear_down(&fixture);
    return STAYED_SMALL;
}

static void
test_pipe_that_may_not_grow_is_read_as_it_is(void)
{
    if (hf_test_run_in_child(run_as_user, NULL) == IS_UNLIMITED)
        g_test_skip("this machine has no limit on a user's pipes");
}

static void
test_followed_pump_reads_no_more_at_once(void)
{
    Fixture fixture;

    set_up(&fixture);
    hf_stdio_pump_set_followed(fixture.pump, true);
    GThread *writer = g_thread_new("writer", write_much, &fixture);

    hf_test_wait(fixture.context, "16 MiB", has_all, &fixture);
    g_thread_join(writer);

    g_assert_cmpuint(fixture.largest_read, ==, 64 * 1024);
    tear_down(&fixture);
}

static void
test_terminal_is_drained_to_its_end(void)
{
    GMainContext *context = g_main_context_new();
    Fixture fixture = {.context = context};
    int main_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

    fixture.output[HF_STREAM_STDOUT] = g_string_new(NULL);
    g_assert_no_errno(main_fd);
    g_assert_no_errno(grantpt(main_fd));
    g_assert_no_errno(unlockpt(main_fd));
    int peer_fd = open(ptsname(main_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_no_errno(peer_fd);
    fixture.pump = hf_stdio_pump_new(context, &handlers, &fixture);
    hf_stdio_pump_take_stream(fixture.pump, HF_STREAM_STDOUT, main_fd, true);
    g_assert_cmpint(write(peer_fd, "bye\n", 4), ==, 4);

    hf_stdio_pump_drain(fixture.pump);
    hf_test_wait(context, "the end", is_closed, &fixture);

    g_assert_cmpstr(fixture.output[HF_STREAM_STDOUT]->str, ==, "bye\r\n");
    (void)close(peer_fd);
    hf_stdio_pump_free(fixture.pump);
    g_string_free(fixture.output[HF_STREAM_STDOUT], TRUE);
    g_main_context_unref(context);
}

static void
test_close_stops_without_a_word(void)
{
    Fixture fixture;

    set_up(&fixture);
    put(&fixture, HF_STREAM_STDOUT, "unread\n");

    hf_stdio_pump_close(fixture.pump);
    hf_test_settle(fixture.context);

    g_assert_cmpuint(fixture.output[HF_STREAM_STDOUT]->len, ==, 0);
    g_assert_cmpuint(fixture.closes, ==, 0);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/stdio-pump/streams-are-told-apart", test_streams_are_told_apart);
    hf_test_add("/monitor/stdio-pump/end-of-streams-is-told-only-after-drain",
                test_end_of_streams_is_told_only_after_drain);
    hf_test_add("/monitor/stdio-pump/drain-takes-what-is-there-and-does-not-wait",
                test_drain_takes_what_is_there_and_does_not_wait);
    hf_test_add("/monitor/stdio-pump/drain-ends-though-somebody-goes-on-writing",
                test_drain_ends_though_somebody_goes_on_writing);
    hf_test_add("/monitor/stdio-pump/paused-pump-reads-nothing", test_paused_pump_reads_nothing);
    hf_test_add("/monitor/stdio-pump/drain-waits-while-paused", test_drain_waits_while_paused);
    hf_test_add("/monitor/stdio-pump/unfinished-line-makes-a-pause",
                test_unfinished_line_makes_a_pause);
    hf_test_add("/monitor/stdio-pump/whole-lines-make-no-pause", test_whole_lines_make_no_pause);
    hf_test_add("/monitor/stdio-pump/hasty-writer-is-read-in-larger-pieces",
                test_hasty_writer_is_read_in_larger_pieces);
    hf_test_add("/monitor/stdio-pump/rest-ends-by-itself", test_rest_ends_by_itself);
    hf_test_add("/monitor/stdio-pump/followed-pump-does-not-rest",
                test_followed_pump_does_not_rest);
    hf_test_add("/monitor/stdio-pump/what-rests-is-read-before-the-other-stream",
                test_what_rests_is_read_before_the_other_stream);
    hf_test_add("/monitor/stdio-pump/rest-does-not-read-for-a-paused-pump",
                test_rest_does_not_read_for_a_paused_pump);
    hf_test_add("/monitor/stdio-pump/drain-takes-what-a-rest-left",
                test_drain_takes_what_a_rest_left);
    hf_test_add("/monitor/stdio-pump/pipe-grows-under-load-and-shrinks-after-it",
                test_pipe_grows_under_load_and_shrinks_after_it);
    hf_test_add("/monitor/stdio-pump/pipes-of-a-thousand-idle-containers-are-within-a-users-limit",
                test_pipes_of_a_thousand_idle_containers_are_within_a_users_limit);
    hf_test_add("/monitor/stdio-pump/pipe-that-was-more-than-half-full-grows",
                test_pipe_that_was_more_than_half_full_grows);
    hf_test_add("/monitor/stdio-pump/pipe-that-may-not-grow-is-read-as-it-is",
                test_pipe_that_may_not_grow_is_read_as_it_is);
    hf_test_add("/monitor/stdio-pump/followed-pump-reads-no-more-at-once",
                test_followed_pump_reads_no_more_at_once);
    hf_test_add("/monitor/stdio-pump/terminal-is-drained-to-its-end",
                test_terminal_is_drained_to_its_end);
    hf_test_add("/monitor/stdio-pump/close-stops-without-a-word", test_close_stops_without_a_word);
    return g_test_run();
}
