/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <poll.h>
#include <sys/wait.h>

#include "process-place.h"

/* A child that lives until end_child(). */
static pid_t
make_child(void)
{
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        hf_test_wait_for_kill();
    return pid;
}

static void
end_child(pid_t pid)
{
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static int
get_exit_fd(const Place *place)
{
    g_autoptr(GError) error = NULL;
    int fd = hf_process_get_exit_fd(place->process, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    return fd;
}

static bool
is_ready(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

typedef struct {
    GAsyncResult *result;
} Answer;

static void
on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Answer *answer = user_data;

    answer->result = g_object_ref(result);
}

static bool
has_answer(gpointer user_data)
{
    Answer *answer = user_data;

    return answer->result != NULL;
}

static void
assert_answer(const Place *place, Answer *answer, int expected)
{
    g_autoptr(GError) error = NULL;
    int status = -1;

    hf_test_wait(NULL, "the end", has_answer, answer);
    g_assert_true(hf_process_wait_finish(place->process, answer->result, &status, &error));
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, expected);
    g_clear_object(&answer->result);
}

static void
test_fifo_hangs_up_with_its_monitor(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_process(&place, getpid());
    place_make_fifo(&place, "exit");
    hf_autofd writer_fd = place_open_fifo(&place, "exit");

    int fd = get_exit_fd(&place);

    g_assert_false(is_ready(fd));
    hf_close_fd(&writer_fd);
    g_assert_true(is_ready(fd));
    g_assert_cmpint(get_exit_fd(&place), ==, fd);
    place_tear_down(&place);
}

static void
test_ended_process_is_ready_at_once(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);
    place_make_fifo(&place, "exit");
    hf_test_write_file(place.path, "exitStatus", "0");

    g_assert_true(is_ready(get_exit_fd(&place)));
    place_tear_down(&place);
}

static void
test_process_without_a_monitor_is_watched_itself(void)
{
    Place place;
    place_set_up(&place, "runc");
    pid_t child = make_child();
    place_write_process(&place, child);
    place_make_fifo(&place, "exit");

    int fd = get_exit_fd(&place);

    g_assert_false(is_ready(fd));
    end_child(child);
    g_assert_true(is_ready(fd));
    place_tear_down(&place);
}

static void
test_process_that_is_not_there_is_told(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    place_set_up(&place, "runc");
    place_make_fifo(&place, "exit");

    g_assert_cmpint(hf_process_get_exit_fd(place.process, &error), ==, -1);

    g_assert_error(error, HF_ERROR, HF_ERROR_CONTAINER_NOT_STARTED);
    place_tear_down(&place);
}

/* As a monitor is for a moment before it opens the FIFO, and for one after it has closed it. */
static void
test_monitor_without_the_fifo_is_watched_itself(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    place_set_up(&place, "runc");
    place_make_fifo(&place, "exit");
    pid_t monitor = make_child();
    guint64 ticks = 0;
    hf_autofd lock_fd = place_lock(&place);
    g_assert_true(hf_process_read_start_time(monitor, &ticks, &error));
    place_write_number(&place, "monitor.pid", (guint64)monitor);
    place_write_number(&place, "monitor.start", ticks);
    place_write_ended(&place);

    int fd = get_exit_fd(&place);

    g_assert_false(is_ready(fd));
    hf_close_fd(&lock_fd);
    end_child(monitor);
    g_assert_true(is_ready(fd));
    place_tear_down(&place);
}

static void
test_pid_that_makes_no_sense_is_told(void)
{
    Place place;
    g_autoptr(GError) error = NULL;
    int status = -1;
    place_set_up(&place, "runc");
    hf_test_write_file(place.path, "pid", "garbage");

    g_assert_false(hf_process_wait(place.process, NULL, &status, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    place_tear_down(&place);
}

static void
test_pid_that_makes_no_sense_does_not_hide_the_status(void)
{
    Place place;
    g_autoptr(GError) error = NULL;
    int status = -1;
    place_set_up(&place, "runc");
    hf_test_write_file(place.path, "pid", "garbage");
    hf_test_write_file(place.path, "exitStatus", "7");

    g_assert_true(hf_process_wait(place.process, NULL, &status, &error));

    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 7);
    place_tear_down(&place);
}

static void
test_wait_tells_the_status(void)
{
    g_autoptr(GError) error = NULL;
    int status = -1;
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);
    hf_test_write_file(place.path, "exitStatus", "9");

    g_assert_true(hf_process_wait(place.process, NULL, &status, &error));

    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 9);
    place_tear_down(&place);
}

static void
test_several_wait_through_one_object(void)
{
    Answer first = {NULL}, second = {NULL};
    Place place;
    place_set_up(&place, "runc");
    place_write_process(&place, getpid());
    place_make_fifo(&place, "exit");
    hf_autofd writer_fd = place_open_fifo(&place, "exit");
    hf_process_wait_async(place.process, NULL, on_answer, &first);
    hf_process_wait_async(place.process, NULL, on_answer, &second);

    place_write_ended(&place);
    hf_test_write_file(place.path, "exitStatus", "4");
    hf_close_fd(&writer_fd);

    assert_answer(&place, &first, 4);
    assert_answer(&place, &second, 4);
    place_tear_down(&place);
}

static void
test_wait_outlives_a_monitor_that_is_killed(void)
{
    Answer answer = {NULL};
    Place place;
    place_set_up(&place, "runc");
    pid_t child = make_child();
    place_write_process(&place, child);
    place_make_fifo(&place, "exit");
    hf_autofd writer_fd = place_open_fifo(&place, "exit");
    hf_process_wait_async(place.process, NULL, on_answer, &answer);
    int fd = get_exit_fd(&place);

    hf_close_fd(&writer_fd);
    hf_test_settle(NULL);

    g_assert_null(answer.result);
    g_assert_cmpint(get_exit_fd(&place), ==, fd);
    g_assert_false(is_ready(fd));
    hf_test_write_file(place.path, "exitStatus", "6");
    end_child(child);
    assert_answer(&place, &answer, 6);
    place_tear_down(&place);
}

static void
test_wait_is_cancelled_in_both_forms(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Answer answer = {NULL};
    int status = -1;
    Place place;
    place_set_up(&place, "runc");
    place_write_process(&place, getpid());
    hf_process_wait_async(place.process, cancellable, on_answer, &answer);
    hf_test_settle(NULL);

    g_cancellable_cancel(cancellable);

    hf_test_wait(NULL, "the cancelling", has_answer, &answer);
    g_assert_false(hf_process_wait_finish(place.process, answer.result, &status, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&error);
    g_clear_object(&answer.result);
    g_assert_false(hf_process_wait(place.process, cancellable, &status, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    place_tear_down(&place);
}

/* GLib keeps descriptors for the default context and its own thread from their first use on. */
static void
prepare_glib(void)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, NULL, NULL);

    hf_test_settle(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    prepare_glib();

    hf_test_add("/library/process-wait/fifo-hangs-up-with-its-monitor",
                test_fifo_hangs_up_with_its_monitor);
    hf_test_add("/library/process-wait/ended-process-is-ready-at-once",
                test_ended_process_is_ready_at_once);
    hf_test_add("/library/process-wait/process-without-a-monitor-is-watched-itself",
                test_process_without_a_monitor_is_watched_itself);
    hf_test_add("/library/process-wait/process-that-is-not-there-is-told",
                test_process_that_is_not_there_is_told);
    hf_test_add("/library/process-wait/monitor-without-the-fifo-is-watched-itself",
                test_monitor_without_the_fifo_is_watched_itself);
    hf_test_add("/library/process-wait/pid-that-makes-no-sense-is-told",
                test_pid_that_makes_no_sense_is_told);
    hf_test_add("/library/process-wait/pid-that-makes-no-sense-does-not-hide-the-status",
                test_pid_that_makes_no_sense_does_not_hide_the_status);
    hf_test_add("/library/process-wait/wait-tells-the-status", test_wait_tells_the_status);
    hf_test_add("/library/process-wait/several-wait-through-one-object",
                test_several_wait_through_one_object);
    hf_test_add("/library/process-wait/wait-outlives-a-monitor-that-is-killed",
                test_wait_outlives_a_monitor_that_is_killed);
    hf_test_add("/library/process-wait/wait-is-cancelled-in-both-forms",
                test_wait_is_cancelled_in_both_forms);
    return g_test_run();
}
