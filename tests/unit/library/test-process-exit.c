/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "process-place.h"

static void
assert_status(const Place *place, int expected)
{
    g_autoptr(GError) error = NULL;
    int status = -1;

    g_assert_true(hf_process_get_exit_status(place->process, &status, &error));
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, expected);
}

static void
assert_no_status(const Place *place, int code)
{
    g_autoptr(GError) error = NULL;
    int status = -1;

    g_assert_false(hf_process_get_exit_status(place->process, &status, &error));
    g_assert_error(error, HF_ERROR, code);
    g_assert_cmpint(status, ==, -1);
}

static void
test_status_is_what_the_file_says(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);
    hf_test_write_file(place.path, "exitStatus", "137\n");

    assert_status(&place, 137);
    g_assert_cmpint(hf_process_get_state(place.process), ==, HF_PROCESS_STATE_STOPPED);
    place_tear_down(&place);
}

static void
test_living_process_has_none(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_process(&place, getpid());

    assert_no_status(&place, HF_ERROR_PROCESS_NOT_EXITED);
    g_assert_cmpint(hf_process_get_state(place.process), ==, HF_PROCESS_STATE_RUNNING);
    place_tear_down(&place);
}

static void
test_process_that_was_never_there_has_none(void)
{
    Place place;
    place_set_up(&place, "runc");

    assert_no_status(&place, HF_ERROR_CONTAINER_NOT_STARTED);
    g_assert_cmpint(hf_process_get_state(place.process), ==, HF_PROCESS_STATE_CREATING);
    place_tear_down(&place);
}

static void
test_ended_process_of_a_living_monitor_has_none_yet(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);
    hf_autofd lock_fd = place_lock(&place);

    assert_no_status(&place, HF_ERROR_PROCESS_NOT_EXITED);
    hf_close_fd(&lock_fd);
    place_tear_down(&place);
}

static void
test_ended_process_of_a_living_shim_has_none_yet(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);
    place_make_fifo(&place, "exit");
    hf_autofd writer_fd = place_open_fifo(&place, "exit");

    assert_no_status(&place, HF_ERROR_PROCESS_NOT_EXITED);
    hf_close_fd(&writer_fd);
    place_tear_down(&place);
}

static void
test_status_that_nobody_wrote_is_unknown(void)
{
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);
    place_make_fifo(&place, "exit");

    assert_status(&place, HF_EXIT_STATUS_UNKNOWN);
    hf_test_write_file(place.path, "exitStatus", "");
    assert_status(&place, HF_EXIT_STATUS_UNKNOWN);
    place_tear_down(&place);
}

static void
test_nonsense_is_no_status(void)
{
    static const char *const texts[] = {"-1", "256", "1x", "x", " ", "18446744073709551616"};
    Place place;
    place_set_up(&place, "runc");
    place_write_ended(&place);

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        hf_test_write_file(place.path, "exitStatus", texts[i]);
        assert_no_status(&place, HF_ERROR_PROTOCOL);
    }
    place_tear_down(&place);
}

static void
test_status_of_a_process_without_a_pid_counts(void)
{
    Place place;
    place_set_up(&place, "runc");
    hf_test_write_file(place.path, "exitStatus", "255");

    assert_status(&place, 255);
    g_assert_cmpint(hf_process_get_state(place.process), ==, HF_PROCESS_STATE_STOPPED);
    place_tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/library/process-exit/status-is-what-the-file-says",
                test_status_is_what_the_file_says);
    hf_test_add("/library/process-exit/living-process-has-none", test_living_process_has_none);
    hf_test_add("/library/process-exit/process-that-was-never-there-has-none",
                test_process_that_was_never_there_has_none);
    hf_test_add("/library/process-exit/ended-process-of-a-living-monitor-has-none-yet",
                test_ended_process_of_a_living_monitor_has_none_yet);
    hf_test_add("/library/process-exit/ended-process-of-a-living-shim-has-none-yet",
                test_ended_process_of_a_living_shim_has_none_yet);
    hf_test_add("/library/process-exit/status-that-nobody-wrote-is-unknown",
                test_status_that_nobody_wrote_is_unknown);
    hf_test_add("/library/process-exit/nonsense-is-no-status", test_nonsense_is_no_status);
    hf_test_add("/library/process-exit/status-of-a-process-without-a-pid-counts",
                test_status_of_a_process_without_a_pid_counts);
    return g_test_run();
}
