/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <unistd.h>

#include "monitor/exit-report.h"
#include "test-kit.h"

static void
test_status_goes_to_both_places(void)
{
    char *dir = hf_test_make_dir();
    char *persist = hf_test_make_dir();
    HfExitPlaces places = {.persist_dir = persist, .exit_dir = dir, .container_id = "cid"};
    g_autoptr(GError) error = NULL;

    gboolean ok = hf_exit_report_write(&places, -1, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    g_autofree char *in_persist = hf_test_read_file(persist, "exit");
    g_autofree char *in_exit_dir = hf_test_read_file(dir, "cid");
    g_assert_cmpstr(in_persist, ==, "-1");
    g_assert_cmpstr(in_exit_dir, ==, "-1");
    hf_test_remove_dir(dir);
    hf_test_remove_dir(persist);
}

static void
test_one_place_failing_leaves_the_other(void)
{
    char *dir = hf_test_make_dir();
    HfExitPlaces places = {.persist_dir = "/no/such", .exit_dir = dir, .container_id = "cid"};
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_exit_report_write(&places, 137, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_autofree char *text = hf_test_read_file(dir, "cid");
    g_assert_cmpstr(text, ==, "137");
    hf_test_remove_dir(dir);
}

static void
test_no_place_is_no_error(void)
{
    HfExitPlaces places = {.container_id = "cid"};
    g_autoptr(GError) error = NULL;

    gboolean ok = hf_exit_report_write(&places, 0, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

static void
test_old_status_is_replaced(void)
{
    char *dir = hf_test_make_dir();
    HfExitPlaces places = {.exit_dir = dir, .container_id = "cid"};

    hf_test_write_file(dir, "cid", "12345");
    g_assert_true(hf_exit_report_write(&places, 0, NULL));

    g_autofree char *text = hf_test_read_file(dir, "cid");
    g_assert_cmpstr(text, ==, "0");
    hf_test_remove_dir(dir);
}

static void
test_oom_marks_are_empty_files(void)
{
    char *bundle = hf_test_make_dir();
    char *persist = hf_test_make_dir();
    HfExitPlaces places = {.persist_dir = persist, .bundle = bundle, .container_id = "cid"};

    g_assert_true(hf_exit_report_oom(&places, NULL));

    g_autofree char *in_persist = hf_test_read_file(persist, "oom");
    g_autofree char *in_bundle = hf_test_read_file(bundle, "oom");
    g_assert_cmpstr(in_persist, ==, "");
    g_assert_cmpstr(in_bundle, ==, "");
    hf_test_remove_dir(bundle);
    hf_test_remove_dir(persist);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/exit-report/status-goes-to-both-places", test_status_goes_to_both_places);
    hf_test_add("/monitor/exit-report/one-place-failing-leaves-the-other",
                test_one_place_failing_leaves_the_other);
    hf_test_add("/monitor/exit-report/no-place-is-no-error", test_no_place_is_no_error);
    hf_test_add("/monitor/exit-report/old-status-is-replaced", test_old_status_is_replaced);
    hf_test_add("/monitor/exit-report/oom-marks-are-empty-files", test_oom_marks_are_empty_files);
    return g_test_run();
}
