/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Logs whose older files are compressed, by the monitor or by somebody else. Without zlib there is
 * one test: that they are told of. */

#include <glib.h>

#include "base/fd.h"
#include "log-reader-kit.h"
#include "logging/gzip-file.h"
#include "logging/log-reader-file.h"
#include "logging/log-reader-unpack.h"
#include "logging/log-rotation.h"

static void
test_compressed_files_are_told_of_by_who_cannot_read_them(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("3"));
    log_reader_kit_append(kit, "log.1", OUT("2"));
    log_reader_kit_append(kit, "log.2.gz", "x");

    log_reader_kit_assert_read(kit, "o:2\no:3\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_COMPRESSED], ==, 1);
}

static int
open_in(const LogReaderKit *kit, const char *name, int flags)
{
    g_autofree char *path = g_build_filename(kit->dir, name, NULL);
    int fd = open(path, flags | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* Adds the text to a file as one more member. */
static void
append_member(LogReaderKit *kit, const char *name, const char *text)
{
    hf_autofd in_fd = -1;
    hf_autofd out_fd = open_in(kit, name, O_WRONLY | O_CREAT | O_APPEND);

    log_reader_kit_append(kit, "plain", text);
    in_fd = open_in(kit, "plain", O_RDONLY);
    g_assert_true(hf_gzip_file_copy(in_fd, out_fd));
    log_reader_kit_remove(kit, "plain");
}

/* As the monitor does it: the compressed file is there before the plain one goes. */
static void
compress(LogReaderKit *kit, guint number)
{
    g_autofree char *plain = g_strdup_printf("log.%u", number);
    g_autofree char *compressed = g_strdup_printf("log.%u.gz", number);
    hf_autofd in_fd = open_in(kit, plain, O_RDONLY);
    hf_autofd out_fd = open_in(kit, "log.gz.tmp", O_WRONLY | O_CREAT | O_EXCL);

    g_assert_true(hf_gzip_file_copy(in_fd, out_fd));
    log_reader_kit_rename(kit, "log.gz.tmp", compressed);
    log_reader_kit_remove(kit, plain);
}

static void
assert_no_problem(const LogReaderKit *kit)
{
    for (guint i = 0; i < HF_LOG_READER_PROBLEM_COUNT; i++)
        g_assert_cmpuint(kit->problems[i], ==, 0);
}

static LogReaderKit *
make_log(void)
{
    LogReaderKit *kit = log_reader_kit_new();

    append_member(kit, "log.3.gz", AT("01") " stdout F 1\n" AT("02") " stderr F 2\n");
    append_member(kit, "log.2.gz", AT("03") " stdout F 3\n" AT("04") " stdout P 4\n");
    log_reader_kit_append(kit, "log.1", AT("05") " stdout F 5\n");
    log_reader_kit_append(kit, "log", AT("06") " stdout F 6\n");
    return kit;
}

static void
test_all_files_are_read_in_order(void)
{
    g_autoptr(LogReaderKit) kit = make_log();

    log_reader_kit_assert_read(kit, "o:1\ne:2\no:3\no+4\no:5\no:6\n");
    assert_no_problem(kit);
}

static void
test_tail_goes_back_into_compressed_files(void)
{
    static const struct {
        gint64 tail;
        const char *expected;
    } cases[] = {
        {0, ""},
        {1, "o:6\n"},
        {2, "o:45\no:6\n"},
        {3, "o:3\no:45\no:6\n"},
        {4, "e:2\no:3\no:45\no:6\n"},
        {5, "o:1\ne:2\no:3\no:45\no:6\n"},
        {6, "o:1\ne:2\no:3\no:45\no:6\n"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(LogReaderKit) kit = make_log();

        kit->options.is_joining = true;
        kit->options.tail = cases[i].tail;
        log_reader_kit_assert_read(kit, cases[i].expected);
        assert_no_problem(kit);
    }
}

static void
test_times_are_looked_for_in_compressed_files(void)
{
    g_autoptr(LogReaderKit) kit = make_log();
    /* 2026-01-01T00:00:00Z */
    const time_t start = 1767225600;

    kit->options.has_since = kit->options.has_until = true;
    kit->options.since.tv_sec = start + 2;
    kit->options.until.tv_sec = start + 4;

    log_reader_kit_assert_read(kit, "e:2\no:3\n");
    assert_no_problem(kit);
}

static void
test_file_of_an_old_time_ends_the_search_for_since(void)
{
    g_autoptr(LogReaderKit) kit = make_log();
    const struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    g_autofree char *path = g_strconcat(kit->path, ".2.gz", NULL);

    g_assert_no_errno(utimensat(AT_FDCWD, path, old, 0));
    log_reader_kit_append_bytes(kit, "log.4.gz", "no gzip file", 12);
    kit->options.has_since = true;
    kit->options.since.tv_sec = 1600000000;

    log_reader_kit_assert_read(kit, "o:3\no+4\no:5\no:6\n");
    assert_no_problem(kit);
}

static void
test_files_of_several_members_and_padding_are_read_whole(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    append_member(kit, "log.1.gz", OUT("1") AT("00") " std");
    append_member(kit, "log.1.gz", "");
    append_member(kit, "log.1.gz", "out F 2\n");
    log_reader_kit_append_bytes(kit, "log.1.gz", "\0\0\0", 3);
    append_member(kit, "log.1.gz", OUT("3"));
    log_reader_kit_append_bytes(kit, "log.1.gz", "\0\0\0", 3);
    log_reader_kit_append(kit, "log", OUT("4"));

    log_reader_kit_assert_read(kit, "o:1\no:2\no:3\no:4\n");
    assert_no_problem(kit);
}

static void
test_empty_compressed_log_is_read(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    append_member(kit, "log.1.gz", "");
    log_reader_kit_append(kit, "log", OUT("1"));

    log_reader_kit_assert_read(kit, "o:1\n");
    assert_no_problem(kit);
}

static void
test_file_that_is_not_whole_is_read_as_far_as_it_goes(void)
{
    GString *text = g_string_new(NULL);
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autofree char *path = g_strconcat(kit->path, ".1.gz", NULL);
    struct stat status;

    for (guint i = 0; i < 50000; i++)
        g_string_append_printf(text, OUT("%u"), i * 2654435761U);
    append_member(kit, "log.1.gz", text->str);
    log_reader_kit_append(kit, "log", OUT("end"));
    g_assert_no_errno(stat(path, &status));
    g_assert_no_errno(truncate(path, status.st_size / 2));
    log_reader_kit_start(kit);
    hf_test_wait(kit->context, "end of the log", log_reader_kit_has_ended, kit);

    g_assert_no_error(kit->end_error);
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_DAMAGED], ==, 1);
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GARBAGE], ==, 0);
    g_assert_cmpuint(kit->count, >, 10000);
    g_assert_cmpuint(kit->count, <, 40000);
    g_assert_true(g_str_has_suffix(kit->messages->str, "\no:end\n"));
    g_string_free(text, TRUE);
}

static void
test_what_is_no_gzip_file_is_told_of_and_passed_over(void)
{
    static const char *const contents[] = {"", "x", "\x1f\x8b", OUT("0"), "\x1f\x8b\x08garbage"};

    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autoptr(LogReaderKit) kit = log_reader_kit_new();

        append_member(kit, "log.3.gz", OUT("1"));
        log_reader_kit_append(kit, "log.2.gz", contents[i]);
        log_reader_kit_append(kit, "log.1", OUT("2"));
        log_reader_kit_assert_read(kit, "o:1\no:2\n");

        g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_DAMAGED], ==, 1);
    }
}

static void
test_plain_form_is_read_if_there_are_both(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    append_member(kit, "log.2.gz", OUT("1"));
    log_reader_kit_append(kit, "log.2", OUT("1"));
    append_member(kit, "log.1.gz", OUT("2"));
    log_reader_kit_append(kit, "log", OUT("3"));

    log_reader_kit_assert_read(kit, "o:1\no:2\no:3\n");
}

/* Each file has lines of its own numbers; each may be compressed. */
static guint
write_random_log(LogReaderKit *kit)
{
    guint files = (guint)g_test_rand_int_range(1, 24);
    guint serial = 0;

    for (guint number = files; number-- > 0;) {
        g_autofree char *name = number == 0 ? g_strdup("log") : g_strdup_printf("log.%u", number);
        GString *text = g_string_new(NULL);

        for (gint32 n = g_test_rand_int_range(0, number == 1 ? 9000 : 30); n > 0; n--)
            g_string_append_printf(text, OUT("%u"), serial++);
        log_reader_kit_append_bytes(kit, name, text->str, text->len);
        if (number > 0 && g_test_rand_bit())
            compress(kit, number);
        g_string_free(text, TRUE);
    }
    return serial;
}

static void
test_any_mixture_of_files_gives_every_line_once(void)
{
    for (guint round = 0; round < 60; round++) {
        g_autoptr(LogReaderKit) kit = log_reader_kit_new();
        guint lines = write_random_log(kit);
        guint tail = (guint)g_test_rand_int_range(0, (gint32)lines + 2);
        GString *expected = g_string_new(NULL);

        for (guint i = lines - MIN(tail, lines); i < lines; i++)
            g_string_append_printf(expected, "o:%u\n", i);
        kit->options.tail = tail < lines ? (gint64)tail : HF_LOG_READER_TAIL_ALL;
        log_reader_kit_assert_read(kit, expected->str);
        assert_no_problem(kit);
        g_string_free(expected, TRUE);
    }
}

/* Renames all files, and makes a new one with the text in it. */
static void
rotate(LogReaderKit *kit, const char *text)
{
    g_assert_true(hf_log_rotation_shift(kit->path, 100, NULL));
    log_reader_kit_append(kit, "log", text);
}

static void
test_files_compressed_before_they_were_read_are_not_missed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->pause_at = 1;
    log_reader_kit_append(kit, "log", OUT("1") OUT("2"));
    kit->options.is_following = true;
    log_reader_kit_start(kit);
    hf_test_settle(kit->context);
    g_assert_cmpstr(kit->messages->str, ==, "o:1\n");
    /* All within one step of the clock, perhaps: the times of the files need not tell them apart.
     */
    rotate(kit, OUT("3"));
    rotate(kit, OUT("4"));
    compress(kit, 2);
    rotate(kit, OUT("5"));
    compress(kit, 2);
    rotate(kit, OUT("6"));
    hf_log_reader_set_paused(kit->reader, false);

    log_reader_kit_assert_new(kit, "o:1\no:2\no:3\no:4\no:5\no:6\n");
    assert_no_problem(kit);
}

static void
test_file_is_followed_back_from_its_copy(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autoptr(GError) error = NULL;
    HfLogReaderPlace place = {.name = "log"};
    hf_autofd directory_fd = open(kit->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    HfLogReaderFile *file = NULL;

    place.directory_fd = directory_fd;
    append_member(kit, "log.3.gz", OUT("1"));
    log_reader_kit_append(kit, "log.2", OUT("2"));
    g_assert_cmpint(hf_log_reader_file_open(&place, 2, &file, &error), ==, HF_LOG_READER_FOUND);
    compress(kit, 2);
    rotate(kit, OUT("3"));

    g_assert_true(hf_log_reader_file_locate(file, &place));
    g_assert_cmpuint(file->number, ==, 2);
    log_reader_kit_rename(kit, "log.2.gz", "log.7.gz");
    g_assert_true(hf_log_reader_file_locate(file, &place));
    g_assert_cmpuint(file->number, ==, 7);
    log_reader_kit_remove(kit, "log.7.gz");
    g_assert_false(hf_log_reader_file_locate(file, &place));
    hf_log_reader_file_free(file);
}

#define ADD(name, test) hf_test_add("/logging/log-reader-compressed/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!hf_log_reader_unpack_is_supported()) {
        ADD("compressed-files-are-told-of-by-who-cannot-read-them",
            test_compressed_files_are_told_of_by_who_cannot_read_them);
        return g_test_run();
    }
    ADD("all-files-are-read-in-order", test_all_files_are_read_in_order);
    ADD("tail-goes-back-into-compressed-files", test_tail_goes_back_into_compressed_files);
    ADD("times-are-looked-for-in-compressed-files", test_times_are_looked_for_in_compressed_files);
    ADD("file-of-an-old-time-ends-the-search-for-since",
        test_file_of_an_old_time_ends_the_search_for_since);
    ADD("files-of-several-members-and-padding-are-read-whole",
        test_files_of_several_members_and_padding_are_read_whole);
    ADD("empty-compressed-log-is-read", test_empty_compressed_log_is_read);
    ADD("file-that-is-not-whole-is-read-as-far-as-it-goes",
        test_file_that_is_not_whole_is_read_as_far_as_it_goes);
    ADD("what-is-no-gzip-file-is-told-of-and-passed-over",
        test_what_is_no_gzip_file_is_told_of_and_passed_over);
    ADD("plain-form-is-read-if-there-are-both", test_plain_form_is_read_if_there_are_both);
    ADD("any-mixture-of-files-gives-every-line-once",
        test_any_mixture_of_files_gives_every_line_once);
    ADD("files-compressed-before-they-were-read-are-not-missed",
        test_files_compressed_before_they_were_read_are_not_missed);
    ADD("file-is-followed-back-from-its-copy", test_file_is_followed_back_from_its_copy);
    return g_test_run();
}
