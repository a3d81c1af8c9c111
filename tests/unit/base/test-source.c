/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "base/source.h"
#include "test-kit.h"

typedef struct {
    GMainContext *context;
    int read_fd;
    int write_fd;
    GString *calls;
    GIOCondition condition;
} Fixture;

static Fixture *
fixture_new(void)
{
    Fixture *self = g_new0(Fixture, 1);
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
    self->read_fd = fds[0];
    self->write_fd = fds[1];
    self->context = g_main_context_new();
    self->calls = g_string_new(NULL);
    return self;
}

static void
fixture_free(Fixture *self)
{
    g_main_context_unref(self->context);
    g_string_free(self->calls, TRUE);
    hf_close_fd(&self->read_fd);
    hf_close_fd(&self->write_fd);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, fixture_free)

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    Fixture *self = user_data;

    self->condition = condition;
    g_string_append_c(self->calls, 'r');
    return G_SOURCE_REMOVE;
}

static gboolean
on_time(gpointer user_data)
{
    Fixture *self = user_data;

    g_string_append_c(self->calls, 't');
    return self->calls->len < 3 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    Fixture *self = user_data;

    g_string_append_c(self->calls, 'w');
    return G_SOURCE_REMOVE;
}

static bool
has_called(gpointer user_data)
{
    const Fixture *self = user_data;

    return self->calls->len > 0;
}

static bool
has_called_three_times(gpointer user_data)
{
    const Fixture *self = user_data;

    return self->calls->len >= 3;
}

static void
test_watch_calls_when_there_is_something(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source = hf_source_watch_fd(fixture->context, fixture->read_fd, G_IO_IN,
                                         HF_PRIORITY_OUTPUT, "test", on_readable, fixture);

    hf_test_settle(fixture->context);
    g_assert_cmpstr(fixture->calls->str, ==, "");
    g_assert_cmpint(write(fixture->write_fd, "x", 1), ==, 1);
    hf_test_wait(fixture->context, "the callback", has_called, fixture);

    g_assert_cmpstr(fixture->calls->str, ==, "r");
    g_assert_cmpint(fixture->condition, ==, G_IO_IN);
    hf_source_clear(&source);
}

static void
test_watch_has_its_name_and_priority(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source = hf_source_watch_fd(fixture->context, fixture->read_fd, G_IO_IN,
                                         HF_PRIORITY_CONTROL, "a name", on_readable, fixture);

    g_assert_cmpstr(g_source_get_name(source), ==, "a name");
    g_assert_cmpint(g_source_get_priority(source), ==, HF_PRIORITY_CONTROL);
    hf_source_clear(&source);
}

static void
test_cleared_source_is_not_called(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source = hf_source_watch_fd(fixture->context, fixture->read_fd, G_IO_IN,
                                         HF_PRIORITY_OUTPUT, "test", on_readable, fixture);

    g_assert_cmpint(write(fixture->write_fd, "x", 1), ==, 1);
    hf_source_clear(&source);
    hf_test_settle(fixture->context);

    g_assert_null(source);
    g_assert_cmpstr(fixture->calls->str, ==, "");
}

static void
test_clearing_drops_the_only_reference(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source =
        hf_source_after(fixture->context, 1000, HF_PRIORITY_OUTPUT, "test", on_time, fixture);
    GSource *kept = g_source_ref(source);

    hf_source_clear(&source);

    g_assert_true(g_source_is_destroyed(kept));
    g_assert_null(g_main_context_find_source_by_user_data(fixture->context, fixture));
    g_source_unref(kept);
}

static void
test_clearing_nothing_is_harmless(void)
{
    GSource *source = NULL;

    hf_source_clear(&source);

    g_assert_null(source);
}

static void
test_source_that_removed_itself_can_be_cleared(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source = hf_source_watch_fd(fixture->context, fixture->write_fd, G_IO_OUT,
                                         HF_PRIORITY_OUTPUT, "test", on_writable, fixture);

    hf_test_wait(fixture->context, "the callback", has_called, fixture);
    hf_source_clear(&source);

    g_assert_cmpstr(fixture->calls->str, ==, "w");
}

static void
test_after_calls_while_it_is_told_to_go_on(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source =
        hf_source_after(fixture->context, 1, HF_PRIORITY_OUTPUT, "test", on_time, fixture);

    hf_test_wait(fixture->context, "three calls", has_called_three_times, fixture);
    bool is_destroyed = g_source_is_destroyed(source);

    g_assert_cmpstr(fixture->calls->str, ==, "ttt");
    g_assert_true(is_destroyed);
    hf_source_clear(&source);
}

static void
test_busy_timer_calls_while_it_is_told_to_go_on(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source =
        hf_source_after_busy(fixture->context, 1, HF_PRIORITY_OUTPUT, "test", on_time, fixture);

    hf_test_wait(fixture->context, "three calls", has_called_three_times, fixture);

    g_assert_cmpstr(fixture->calls->str, ==, "ttt");
    g_assert_true(g_source_is_destroyed(source));
    hf_source_clear(&source);
}

static void
test_busy_timer_gives_the_loop_no_timeout(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *source =
        hf_source_after_busy(fixture->context, 60000, HF_PRIORITY_OUTPUT, "test", on_time, fixture);
    GPollFD fds[8];
    int timeout_ms = 0;
    int priority = G_MAXINT;

    hf_test_settle(fixture->context);
    g_assert_true(g_main_context_acquire(fixture->context));
    (void)g_main_context_prepare(fixture->context, &priority);
    (void)g_main_context_query(fixture->context, G_MAXINT, &timeout_ms, fds, G_N_ELEMENTS(fds));
    g_main_context_release(fixture->context);

    g_assert_cmpint(timeout_ms, ==, -1);
    hf_source_clear(&source);
}

static void
test_cleared_busy_timer_leaves_no_descriptor(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    g_autoptr(GArray) before = hf_fd_list_open(0);
    GSource *source =
        hf_source_after_busy(fixture->context, 1000, HF_PRIORITY_OUTPUT, "test", on_time, fixture);
    g_autoptr(GArray) meanwhile = hf_fd_list_open(0);

    hf_source_clear(&source);
    g_autoptr(GArray) after = hf_fd_list_open(0);

    g_assert_cmpuint(meanwhile->len, ==, before->len + 1);
    g_assert_cmpuint(after->len, ==, before->len);
}

static void
test_control_comes_before_output_when_both_are_ready(void)
{
    g_autoptr(Fixture) fixture = fixture_new();
    GSource *output = hf_source_watch_fd(fixture->context, fixture->write_fd, G_IO_OUT,
                                         HF_PRIORITY_OUTPUT, "output", on_writable, fixture);
    GSource *control = hf_source_watch_fd(fixture->context, fixture->read_fd, G_IO_IN,
                                          HF_PRIORITY_CONTROL, "control", on_readable, fixture);

    g_assert_cmpint(write(fixture->write_fd, "x", 1), ==, 1);
    hf_test_settle(fixture->context);

    g_assert_cmpstr(fixture->calls->str, ==, "rw");
    hf_source_clear(&output);
    hf_source_clear(&control);
}

static void
test_priorities_stand_in_order(void)
{
    g_assert_cmpint(HF_PRIORITY_CHILD, <, HF_PRIORITY_CONTROL);
    g_assert_cmpint(HF_PRIORITY_CONTROL, <, HF_PRIORITY_INPUT);
    g_assert_cmpint(HF_PRIORITY_INPUT, <, HF_PRIORITY_OUTPUT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/source/watch-calls-when-there-is-something",
                test_watch_calls_when_there_is_something);
    hf_test_add("/base/source/watch-has-its-name-and-priority",
                test_watch_has_its_name_and_priority);
    hf_test_add("/base/source/cleared-source-is-not-called", test_cleared_source_is_not_called);
    hf_test_add("/base/source/clearing-drops-the-only-reference",
                test_clearing_drops_the_only_reference);
    hf_test_add("/base/source/clearing-nothing-is-harmless", test_clearing_nothing_is_harmless);
    hf_test_add("/base/source/source-that-removed-itself-can-be-cleared",
                test_source_that_removed_itself_can_be_cleared);
    hf_test_add("/base/source/after-calls-while-it-is-told-to-go-on",
                test_after_calls_while_it_is_told_to_go_on);
    hf_test_add("/base/source/busy-timer-calls-while-it-is-told-to-go-on",
                test_busy_timer_calls_while_it_is_told_to_go_on);
    hf_test_add("/base/source/busy-timer-gives-the-loop-no-timeout",
                test_busy_timer_gives_the_loop_no_timeout);
    hf_test_add("/base/source/cleared-busy-timer-leaves-no-descriptor",
                test_cleared_busy_timer_leaves_no_descriptor);
    hf_test_add("/base/source/control-comes-before-output-when-both-are-ready",
                test_control_comes_before_output_when_both_are_ready);
    hf_test_add("/base/source/priorities-stand-in-order", test_priorities_stand_in_order);
    return g_test_run();
}
