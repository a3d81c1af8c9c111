/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "lib/test-kit.h"
#include "seccomp-agent/record-file.h"

static void
write_text(HfRecordFile *file, const char *text)
{
    g_autoptr(GError) error = NULL;

    (void)!hf_record_file_write(file, text, strlen(text), &error);
    g_assert_no_error(error);
}

static void
test_rotation(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "r", NULL);
    g_autoptr(GError) error = NULL;
    HfRecordFile *file = hf_record_file_new(path, 10, &error);

    g_assert_no_error(error);
    write_text(file, "12345\n");
    write_text(file, "abc\n");
    write_text(file, "x\n");
    hf_record_file_free(file);

    g_autofree char *full = hf_test_read_file(dir, "r.1");
    g_autofree char *new = hf_test_read_file(dir, "r");
    g_assert_cmpstr(full, ==, "12345\nabc\n");
    g_assert_cmpstr(new, ==, "x\n");
    hf_test_remove_dir(dir);
}

static void
test_append(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "r", NULL);
    struct stat status;

    for (int i = 0; i < 2; i++) {
        g_autoptr(HfRecordFile) file = hf_record_file_new(path, 100, NULL);

        write_text(file, "x\n");
    }

    g_autofree char *text = hf_test_read_file(dir, "r");
    g_assert_cmpstr(text, ==, "x\nx\n");
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
    hf_test_remove_dir(dir);
}

static void
test_link(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "r", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(symlink("victim", path), ==, 0);
    g_autoptr(HfRecordFile) file = hf_record_file_new(path, 100, &error);

    g_assert_null(file);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_LOOP);
    g_assert_false(hf_test_file_exists(dir, "victim"));
    hf_test_remove_dir(dir);
}

static void
test_full(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfRecordFile) file = hf_record_file_new("/dev/full", 100, &error);

    g_assert_null(file);
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/record-file/full-file-is-put-aside", test_rotation);
    hf_test_add("/seccomp-agent/record-file/appends-and-is-private", test_append);
    hf_test_add("/seccomp-agent/record-file/link-is-not-followed", test_link);
    hf_test_add("/seccomp-agent/record-file/device-is-refused", test_full);
    return g_test_run();
}
