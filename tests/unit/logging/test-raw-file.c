/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "log-kit.h"
#include "logging/log-mark.h"
#include "logging/raw-file.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    char *path;
    HfLogSink *sink;
} Fixture;

static Fixture
set_up(void)
{
    Fixture fixture = {.dir = hf_test_make_dir()};

    fixture.path = g_build_filename(fixture.dir, "out", NULL);
    return fixture;
}

static void
open_sink(Fixture *fixture, HfFileSinkOptions options)
{
    g_autoptr(GError) error = NULL;

    options.path = fixture->path;
    options.files_max = 1000;
    fixture->sink = hf_raw_file_new(&options, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture)
{
    hf_log_sink_free(fixture->sink);
    g_free(fixture->path);
    hf_test_remove_dir(fixture->dir);
}

static void
append(Fixture *fixture, const char *bytes, size_t length, bool is_partial)
{
    HfLogRecord record = {.bytes = bytes, .length = length, .is_partial = is_partial};

    fixture->sink->klass->append(fixture->sink, &record);
}

static HfIoResult
flush(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    return fixture->sink->klass->flush(fixture->sink, &error);
}

static void
test_bytes_are_as_they_are(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "a\0\xff", 3, false);
    append(&fixture, "part", 4, true);
    append(&fixture, "", 0, true);
    append(&fixture, "", 0, false);
    append(&fixture, "end", 3, true);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    GString *log = log_kit_read(fixture.path);
    log_kit_assert_bytes(log->str, log->len, "a\0\xff\npart\nend", 12);
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_what_is_there_is_gone_on_with(void)
{
    Fixture fixture = set_up();

    hf_test_write_file(fixture.dir, "out", "half");
    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "-line", 5, false);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    log_kit_assert_contents(fixture.path, "half-line\n");
    tear_down(&fixture);
}

static void
test_rotation_cuts_behind_lines(void)
{
    Fixture fixture = set_up();
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autofree char *first = g_strconcat(fixture.path, ".1", NULL);

    open_sink(&fixture, (HfFileSinkOptions){.size_max = 100});
    for (guint i = 0; i < 300; i++) {
        append(&fixture, "0123456789", 10, i % 3 != 0);
        g_string_append(expected, i % 3 != 0 ? "0123456789" : "0123456789\n");
        g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    }

    GString *log = log_kit_read_rotated(fixture.path);
    GString *rotated = log_kit_read(first);
    g_assert_cmpstr(log->str, ==, expected->str);
    g_assert_cmpint(rotated->str[rotated->len - 1], ==, '\n');
    g_string_free(log, TRUE);
    g_string_free(rotated, TRUE);
    tear_down(&fixture);
}

static void
test_reopen_within_a_line_goes_on_in_the_new_file(void)
{
    Fixture fixture = set_up();
    g_autofree char *moved = g_strconcat(fixture.path, ".old", NULL);

    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "be", 2, true);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    g_assert_no_errno(rename(fixture.path, moved));
    g_assert_true(fixture.sink->klass->reopen(fixture.sink, NULL));
    append(&fixture, "gin", 3, false);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    log_kit_assert_contents(moved, "be");
    log_kit_assert_contents(fixture.path, "gin\n");
    tear_down(&fixture);
}

static void
test_loss_is_told_on_a_line_of_its_own(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(2);
    append(&fixture, "ab", 2, true);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    append(&fixture, "cd", 2, false);
    append(&fixture, "ef", 2, false);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_FAILED);
    fixture.sink->klass->drop_pending(fixture.sink);
    log_kit_limit_files(RLIM_INFINITY);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    GString *log = log_kit_read(fixture.path);
    g_assert_true(g_str_has_prefix(log->str, "abcd\nholdfast: 2 bytes in 1 records "));
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_fifo_is_made_and_written_to(void)
{
    Fixture fixture = set_up();
    struct stat status;
    char buffer[16];

    open_sink(&fixture, (HfFileSinkOptions){.is_fifo = true});
    append(&fixture, "one", 3, false);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    g_assert_no_errno(stat(fixture.path, &status));
    g_assert_true(S_ISFIFO(status.st_mode));
    g_assert_cmpint(status.st_mode & 0777, ==, 0640);
    hf_autofd reader = open(fixture.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(read(reader, buffer, sizeof buffer), ==, 4);
    g_assert_cmpmem(buffer, 4, "one\n", 4);
    tear_down(&fixture);
}

static void
test_fifo_that_is_a_file_is_refused(void)
{
    Fixture fixture = set_up();
    HfFileSinkOptions options = {.path = fixture.path, .files_max = 1, .is_fifo = true};
    g_autoptr(GError) error = NULL;

    hf_test_write_file(fixture.dir, "out", "");
    g_assert_null(hf_raw_file_new(&options, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    tear_down(&fixture);
}

static void
test_full_fifo_has_a_descriptor_to_wait_for(void)
{
    Fixture fixture = set_up();
    g_autofree char *flood = g_strnfill(100000, 'x');

    open_sink(&fixture, (HfFileSinkOptions){.is_fifo = true});
    append(&fixture, flood, strlen(flood), false);

    g_assert_cmpint(flush(&fixture), ==, HF_IO_AGAIN);
    g_assert_cmpint(fixture.sink->klass->get_wait_fd(fixture.sink), >=, 0);
    g_assert_true(fixture.sink->klass->is_lossy(fixture.sink));
    tear_down(&fixture);
}

/* Its writer was killed before he could mark what he had written. */
static void
test_part_that_was_written_by_one_who_was_killed_is_not_written_again(void)
{
    Fixture fixture = set_up();
    HfLogMark mark = {0};
    guint64 handed[HF_STREAM_COUNT] = {[HF_STREAM_STDOUT] = 1};

    open_sink(&fixture, (HfFileSinkOptions){.mark = &mark});
    append(&fixture, "a", 1, true);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    HfLogMark before = mark;
    append(&fixture, "part", 4, true);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    hf_log_sink_free(fixture.sink);

    open_sink(&fixture, (HfFileSinkOptions){.mark = &before, .handed = handed});
    append(&fixture, "part", 4, true);
    append(&fixture, "end", 3, true);

    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    g_autofree char *text = hf_test_read_file(fixture.dir, "out");
    g_assert_cmpstr(text, ==, "apartend");
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/raw-file/" name, function)
    ADD("bytes-are-as-they-are", test_bytes_are_as_they_are);
    ADD("what-is-there-is-gone-on-with", test_what_is_there_is_gone_on_with);
    ADD("rotation-cuts-behind-lines", test_rotation_cuts_behind_lines);
    ADD("reopen-within-a-line-goes-on-in-the-new-file",
        test_reopen_within_a_line_goes_on_in_the_new_file);
    ADD("loss-is-told-on-a-line-of-its-own", test_loss_is_told_on_a_line_of_its_own);
    ADD("fifo-is-made-and-written-to", test_fifo_is_made_and_written_to);
    ADD("fifo-that-is-a-file-is-refused", test_fifo_that_is_a_file_is_refused);
    ADD("full-fifo-has-a-descriptor-to-wait-for", test_full_fifo_has_a_descriptor_to_wait_for);
    ADD("part-that-was-written-by-one-who-was-killed-is-not-written-again",
        test_part_that_was_written_by_one_who_was_killed_is_not_written_again);
    return g_test_run();
}
