/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-procs.h"
#include "test-kit.h"

static void
add_cgroup(const char *top, const char *name, const char *procs)
{
    g_autofree char *path = g_build_filename(top, name, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    hf_test_write_file(path, "cgroup.procs", procs);
}

static char *
show(const GArray *pids)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < pids->len; i++)
        g_string_append_printf(text, "%s%u", i == 0 ? "" : " ", g_array_index(pids, guint32, i));
    return g_string_free(text, FALSE);
}

static void
assert_pids(const HfCgroupDirs *dirs, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) pids = hf_cgroup_procs_read(dirs, 100, &error);

    g_assert_no_error(error);
    g_autofree char *shown = show(pids);
    g_assert_cmpstr(shown, ==, expected);
}

static void
test_pids_of_all_nested_cgroups_ascend(void)
{
    char *top = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = top};

    add_cgroup(top, ".", "300\n4194304\n");
    add_cgroup(top, "init.scope", "20\n");
    add_cgroup(top, "a/b", "1\n21\n");
    add_cgroup(top, "a", "");
    assert_pids(&dirs, "1 20 21 300 4194304");

    hf_test_remove_dir(top);
}

static void
test_process_that_moved_is_there_once(void)
{
    char *top = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = top};

    add_cgroup(top, ".", "20\n10\n");
    add_cgroup(top, "a", "20\n");
    assert_pids(&dirs, "10 20");

    hf_test_remove_dir(top);
}

static void
test_empty_cgroup_has_none(void)
{
    char *top = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = top};

    add_cgroup(top, ".", "");
    assert_pids(&dirs, "");

    hf_test_remove_dir(top);
}

static void
test_nested_threaded_cgroup_is_passed_over(void)
{
    char *top = hf_test_make_dir();
    g_autofree char *threaded = g_build_filename(top, "threaded", NULL);
    HfCgroupDirs dirs = {.unified = top};

    add_cgroup(top, ".", "7\n");
    g_assert_cmpint(g_mkdir_with_parents(threaded, 0700), ==, 0);
    assert_pids(&dirs, "7");

    hf_test_remove_dir(top);
}

static void
test_v1_hierarchy_of_devices_is_preferred(void)
{
    char *top = hf_test_make_dir();
    g_autofree char *devices = g_build_filename(top, "devices", NULL);
    g_autofree char *memory = g_build_filename(top, "memory", NULL);
    HfCgroupDirs dirs = {.v1 = {[HF_CGROUP_DEVICES] = devices, [HF_CGROUP_MEMORY] = memory}};

    add_cgroup(top, "devices", "7\n");
    add_cgroup(top, "memory", "8\n");
    assert_pids(&dirs, "7");
    dirs.v1[HF_CGROUP_DEVICES] = NULL;
    assert_pids(&dirs, "8");

    hf_test_remove_dir(top);
}

static void
assert_fails(const HfCgroupDirs *dirs, guint max, HfError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_procs_read(dirs, max, &error));
    g_assert_error(error, HF_ERROR, (int)code);
}

static void
test_more_than_asked_for_is_an_error(void)
{
    char *top = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = top};

    add_cgroup(top, ".", "1\n2\n");
    add_cgroup(top, "a", "3\n");
    assert_fails(&dirs, 2, HF_ERROR_LIMIT);
    assert_fails(&dirs, 0, HF_ERROR_LIMIT);

    hf_test_remove_dir(top);
}

static void
test_cgroup_that_is_gone_is_an_error(void)
{
    HfCgroupDirs dirs = {.unified = (char *)"/nonexistent/cgroup"};

    assert_fails(&dirs, 10, HF_ERROR_NOT_FOUND);
}

static void
test_garbage_is_an_error(void)
{
    char *top = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = top};

    add_cgroup(top, ".", "12\nx\n");
    assert_fails(&dirs, 10, HF_ERROR_PROTOCOL);

    hf_test_remove_dir(top);
}

static void
test_processes_of_other_pid_namespaces_are_left_out(void)
{
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_cgroup_procs_parse("0\n12\n0\n", 7, pids, &error));

    g_autofree char *shown = show(pids);
    g_assert_cmpstr(shown, ==, "12");
}

static void
test_what_is_no_list_of_pids_is_refused(void)
{
    static const char *const texts[] = {"\n",       "1 2\n",        "x\n",
                                        "1\n\n2\n", "2147483648\n", "18446744073709551616\n"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(guint32));
        g_autoptr(GError) error = NULL;

        g_test_message("case %u", i);
        g_assert_false(hf_cgroup_procs_parse(texts[i], strlen(texts[i]), pids, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    }
}

static void
test_own_process_is_in_its_cgroup(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCgroupDirs) dirs = hf_cgroup_dirs_new_for_process(getpid(), &error);
    guint found = 0;

    if (dirs == NULL) {
        g_test_skip(error->message);
        return;
    }
    g_autoptr(GArray) pids = hf_cgroup_procs_read(dirs, 1000000, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < pids->len; i++)
        found += g_array_index(pids, guint32, i) == (guint32)getpid();

    g_assert_cmpuint(found, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-procs/pids-of-all-nested-cgroups-ascend",
                test_pids_of_all_nested_cgroups_ascend);
    hf_test_add("/cgroup/cgroup-procs/process-that-moved-is-there-once",
                test_process_that_moved_is_there_once);
    hf_test_add("/cgroup/cgroup-procs/empty-cgroup-has-none", test_empty_cgroup_has_none);
    hf_test_add("/cgroup/cgroup-procs/nested-threaded-cgroup-is-passed-over",
                test_nested_threaded_cgroup_is_passed_over);
    hf_test_add("/cgroup/cgroup-procs/v1-hierarchy-of-devices-is-preferred",
                test_v1_hierarchy_of_devices_is_preferred);
    hf_test_add("/cgroup/cgroup-procs/more-than-asked-for-is-an-error",
                test_more_than_asked_for_is_an_error);
    hf_test_add("/cgroup/cgroup-procs/cgroup-that-is-gone-is-an-error",
                test_cgroup_that_is_gone_is_an_error);
    hf_test_add("/cgroup/cgroup-procs/garbage-is-an-error", test_garbage_is_an_error);
    hf_test_add("/cgroup/cgroup-procs/processes-of-other-pid-namespaces-are-left-out",
                test_processes_of_other_pid_namespaces_are_left_out);
    hf_test_add("/cgroup/cgroup-procs/what-is-no-list-of-pids-is-refused",
                test_what_is_no_list_of_pids_is_refused);
    hf_test_add("/cgroup/cgroup-procs/own-process-is-in-its-cgroup",
                test_own_process_is_in_its_cgroup);
    return g_test_run();
}
