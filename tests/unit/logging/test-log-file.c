/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "log-kit.h"
#include "logging/log-file.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    char *path;
    HfLogFile *file;
} Fixture;

static Fixture
set_up(const char *contents)
{
    Fixture fixture = {.dir = hf_test_make_dir()};

    fixture.path = g_build_filename(fixture.dir, "ctr.log", NULL);
    if (contents != NULL)
        hf_test_write_file(fixture.dir, "ctr.log", contents);
    return fixture;
}

static void
open_file(Fixture *fixture, gint64 size_max, guint files_max)
{
    g_autoptr(GError) error = NULL;

    fixture->file = hf_log_file_new(fixture->path, size_max, files_max, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture)
{
    hf_log_file_free(fixture->file);
    g_free(fixture->path);
    hf_test_remove_dir(fixture->dir);
}

static void
assert_file(const Fixture *fixture, const char *name, const char *expected)
{
    g_autofree char *path = g_build_filename(fixture->dir, name, NULL);

    log_kit_assert_contents(path, expected);
}

/* All of @lines is written, without an error. */
static void
write_lines(Fixture *fixture, const char *lines)
{
    g_autoptr(GError) error = NULL;
    size_t n = 0;
    HfIoResult result = hf_log_file_write(fixture->file, lines, strlen(lines), &n, &error);

    g_assert_no_error(error);
    g_assert_cmpint(result, ==, HF_IO_DATA);
    g_assert_cmpuint(n, ==, strlen(lines));
}

static void
test_new_file_is_created_with_mode_0640(void)
{
    Fixture fixture = set_up(NULL);
    mode_t mask = umask(0022);
    struct stat status;

    open_file(&fixture, 0, 1);
    write_lines(&fixture, "one\n");

    g_assert_no_errno(stat(fixture.path, &status));
    g_assert_cmpuint(status.st_mode & 07777, ==, 0640);
    assert_file(&fixture, "ctr.log", "one\n");
    umask(mask);
    tear_down(&fixture);
}

static void
test_existing_file_is_appended_to(void)
{
    Fixture fixture = set_up("old\n");

    open_file(&fixture, 0, 1);
    write_lines(&fixture, "new\n");

    assert_file(&fixture, "ctr.log", "old\nnew\n");
    tear_down(&fixture);
}

static void
test_incomplete_line_of_a_predecessor_gets_a_newline(void)
{
    Fixture fixture = set_up("old\nhal");

    open_file(&fixture, 0, 1);
    assert_file(&fixture, "ctr.log", "old\nhal");
    write_lines(&fixture, "new\n");
    write_lines(&fixture, "newer\n");

    assert_file(&fixture, "ctr.log", "old\nhal\nnew\nnewer\n");
    tear_down(&fixture);
}

static void
test_missing_directory_is_an_error(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    g_autofree char *path = g_build_filename(fixture.dir, "none", "ctr.log", NULL);

    g_assert_null(hf_log_file_new(path, 0, 1, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    tear_down(&fixture);
}

static void
test_directory_in_place_of_the_file_is_an_error(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);

    g_assert_null(hf_log_file_new(fixture.dir, 0, 1, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    tear_down(&fixture);
}

static void
test_full_file_is_put_aside(void)
{
    Fixture fixture = set_up(NULL);

    open_file(&fixture, 8, 2);
    write_lines(&fixture, "one\n");
    write_lines(&fixture, "two\n");
    assert_file(&fixture, "ctr.log", "one\ntwo\n");
    write_lines(&fixture, "three\n");

    assert_file(&fixture, "ctr.log", "three\n");
    assert_file(&fixture, "ctr.log.1", "one\ntwo\n");
    tear_down(&fixture);
}

static void
test_lines_of_one_write_are_spread_over_files(void)
{
    Fixture fixture = set_up(NULL);

    open_file(&fixture, 10, 9);
    write_lines(&fixture, "one\ntwo\nthree\nfour\nfive\n");

    assert_file(&fixture, "ctr.log.2", "one\ntwo\n");
    assert_file(&fixture, "ctr.log.1", "three\n");
    assert_file(&fixture, "ctr.log", "four\nfive\n");
    tear_down(&fixture);
}

static void
test_only_files_max_files_are_kept(void)
{
    Fixture fixture = set_up(NULL);

    open_file(&fixture, 2, 2);
    write_lines(&fixture, "1\n2\n3\n4\n5\n");

    assert_file(&fixture, "ctr.log", "5\n");
    assert_file(&fixture, "ctr.log.1", "4\n");
    assert_file(&fixture, "ctr.log.2", "3\n");
    g_assert_false(hf_test_file_exists(fixture.dir, "ctr.log.3"));
    tear_down(&fixture);
}

static void
test_line_larger_than_the_limit_has_a_file_of_its_own(void)
{
    Fixture fixture = set_up(NULL);

    open_file(&fixture, 4, 9);
    write_lines(&fixture, "a\nlong line\nb\n");

    assert_file(&fixture, "ctr.log.2", "a\n");
    assert_file(&fixture, "ctr.log.1", "long line\n");
    assert_file(&fixture, "ctr.log", "b\n");
    tear_down(&fixture);
}

static void
test_size_of_an_existing_file_counts(void)
{
    Fixture fixture = set_up("old one\n");

    open_file(&fixture, 10, 1);
    write_lines(&fixture, "new\n");

    assert_file(&fixture, "ctr.log", "new\n");
    assert_file(&fixture, "ctr.log.1", "old one\n");
    tear_down(&fixture);
}

static void
test_truncation_by_somebody_else_is_noticed(void)
{
    Fixture fixture = set_up(NULL);

    open_file(&fixture, 10, 1);
    write_lines(&fixture, "12345678\n");
    g_assert_no_errno(truncate(fixture.path, 0));
    write_lines(&fixture, "new\n");

    assert_file(&fixture, "ctr.log", "new\n");
    g_assert_false(hf_test_file_exists(fixture.dir, "ctr.log.1"));
    tear_down(&fixture);
}

static void
test_file_that_cannot_be_rotated_is_written_on(void)
{
    Fixture fixture = set_up(NULL);
    g_autofree char *obstacle = g_build_filename(fixture.dir, "ctr.log.1", NULL);

    g_assert_no_errno(mkdir(obstacle, 0700));
    open_file(&fixture, 4, 1);
    write_lines(&fixture, "one\ntwo\nthree\n");
    const GError *while_blocked = hf_log_file_get_rotation_error(fixture.file);
    g_assert_error(while_blocked, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    assert_file(&fixture, "ctr.log", "one\ntwo\nthree\n");
    g_assert_no_errno(rmdir(obstacle));
    write_lines(&fixture, "four\n");

    g_assert_null(hf_log_file_get_rotation_error(fixture.file));
    assert_file(&fixture, "ctr.log.1", "one\ntwo\nthree\n");
    assert_file(&fixture, "ctr.log", "four\n");
    tear_down(&fixture);
}

/* No descriptor of @count or higher can be opened. Returns the old limit. */
static rlim_t
limit_descriptors(rlim_t count)
{
    struct rlimit limit;

    g_assert_no_errno(getrlimit(RLIMIT_NOFILE, &limit));
    rlim_t old = limit.rlim_cur;
    limit.rlim_cur = count;
    g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &limit));
    return old;
}

static void
test_name_is_given_back_if_there_can_be_no_new_file(void)
{
    if (hf_test_skip_under_valgrind("hand resource limits on"))
        return;

    Fixture fixture = set_up(NULL);

    open_file(&fixture, 4, 1);
    write_lines(&fixture, "one\n");
    rlim_t old = limit_descriptors(0);
    write_lines(&fixture, "two\n");
    limit_descriptors(old);

    const GError *error = hf_log_file_get_rotation_error(fixture.file);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_MFILE);
    assert_file(&fixture, "ctr.log", "one\ntwo\n");
    g_assert_false(hf_test_file_exists(fixture.dir, "ctr.log.1"));
    tear_down(&fixture);
}

static void
test_full_file_that_was_renamed_is_left_alone(void)
{
    Fixture fixture = set_up(NULL);
    g_autofree char *renamed = g_strconcat(fixture.path, ".20261123", NULL);

    open_file(&fixture, 4, 1);
    write_lines(&fixture, "one\n");
    g_assert_no_errno(rename(fixture.path, renamed));
    write_lines(&fixture, "two\n");

    assert_file(&fixture, "ctr.log.20261123", "one\n");
    assert_file(&fixture, "ctr.log", "two\n");
    g_assert_false(hf_test_file_exists(fixture.dir, "ctr.log.1"));
    tear_down(&fixture);
}

static void
test_file_of_somebody_else_is_appended_to_and_not_rotated(void)
{
    Fixture fixture = set_up(NULL);

    open_file(&fixture, 8, 1);
    write_lines(&fixture, "1234567\n");
    g_assert_no_errno(unlink(fixture.path));
    hf_test_write_file(fixture.dir, "ctr.log", "hal");
    write_lines(&fixture, "two\n");

    assert_file(&fixture, "ctr.log", "hal\ntwo\n");
    g_assert_false(hf_test_file_exists(fixture.dir, "ctr.log.1"));
    tear_down(&fixture);
}

static void
test_short_write_is_completed_from_the_exact_byte(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    size_t n = 0;

    open_file(&fixture, 0, 1);
    log_kit_limit_files(6);
    HfIoResult result = hf_log_file_write(fixture.file, "one\ntwo\n", 8, &n, &error);
    log_kit_limit_files(RLIM_INFINITY);
    bool was_torn = hf_log_file_is_torn(fixture.file);
    write_lines(&fixture, &"one\ntwo\n"[n]);

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED);
    g_assert_cmpint(result, ==, HF_IO_FAILED);
    g_assert_cmpuint(n, ==, 6);
    g_assert_true(was_torn);
    g_assert_false(hf_log_file_is_torn(fixture.file));
    assert_file(&fixture, "ctr.log", "one\ntwo\n");
    tear_down(&fixture);
}

static void
test_torn_line_is_completed_in_its_file_beyond_the_limit(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    size_t n = 0;

    open_file(&fixture, 4, 1);
    log_kit_limit_files(6);
    g_assert_cmpint(hf_log_file_write(fixture.file, "long one\n", 9, &n, &error), ==, HF_IO_FAILED);
    log_kit_limit_files(RLIM_INFINITY);
    write_lines(&fixture, "ne\ntwo\n");

    assert_file(&fixture, "ctr.log.1", "long one\n");
    assert_file(&fixture, "ctr.log", "two\n");
    tear_down(&fixture);
}

/* The events of @mask that were raised for @name in the watched directory. */
static bool
was_raised(int inotify_fd, uint32_t mask, const char *name)
{
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t length = read(inotify_fd, buffer, sizeof buffer);

    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(buffer + at);

        if ((event->mask & mask) != 0 && event->len > 0 && g_str_equal(event->name, name))
            return true;
        at += (ssize_t)(sizeof *event + event->len);
    }
    return false;
}

static int
watch_dir(const Fixture *fixture)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(inotify_add_watch(fd, fixture->dir, IN_CREATE | IN_MODIFY), >=, 0);
    return fd;
}

static void
test_reopen_after_a_rename_creates_the_file(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    g_autofree char *renamed = g_strconcat(fixture.path, ".old", NULL);
    bool is_same = true;

    open_file(&fixture, 0, 1);
    write_lines(&fixture, "one\n");
    g_assert_no_errno(rename(fixture.path, renamed));
    hf_autofd watch = watch_dir(&fixture);
    gboolean ok = hf_log_file_reopen(fixture.file, &is_same, &error);
    bool was_created = was_raised(watch, IN_CREATE, "ctr.log");
    write_lines(&fixture, "two\n");

    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_false(is_same);
    g_assert_true(was_created);
    assert_file(&fixture, "ctr.log.old", "one\n");
    assert_file(&fixture, "ctr.log", "two\n");
    tear_down(&fixture);
}

static void
test_reopen_without_a_rename_loses_nothing_and_raises_modify(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    bool is_same = false;

    open_file(&fixture, 0, 1);
    write_lines(&fixture, "one\n");
    hf_autofd watch = watch_dir(&fixture);
    gboolean ok = hf_log_file_reopen(fixture.file, &is_same, &error);
    bool was_modified = was_raised(watch, IN_MODIFY, "ctr.log");
    write_lines(&fixture, "two\n");

    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_true(is_same);
    g_assert_true(was_modified);
    assert_file(&fixture, "ctr.log", "one\ntwo\n");
    tear_down(&fixture);
}

static void
test_reopen_of_another_existing_file_raises_modify(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    bool is_same = true;

    open_file(&fixture, 0, 1);
    g_assert_no_errno(unlink(fixture.path));
    hf_test_write_file(fixture.dir, "ctr.log", "old\n");
    hf_autofd watch = watch_dir(&fixture);
    g_assert_true(hf_log_file_reopen(fixture.file, &is_same, &error));
    bool was_modified = was_raised(watch, IN_MODIFY, "ctr.log");

    g_assert_no_error(error);
    g_assert_false(is_same);
    g_assert_true(was_modified);
    assert_file(&fixture, "ctr.log", "old\n");
    tear_down(&fixture);
}

static void
test_failed_reopen_keeps_the_old_file(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    g_autofree char *renamed = g_strconcat(fixture.path, ".old", NULL);
    bool is_same;

    open_file(&fixture, 0, 1);
    write_lines(&fixture, "one\n");
    g_assert_no_errno(rename(fixture.path, renamed));
    g_assert_no_errno(mkdir(fixture.path, 0700));
    gboolean ok = hf_log_file_reopen(fixture.file, &is_same, &error);
    write_lines(&fixture, "two\n");

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    g_assert_false(ok);
    assert_file(&fixture, "ctr.log.old", "one\ntwo\n");
    tear_down(&fixture);
}

static void
test_relative_path_outlives_a_change_of_directory(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    g_autofree char *directory = g_get_current_dir();

    g_assert_no_errno(chdir(fixture.dir));
    fixture.file = hf_log_file_new("ctr.log", 4, 1, &error);
    g_assert_no_error(error);
    g_assert_no_errno(chdir(directory));
    write_lines(&fixture, "one\n");
    write_lines(&fixture, "two\n");

    assert_file(&fixture, "ctr.log.1", "one\n");
    assert_file(&fixture, "ctr.log", "two\n");
    tear_down(&fixture);
}

static void
test_fifo_without_a_reader_takes_what_it_holds(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up(NULL);
    g_autofree char *lines = g_strnfill(1024 * 1024, '\n');
    size_t n = 0;

    g_assert_no_errno(mkfifo(fixture.path, 0600));
    open_file(&fixture, 10, 1);
    HfIoResult result = hf_log_file_write(fixture.file, lines, 1024 * 1024, &n, &error);

    g_assert_no_error(error);
    g_assert_true(hf_log_file_is_stream(fixture.file));
    g_assert_cmpint(result, ==, HF_IO_AGAIN);
    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(n, <, 1024 * 1024);
    tear_down(&fixture);
}

static void
test_fifo_is_not_rotated(void)
{
    Fixture fixture = set_up(NULL);
    char buffer[32] = {0};

    g_assert_no_errno(mkfifo(fixture.path, 0600));
    open_file(&fixture, 4, 1);
    hf_autofd reader = open(fixture.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    write_lines(&fixture, "one\ntwo\n");
    write_lines(&fixture, "three\n");

    g_assert_cmpint(read(reader, buffer, sizeof buffer - 1), ==, 14);
    g_assert_cmpstr(buffer, ==, "one\ntwo\nthree\n");
    g_assert_false(hf_test_file_exists(fixture.dir, "ctr.log.1"));
    tear_down(&fixture);
}

static void
test_full_device_is_an_error(void)
{
    g_autoptr(GError) error = NULL;
    size_t n = 1;
    g_autoptr(HfLogFile) file = hf_log_file_new("/dev/full", 10, 1, &error);

    g_assert_no_error(error);
    HfIoResult result = hf_log_file_write(file, "one\n", 4, &n, &error);

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    g_assert_cmpint(result, ==, HF_IO_FAILED);
    g_assert_cmpuint(n, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/log-file/" name, function)
    ADD("new-file-is-created-with-mode-0640", test_new_file_is_created_with_mode_0640);
    ADD("existing-file-is-appended-to", test_existing_file_is_appended_to);
    ADD("incomplete-line-of-a-predecessor-gets-a-newline",
        test_incomplete_line_of_a_predecessor_gets_a_newline);
    ADD("missing-directory-is-an-error", test_missing_directory_is_an_error);
    ADD("directory-in-place-of-the-file-is-an-error",
        test_directory_in_place_of_the_file_is_an_error);
    ADD("full-file-is-put-aside", test_full_file_is_put_aside);
    ADD("lines-of-one-write-are-spread-over-files", test_lines_of_one_write_are_spread_over_files);
    ADD("only-files-max-files-are-kept", test_only_files_max_files_are_kept);
    ADD("line-larger-than-the-limit-has-a-file-of-its-own",
        test_line_larger_than_the_limit_has_a_file_of_its_own);
    ADD("size-of-an-existing-file-counts", test_size_of_an_existing_file_counts);
    ADD("truncation-by-somebody-else-is-noticed", test_truncation_by_somebody_else_is_noticed);
    ADD("file-that-cannot-be-rotated-is-written-on",
        test_file_that_cannot_be_rotated_is_written_on);
    ADD("name-is-given-back-if-there-can-be-no-new-file",
        test_name_is_given_back_if_there_can_be_no_new_file);
    ADD("full-file-that-was-renamed-is-left-alone", test_full_file_that_was_renamed_is_left_alone);
    ADD("file-of-somebody-else-is-appended-to-and-not-rotated",
        test_file_of_somebody_else_is_appended_to_and_not_rotated);
    ADD("short-write-is-completed-from-the-exact-byte",
        test_short_write_is_completed_from_the_exact_byte);
    ADD("torn-line-is-completed-in-its-file-beyond-the-limit",
        test_torn_line_is_completed_in_its_file_beyond_the_limit);
    ADD("reopen-after-a-rename-creates-the-file", test_reopen_after_a_rename_creates_the_file);
    ADD("reopen-without-a-rename-loses-nothing-and-raises-modify",
        test_reopen_without_a_rename_loses_nothing_and_raises_modify);
    ADD("reopen-of-another-existing-file-raises-modify",
        test_reopen_of_another_existing_file_raises_modify);
    ADD("failed-reopen-keeps-the-old-file", test_failed_reopen_keeps_the_old_file);
    ADD("relative-path-outlives-a-change-of-directory",
        test_relative_path_outlives_a_change_of_directory);
    ADD("fifo-without-a-reader-takes-what-it-holds",
        test_fifo_without_a_reader_takes_what_it_holds);
    ADD("fifo-is-not-rotated", test_fifo_is_not_rotated);
    ADD("full-device-is-an-error", test_full_device_is_an_error);
    return g_test_run();
}
