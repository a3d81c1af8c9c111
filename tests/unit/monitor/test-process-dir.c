/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/process-ref.h"
#include "monitor/process-dir.h"
#include "test-kit.h"

static HfProcessDir *
open_dir(const char *path)
{
    g_autoptr(GError) error = NULL;
    HfProcessDir *dir = hf_process_dir_new(path, &error);

    g_assert_no_error(error);
    return dir;
}

static void
assert_refused(const char *path, GQuark domain, int code, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_process_dir_new(path, &error));
    g_assert_error(error, domain, code);
    g_assert_nonnull(strstr(error->message, words));
}

static void
assert_file_is(const char *dir, const char *name, const char *text)
{
    g_autofree char *found = hf_test_read_file(dir, name);

    g_assert_cmpstr(found, ==, text);
}

static void
test_directory_that_another_has_names_its_monitor(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfProcessDir) dir = open_dir(path);

    hf_test_write_file(path, "monitor.pid", "4711");
    assert_refused(path, HF_ERROR, HF_ERROR_EXISTS, "has a monitor, process 4711");
    g_clear_pointer(&dir, hf_process_dir_free);
    dir = open_dir(path);

    g_assert_nonnull(dir);
    hf_test_remove_dir(path);
}

static void
test_directories_that_are_not_ours_alone_are_refused(void)
{
    char *path = hf_test_make_dir();
    g_autofree char *file = g_build_filename(path, "file", NULL);

    hf_test_write_file(path, "file", "");
    assert_refused(file, G_FILE_ERROR, G_FILE_ERROR_NOTDIR, file);
    assert_refused("/no/such", G_FILE_ERROR, G_FILE_ERROR_NOENT, "/no/such");
    for (mode_t mode = 0720; mode <= 0722; mode += 2) {
        g_assert_cmpint(chmod(path, mode), ==, 0);
        assert_refused(path, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "others may write");
    }
    g_assert_false(hf_test_file_exists(path, "lock"));
    hf_test_remove_dir(path);
}

static void
test_each_answer_about_an_upgrade_has_another_number(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfProcessDir) dir = open_dir(path);

    g_assert_true(hf_process_dir_write_upgrade(dir, NULL, NULL));
    assert_file_is(path, "upgrade", "1\n");
    g_autofree char *version = hf_test_read_file(path, "monitor.version");
    g_assert_true(g_regex_match_simple("^[0-9.]+$", version, 0, 0));
    g_assert_true(hf_process_dir_write_upgrade(dir, "not today\nnever", NULL));
    assert_file_is(path, "upgrade", "2\nnot today\nnever\n");
    g_clear_pointer(&dir, hf_process_dir_free);
    dir = open_dir(path);
    g_autofree char *words = g_strnfill(100000, 'w');
    g_assert_true(hf_process_dir_write_upgrade(dir, words, NULL));
    g_assert_true(hf_process_dir_write_upgrade(dir, NULL, NULL));
    assert_file_is(path, "upgrade", "4\n");
    hf_test_write_file(path, "upgrade", "no number");
    g_assert_true(hf_process_dir_write_upgrade(dir, NULL, NULL));
    assert_file_is(path, "upgrade", "1\n");
    hf_test_remove_dir(path);
}

static void
assert_used(const HfProcessDir *dir, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_process_dir_check_unused(dir, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_directory_is_for_one_process(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfProcessDir) dir = open_dir(path);

    g_assert_true(hf_process_dir_check_unused(dir, NULL));
    hf_test_write_file(path, "pid", "");
    g_assert_true(hf_process_dir_check_unused(dir, NULL));
    hf_test_write_file(path, "pid", "12");
    assert_used(dir, "has a process already, 12");
    hf_test_write_file(path, "exitStatus", "3");
    assert_used(dir, "has ended, with status 3");

    hf_test_remove_dir(path);
}

static void
test_exit_hangs_up_when_the_directory_is_let_go(void)
{
    char *path = hf_test_make_dir();
    g_autofree char *fifo = g_build_filename(path, "exit", NULL);
    HfProcessDir *dir = open_dir(path);

    g_assert_true(hf_process_dir_hold_exit(dir, NULL));
    struct pollfd reader = {.fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    g_assert_cmpint(poll(&reader, 1, 0), ==, 0);
    hf_process_dir_free(dir);

    g_assert_cmpint(poll(&reader, 1, 0), ==, 1);
    g_assert_cmpint(reader.revents, ==, POLLHUP);
    hf_close_fd(&reader.fd);
    hf_test_remove_dir(path);
}

static void
test_numbers_are_decimal_without_a_newline(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfProcessDir) dir = open_dir(path);
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    guint64 ticks = 0;

    g_assert_true(hf_process_dir_write_monitor(dir, NULL));
    g_assert_true(hf_process_dir_write_start_time(dir, getpid(), NULL));
    g_assert_true(hf_process_dir_write_oom(dir, 18446744073709551615u, NULL));
    g_assert_true(hf_process_read_start_time(getpid(), &ticks, NULL));

    g_autofree char *start = g_strdup_printf("%" G_GUINT64_FORMAT, ticks);
    assert_file_is(path, "monitor.pid", pid);
    assert_file_is(path, "monitor.start", start);
    assert_file_is(path, "starttime", start);
    assert_file_is(path, "oom", "18446744073709551615");
    hf_test_remove_dir(path);
}

static void
test_unknown_exit_status_is_255(void)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {{0, "0"}, {42, "42"}, {137, "137"}, {-1, "255"}};
    char *path = hf_test_make_dir();
    g_autoptr(HfProcessDir) dir = open_dir(path);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_true(hf_process_dir_write_exit_status(dir, cases[i].status, NULL));
        assert_file_is(path, "exitStatus", cases[i].text);
    }

    hf_test_remove_dir(path);
}

static void
test_messages_go_to_the_directory_until_it_is_let_go(void)
{
    char *path = hf_test_make_dir();
    HfProcessDir *dir = open_dir(path);

    g_assert_false(hf_process_dir_has_messages(dir));
    g_assert_true(hf_process_dir_take_messages(dir, NULL));
    g_assert_true(hf_process_dir_has_messages(dir));
    hf_diag(HF_DIAG_WARNING, "hello");
    hf_process_dir_free(dir);
    hf_diag(HF_DIAG_WARNING, "# to stderr");

    g_autofree char *text = hf_test_read_file(path, "shim-log.json");
    g_assert_nonnull(strstr(text, "\"msg\":\"hello\""));
    g_assert_null(strstr(text, "stderr"));
    hf_test_remove_dir(path);
}

static void
test_runtime_log_is_read_as_it_is(void)
{
    char *path = hf_test_make_dir();
    g_autoptr(HfProcessDir) dir = open_dir(path);
    g_autofree char *missing = hf_process_dir_read_runtime_log(dir);

    hf_test_write_file(path, "log.json", "{}\n");
    g_autofree char *text = hf_process_dir_read_runtime_log(dir);

    g_assert_null(missing);
    g_assert_cmpstr(text, ==, "{}\n");
    hf_test_remove_dir(path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/process-dir/directory-that-another-has-names-its-monitor",
                test_directory_that_another_has_names_its_monitor);
    hf_test_add("/monitor/process-dir/each-answer-about-an-upgrade-has-another-number",
                test_each_answer_about_an_upgrade_has_another_number);
    hf_test_add("/monitor/process-dir/directories-that-are-not-ours-alone-are-refused",
                test_directories_that_are_not_ours_alone_are_refused);
    hf_test_add("/monitor/process-dir/directory-is-for-one-process",
                test_directory_is_for_one_process);
    hf_test_add("/monitor/process-dir/exit-hangs-up-when-the-directory-is-let-go",
                test_exit_hangs_up_when_the_directory_is_let_go);
    hf_test_add("/monitor/process-dir/numbers-are-decimal-without-a-newline",
                test_numbers_are_decimal_without_a_newline);
    hf_test_add("/monitor/process-dir/unknown-exit-status-is-255", test_unknown_exit_status_is_255);
    hf_test_add("/monitor/process-dir/messages-go-to-the-directory-until-it-is-let-go",
                test_messages_go_to_the_directory_until_it_is_let_go);
    hf_test_add("/monitor/process-dir/runtime-log-is-read-as-it-is",
                test_runtime_log_is_read_as_it_is);
    return g_test_run();
}
