/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "cgroup/cgroup-read.h"
#include "test-kit.h"

static HfCgroupDir *
open_dir(const char *path)
{
    g_autoptr(GError) error = NULL;
    HfCgroupDir *dir = hf_cgroup_dir_open(path, &error);

    g_assert_no_error(error);
    g_assert_nonnull(dir);
    return dir;
}

static void
test_file_is_parsed(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfCgroupDir) dir = open_dir(path);
    g_autoptr(GError) error = NULL;
    guint64 value = 0;
    bool has = false;

    hf_test_write_file(path, "pids.current", "42\n");
    g_assert_true(
        hf_cgroup_dir_read(dir, "pids.current", hf_cgroup_parse_number, &value, &has, &error));

    g_assert_no_error(error);
    g_assert_true(has);
    g_assert_cmpuint(value, ==, 42);
    hf_test_remove_dir(path);
}

static void
test_absent_file_is_no_error(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfCgroupDir) dir = open_dir(path);
    g_autoptr(GError) error = NULL;
    guint64 value = 7;
    bool has = true;

    g_assert_true(
        hf_cgroup_dir_read(dir, "pids.current", hf_cgroup_parse_number, &value, &has, &error));

    g_assert_no_error(error);
    g_assert_false(has);
    g_assert_cmpuint(value, ==, 7);
    hf_test_remove_dir(path);
}

static void
test_garbage_is_an_error_that_names_the_file(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfCgroupDir) dir = open_dir(path);
    g_autoptr(GError) error = NULL;
    g_autofree char *expected =
        g_strdup_printf("'%s/pids.current': it does not hold a number", path);
    guint64 value = 7;

    hf_test_write_file(path, "pids.current", "many\n");
    g_assert_false(
        hf_cgroup_dir_read(dir, "pids.current", hf_cgroup_parse_number, &value, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_cmpstr(error->message, ==, expected);
    hf_test_remove_dir(path);
}

static void
test_missing_directory_is_a_removed_cgroup(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_dir_open("/nonexistent/cgroup", &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "cgroup '/nonexistent/cgroup' does not exist");
}

static void
test_file_in_place_of_the_directory_is_an_error(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_dir_open("/proc/self/stat", &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
}

static void
test_cgroup_exists_while_it_has_its_processes(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfCgroupDir) dir = open_dir(path);
    g_autoptr(GError) error = NULL;
    g_autofree char *procs = g_build_filename(path, "cgroup.procs", NULL);

    hf_test_write_file(path, "cgroup.procs", "");
    g_assert_true(hf_cgroup_dir_check_exists(dir, &error));
    g_assert_no_error(error);
    g_assert_cmpint(unlink(procs), ==, 0);
    g_assert_false(hf_cgroup_dir_check_exists(dir, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    hf_test_remove_dir(path);
}

static void
test_text_up_to_the_limit(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfCgroupDir) dir = open_dir(path);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(10000, 'x');
    size_t length = 0;

    hf_test_write_file(path, "file", text);
    g_autofree char *whole = hf_cgroup_dir_read_text(dir, "file", 10000, &length, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(whole, ==, text);
    g_assert_cmpuint(length, ==, 10000);
    g_assert_null(hf_cgroup_dir_read_text(dir, "file", 9999, &length, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    hf_test_remove_dir(path);
}

static void
test_symbolic_link_is_not_followed(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfCgroupDir) dir = open_dir(path);
    g_autoptr(GError) error = NULL;
    g_autofree char *link_path = g_build_filename(path, "cpu.stat", NULL);
    size_t length = 0;

    g_assert_cmpint(symlink("/proc/self/stat", link_path), ==, 0);
    g_assert_null(hf_cgroup_dir_read_text(dir, "cpu.stat", 1000, &length, &error));

    g_assert_nonnull(error);
    hf_test_remove_dir(path);
}

static void
test_free_accepts_null(void)
{
    hf_cgroup_dir_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-read/file-is-parsed", test_file_is_parsed);
    hf_test_add("/cgroup/cgroup-read/absent-file-is-no-error", test_absent_file_is_no_error);
    hf_test_add("/cgroup/cgroup-read/garbage-is-an-error-that-names-the-file",
                test_garbage_is_an_error_that_names_the_file);
    hf_test_add("/cgroup/cgroup-read/missing-directory-is-a-removed-cgroup",
                test_missing_directory_is_a_removed_cgroup);
    hf_test_add("/cgroup/cgroup-read/file-in-place-of-the-directory-is-an-error",
                test_file_in_place_of_the_directory_is_an_error);
    hf_test_add("/cgroup/cgroup-read/cgroup-exists-while-it-has-its-processes",
                test_cgroup_exists_while_it_has_its_processes);
    hf_test_add("/cgroup/cgroup-read/text-up-to-the-limit", test_text_up_to_the_limit);
    hf_test_add("/cgroup/cgroup-read/symbolic-link-is-not-followed",
                test_symbolic_link_is_not_followed);
    hf_test_add("/cgroup/cgroup-read/free-accepts-null", test_free_accepts_null);
    return g_test_run();
}
