/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <sys/wait.h>

#include "library/process-remains.h"
#include "process-place.h"

static void
set_up(Place *place, HfContainerChange *change)
{
    g_autoptr(GError) error = NULL;

    /* It fails at whatever it is asked for. */
    place_set_up(place, "/bin/false");
    g_assert_true(hf_container_change_begin(place->container, HF_CONTAINER_LOCK_EXCLUSIVE, NULL,
                                            change, &error));
    g_assert_no_error(error);
}

static void
tear_down(Place *place, HfContainerChange *change)
{
    hf_container_change_end(change);
    place_tear_down(place);
}

static void
assert_remains(const Place *place, const HfContainerChange *change, const char *id,
               HfProcessRemains expected)
{
    g_autoptr(GError) error = NULL;
    HfProcessRemains remains = HF_REMAINS_NONE;

    g_assert_true(hf_process_remains_look(place->container, change, id, &remains, &error));
    g_assert_no_error(error);
    g_assert_cmpint(remains, ==, expected);
}

static void
test_what_is_left_is_told(void)
{
    HfContainerChange change;
    Place place;
    set_up(&place, &change);

    assert_remains(&place, &change, "none", HF_REMAINS_NONE);
    assert_remains(&place, &change, "init", HF_REMAINS_HALF_MADE);
    hf_test_write_file(place.path, "pid", "");
    assert_remains(&place, &change, "init", HF_REMAINS_HALF_MADE);
    hf_test_write_file(place.path, "pid", "1");
    assert_remains(&place, &change, "init", HF_REMAINS_STARTED);
    tear_down(&place, &change);
}

static void
test_status_without_a_pid_is_of_a_process(void)
{
    HfContainerChange change;
    Place place;
    set_up(&place, &change);
    hf_test_write_file(place.path, "exitStatus", "255");

    assert_remains(&place, &change, "init", HF_REMAINS_STARTED);
    tear_down(&place, &change);
}

static void
test_monitor_without_a_process_is_starting(void)
{
    HfContainerChange change;
    Place place;
    set_up(&place, &change);
    hf_autofd lock_fd = place_lock(&place);

    assert_remains(&place, &change, "init", HF_REMAINS_STARTING);
    hf_close_fd(&lock_fd);
    tear_down(&place, &change);
}

static void
test_what_is_no_directory_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    HfContainerChange change;
    HfProcessRemains remains = HF_REMAINS_NONE;
    Place place;
    set_up(&place, &change);
    g_assert_cmpint(symlinkat("init", change.dir_fd, "link"), ==, 0);

    g_assert_false(hf_process_remains_look(place.container, &change, "link", &remains, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    tear_down(&place, &change);
}

/* A child as a starter leaves it: in the directory, with the container's id among its arguments. It
 * ends at the end of its standard input. */
static pid_t
start_in_flight(const Place *place, const char *argument, int input_fd)
{
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid > 0)
        return pid;
    if (fchdir(place->dir_fd) == 0 && dup2(input_fd, 0) == 0)
        (void)execl("/bin/sh", "sh", "-c", "read line", "sh", argument, (char *)NULL);
    _exit(127);
}

/* Until the child is what it is to become. */
static void
wait_for_exec(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int)pid);
    bool is_shell = false;

    while (!is_shell) {
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        is_shell = g_strcmp0(text, "sh") == 0;
        g_thread_yield();
    }
}

typedef struct {
    int input_fd; /* the end of the child's standard input */
    pid_t child;
    gint may_end;
    int wait_status;
} InFlight;

/* One who is in flight ends while another waits for him. */
static gpointer
end_it(gpointer data)
{
    InFlight *self = data;

    g_atomic_int_set(&self->may_end, 1);
    hf_close_fd(&self->input_fd);
    g_assert_cmpint(waitpid(self->child, &self->wait_status, 0), ==, self->child);
    return NULL;
}

static void
test_monitor_in_flight_is_waited_for(void)
{
    HfContainerChange change;
    InFlight in_flight = {.may_end = 0};
    int fds[2];
    Place place;
    set_up(&place, &change);
    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    in_flight.child = start_in_flight(&place, "c", fds[0]);
    in_flight.input_fd = fds[1];
    hf_close_fd(&fds[0]);
    wait_for_exec(in_flight.child);
    GThread *thread = g_thread_new("end", end_it, &in_flight);

    assert_remains(&place, &change, "init", HF_REMAINS_HALF_MADE);

    g_assert_cmpint(g_atomic_int_get(&in_flight.may_end), ==, 1);
    g_thread_join(thread);
    g_assert_true(WIFEXITED(in_flight.wait_status));
    tear_down(&place, &change);
}

static void
test_others_in_the_directory_are_not_waited_for(void)
{
    HfContainerChange change;
    int fds[2];
    Place place;
    set_up(&place, &change);
    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    pid_t shell = start_in_flight(&place, "unrelated", fds[0]);
    wait_for_exec(shell);

    assert_remains(&place, &change, "init", HF_REMAINS_HALF_MADE);

    g_assert_cmpint(waitpid(shell, NULL, WNOHANG), ==, 0);
    hf_close_fd(&fds[1]);
    hf_close_fd(&fds[0]);
    g_assert_cmpint(waitpid(shell, NULL, 0), ==, shell);
    tear_down(&place, &change);
}

static void
test_lock_that_is_none_is_not_waited_for(void)
{
    Place place;
    g_autoptr(GError) error = NULL;
    place_set_up(&place, "runc");
    g_assert_cmpint(mkdirat(place.dir_fd, "lock", 0700), ==, 0);

    g_assert_false(hf_process_remains_end_monitor(place.dir_fd, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==, "'lock' is not a regular file");
    place_tear_down(&place);
}

static void
test_half_made_exec_is_cleared_without_the_runtime(void)
{
    g_autoptr(GError) error = NULL;
    HfContainerChange change;
    Place place;
    set_up(&place, &change);
    g_assert_cmpint(renameat(change.dir_fd, "init", change.dir_fd, "e1"), ==, 0);

    g_assert_true(hf_process_remains_clear(place.container, &change, "e1", &error));

    g_assert_no_error(error);
    assert_remains(&place, &change, "e1", HF_REMAINS_NONE);
    tear_down(&place, &change);
}

static void
test_process_is_kept_when_the_runtime_fails(void)
{
    g_autoptr(GError) error = NULL;
    HfContainerChange change;
    Place place;
    set_up(&place, &change);

    g_assert_false(hf_process_remains_clear(place.container, &change, "init", &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_RUNTIME_FAILED);
    assert_remains(&place, &change, "init", HF_REMAINS_HALF_MADE);
    tear_down(&place, &change);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/library/process-remains/what-is-left-is-told", test_what_is_left_is_told);
    hf_test_add("/library/process-remains/lock-that-is-none-is-not-waited-for",
                test_lock_that_is_none_is_not_waited_for);
    hf_test_add("/library/process-remains/status-without-a-pid-is-of-a-process",
                test_status_without_a_pid_is_of_a_process);
    hf_test_add("/library/process-remains/monitor-without-a-process-is-starting",
                test_monitor_without_a_process_is_starting);
    hf_test_add("/library/process-remains/what-is-no-directory-is-refused",
                test_what_is_no_directory_is_refused);
    hf_test_add("/library/process-remains/monitor-in-flight-is-waited-for",
                test_monitor_in_flight_is_waited_for);
    hf_test_add("/library/process-remains/others-in-the-directory-are-not-waited-for",
                test_others_in_the_directory_are_not_waited_for);
    hf_test_add("/library/process-remains/half-made-exec-is-cleared-without-the-runtime",
                test_half_made_exec_is_cleared_without_the_runtime);
    /* Last: GLib keeps a descriptor for its own thread from the first command on. */
    g_test_add_func("/library/process-remains/process-is-kept-when-the-runtime-fails",
                    test_process_is_kept_when_the_runtime_fails);
    return g_test_run();
}
