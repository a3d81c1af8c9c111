/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "runtime/pid-file.h"
#include "test-kit.h"

/* Reads a file of @length bytes. */
static gboolean
read_text(const char *text, size_t length, pid_t *out_pid, GError **error)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "pid", NULL);

    g_assert_true(g_file_set_contents(path, text, (gssize)length, NULL));
    gboolean ok = hf_pid_file_read(path, out_pid, error);
    hf_test_remove_dir(dir);
    return ok;
}

static void
test_pids(void)
{
    static const struct {
        const char *text;
        pid_t pid;
    } cases[] = {
        {"1", 1},          {"4194304", 4194304}, {"42\n", 42}, {" 42", 42},
        {"\t42 \r\n", 42}, {"0042", 42},         {"  \n7", 7}, {"2147483647", 2147483647},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        pid_t pid = -1;

        g_assert_true(read_text(cases[i].text, strlen(cases[i].text), &pid, &error));
        g_assert_no_error(error);
        g_assert_cmpint(pid, ==, cases[i].pid);
    }
}

static void
test_what_is_no_pid(void)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"abc", 3},         {"12x", 3},
        {"12 13", 5},       {"-5", 2},
        {"+5", 2},          {"0", 1},
        {"1.5", 3},         {"0x10", 4},
        {"\0", 1},          {"12\0", 3},
        {"12\00034", 5},    {"2147483648", 10},
        {"4294967297", 10}, {"99999999999999999999999", 23},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        pid_t pid = -1;

        g_assert_false(read_text(cases[i].text, cases[i].length, &pid, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpint(pid, ==, -1);
    }
}

static void
test_empty_file_is_not_found(void)
{
    static const char *const texts[] = {"", "\n", "  \t\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        pid_t pid = -1;

        g_assert_false(read_text(texts[i], strlen(texts[i]), &pid, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
        g_assert_cmpint(pid, ==, -1);
    }
}

static void
test_missing_file_is_not_found(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "pid", NULL);
    g_autoptr(GError) error = NULL;
    pid_t pid = -1;

    g_assert_false(hf_pid_file_read(path, &pid, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, path));
    hf_test_remove_dir(dir);
}

static void
test_huge_file_is_no_pid(void)
{
    g_autofree char *text = g_strnfill(1 << 20, '1');
    g_autoptr(GError) error = NULL;
    pid_t pid = -1;

    g_assert_false(read_text(text, 1 << 20, &pid, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
}

static void
test_fifo_is_no_pid_and_does_not_block(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "pid", NULL);
    g_autoptr(GError) error = NULL;
    pid_t pid = -1;
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);

    g_assert_false(hf_pid_file_read(path, &pid, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    hf_test_remove_dir(dir);
}

static void
test_directory_is_no_pid(void)
{
    char *dir = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    pid_t pid = -1;

    g_assert_false(hf_pid_file_read(dir, &pid, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    hf_test_remove_dir(dir);
}

static void
test_failed_open_is_an_error_of_the_system(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "file", "pid", NULL);
    g_autoptr(GError) error = NULL;
    pid_t pid = -1;
    hf_test_write_file(dir, "file", "");

    g_assert_false(hf_pid_file_read(path, &pid, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
    hf_test_remove_dir(dir);
}

static void
test_write_is_decimal_without_newline(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "pid", NULL);
    g_autoptr(GError) error = NULL;
    GStatBuf status;

    g_assert_true(hf_pid_file_write(path, 12345, &error));

    g_assert_no_error(error);
    g_autofree char *text = hf_test_read_file(dir, "pid");
    g_assert_cmpstr(text, ==, "12345");
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 07777, ==, 0644);
    hf_test_remove_dir(dir);
}

static void
test_write_replaces_an_older_file(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "pid", NULL);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(dir, "pid", "999999999");

    g_assert_true(hf_pid_file_write(path, 7, &error));

    g_assert_no_error(error);
    g_autofree char *text = hf_test_read_file(dir, "pid");
    g_assert_cmpstr(text, ==, "7");
    hf_test_remove_dir(dir);
}

static void
test_write_into_a_missing_directory(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "none", "pid", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_pid_file_write(path, 7, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/runtime/pid-file/pids", test_pids);
    hf_test_add("/runtime/pid-file/what-is-no-pid", test_what_is_no_pid);
    hf_test_add("/runtime/pid-file/empty-file-is-not-found", test_empty_file_is_not_found);
    hf_test_add("/runtime/pid-file/missing-file-is-not-found", test_missing_file_is_not_found);
    hf_test_add("/runtime/pid-file/huge-file-is-no-pid", test_huge_file_is_no_pid);
    hf_test_add("/runtime/pid-file/fifo-is-no-pid-and-does-not-block",
                test_fifo_is_no_pid_and_does_not_block);
    hf_test_add("/runtime/pid-file/directory-is-no-pid", test_directory_is_no_pid);
    hf_test_add("/runtime/pid-file/failed-open-is-an-error-of-the-system",
                test_failed_open_is_an_error_of_the_system);
    hf_test_add("/runtime/pid-file/write-is-decimal-without-newline",
                test_write_is_decimal_without_newline);
    hf_test_add("/runtime/pid-file/write-replaces-an-older-file",
                test_write_replaces_an_older_file);
    hf_test_add("/runtime/pid-file/write-into-a-missing-directory",
                test_write_into_a_missing_directory);
    return g_test_run();
}
