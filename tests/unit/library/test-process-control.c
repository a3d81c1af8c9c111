/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <signal.h>
#include <string.h>

#include "process-place.h"

/* A place with a living process (this one) and a monitor's end of `control`. */
static int
set_up(Place *place)
{
    place_set_up(place, "runc");
    place_write_process(place, getpid());
    place_make_fifo(place, "control");
    return place_open_fifo(place, "control");
}

static void
assert_line(int fd, const char *expected)
{
    char line[64] = "";
    gssize length = read(fd, line, sizeof line - 1);

    g_assert_cmpint(length, ==, (gssize)strlen(expected));
    g_assert_cmpstr(line, ==, expected);
}

static void
test_requests_are_lines(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    hf_autofd fd = set_up(&place);

    g_assert_true(hf_process_close_stdin(place.process, &error));
    assert_line(fd, "0 0 0\n");
    g_assert_true(hf_process_resize(place.process, 80, 25, &error));
    assert_line(fd, "1 80 25\n");
    g_assert_true(hf_process_reopen_logs(place.process, &error));
    assert_line(fd, "2 0 0\n");
    hf_close_fd(&fd);
    place_tear_down(&place);
}

static void
test_size_has_a_bound(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    hf_autofd fd = set_up(&place);

    g_assert_false(hf_process_resize(place.process, 65536, 25, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    hf_close_fd(&fd);
    place_tear_down(&place);
}

static void
assert_is_refused(const Place *place, int code)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_process_reopen_logs(place->process, &error));
    g_assert_error(error, HF_ERROR, code);
}

static void
test_missing_monitor_is_told(void)
{
    Place place;
    hf_autofd fd = set_up(&place);
    hf_close_fd(&fd);

    assert_is_refused(&place, HF_ERROR_INVALID_STATE);
    g_assert_cmpint(unlinkat(place.dir_fd, "control", 0), ==, 0);
    assert_is_refused(&place, HF_ERROR_INVALID_STATE);
    place_tear_down(&place);
}

static void
test_full_fifo_is_told(void)
{
    static const char zeroes[4096];
    Place place;
    hf_autofd fd = set_up(&place);
    while (write(fd, zeroes, sizeof zeroes) > 0)
        continue;

    assert_is_refused(&place, HF_ERROR_BUSY);
    hf_close_fd(&fd);
    place_tear_down(&place);
}

static void
test_file_in_its_place_is_not_written_to(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_process(&place, getpid());
    hf_test_write_file(place.path, "control", "mine");

    assert_is_refused(&place, HF_ERROR_PROTOCOL);

    g_autofree char *text = hf_test_read_file(place.path, "control");
    g_assert_cmpstr(text, ==, "mine");
    place_tear_down(&place);
}

static void
test_ended_process_takes_nothing(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    hf_autofd fd = set_up(&place);
    place_write_ended(&place);

    assert_is_refused(&place, HF_ERROR_CONTAINER_EXITED);
    /* The pid is this program's. */
    g_assert_false(hf_process_signal(place.process, SIGKILL, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_CONTAINER_EXITED);
    hf_close_fd(&fd);
    place_tear_down(&place);
}

static void
test_signal_reaches_the_process(void)
{
    g_autoptr(GError) error = NULL;
    sigset_t signals, before, pending;
    Place place;
    hf_autofd fd = set_up(&place);
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    g_assert_cmpint(sigprocmask(SIG_BLOCK, &signals, &before), ==, 0);

    g_assert_true(hf_process_signal(place.process, SIGUSR1, &error));

    g_assert_cmpint(sigpending(&pending), ==, 0);
    g_assert_cmpint(sigismember(&pending, SIGUSR1), ==, 1);
    g_assert_cmpint(sigwaitinfo(&signals, NULL), ==, SIGUSR1);
    g_assert_cmpint(sigprocmask(SIG_SETMASK, &before, NULL), ==, 0);
    hf_close_fd(&fd);
    place_tear_down(&place);
}

static void
test_what_is_no_signal_is_refused(void)
{
    static const int numbers[] = {-1, 65, 1000};
    Place place;
    hf_autofd fd = set_up(&place);

    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_process_signal(place.process, numbers[i], &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
    hf_close_fd(&fd);
    place_tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/library/process-control/requests-are-lines", test_requests_are_lines);
    hf_test_add("/library/process-control/size-has-a-bound", test_size_has_a_bound);
    hf_test_add("/library/process-control/missing-monitor-is-told", test_missing_monitor_is_told);
    hf_test_add("/library/process-control/full-fifo-is-told", test_full_fifo_is_told);
    hf_test_add("/library/process-control/file-in-its-place-is-not-written-to",
                test_file_in_its_place_is_not_written_to);
    hf_test_add("/library/process-control/ended-process-takes-nothing",
                test_ended_process_takes_nothing);
    hf_test_add("/library/process-control/signal-reaches-the-process",
                test_signal_reaches_the_process);
    hf_test_add("/library/process-control/what-is-no-signal-is-refused",
                test_what_is_no_signal_is_refused);
    return g_test_run();
}
