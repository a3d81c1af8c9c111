/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Following a log while it is written, rotated, truncated, removed. */

#include <glib.h>

#include "base/clock.h"
#include "base/error.h"
#include "log-reader-kit.h"
#include "logging/log-file.h"
#include "logging/log-rotation.h"

static void
test_new_lines_are_handed_out(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_assert_new(kit, "o:1\n");

    log_reader_kit_append(kit, "log", OUT("2"));
    log_reader_kit_assert_new(kit, "o:2\n");
    log_reader_kit_append(kit, "log", ERR("3") OUT("4"));
    log_reader_kit_assert_new(kit, "e:3\no:4\n");
    g_assert_cmpuint(kit->caught_up, ==, 1);
}

static void
test_tail_of_none_shows_what_comes(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.tail = 0;
    log_reader_kit_append(kit, "log", OUT("1") AT("00") " stdout F inc");
    log_reader_kit_follow(kit);
    log_reader_kit_assert_new(kit, "");

    log_reader_kit_append(kit, "log", "omplete\n" OUT("2"));
    log_reader_kit_assert_new(kit, "o:incomplete\no:2\n");
}

static void
test_incomplete_line_is_waited_for(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    static const char text[] = OUT("hello") OUT("x");

    log_reader_kit_follow(kit);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        log_reader_kit_append_bytes(kit, "log", text + i, 1);
        hf_test_settle(kit->context);
    }

    log_reader_kit_assert_new(kit, "o:hello\no:x\n");
}

static void
test_line_that_a_new_writer_ended_is_torn(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1") AT("00") " stdo");
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", "\n" OUT("2"));

    log_reader_kit_assert_new(kit, "o:1\no:2\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_TORN], ==, 1);
}

static void
test_file_that_appears_later_is_read_whole(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.tail = 1;
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", OUT("1") OUT("2") OUT("3"));

    log_reader_kit_assert_new(kit, "o:1\no:2\no:3\n");
}

static void
test_files_that_appear_and_are_rotated_before_a_look_are_read_whole(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_rename(kit, "log", "log.1");
    log_reader_kit_append(kit, "log", OUT("2"));

    log_reader_kit_assert_new(kit, "o:1\no:2\n");
}

static void
test_log_without_a_current_file_is_read(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log.1", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", OUT("2"));

    log_reader_kit_assert_new(kit, "o:1\no:2\n");
}

static void
test_rotation_is_followed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", OUT("2"));
    log_reader_kit_rename(kit, "log", "log.1");
    hf_test_settle(kit->context);
    log_reader_kit_append(kit, "log", OUT("3"));
    hf_test_settle(kit->context);
    log_reader_kit_append(kit, "log", OUT("4"));

    log_reader_kit_assert_new(kit, "o:1\no:2\no:3\no:4\n");
}

static void
test_renamed_file_is_read_while_its_writer_goes_on(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_rename(kit, "log", "log.1");
    log_reader_kit_append(kit, "log.1", OUT("2"));
    log_reader_kit_assert_new(kit, "o:1\no:2\n");

    /* logrotate's "create" */
    log_reader_kit_append(kit, "log", "");
    hf_test_settle(kit->context);
    log_reader_kit_append(kit, "log.1", OUT("3"));
    log_reader_kit_assert_new(kit, "o:3\n");

    log_reader_kit_append(kit, "log.1", OUT("4"));
    log_reader_kit_append(kit, "log", OUT("5"));
    log_reader_kit_assert_new(kit, "o:4\no:5\n");
}

/* Renames as a writer does, and begins a file with @text. */
static void
rotate(LogReaderKit *kit, const char *text, guint files_max)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_log_rotation_shift(kit->path, files_max, &error));
    g_assert_no_error(error);
    log_reader_kit_append(kit, "log", text);
}

static void
test_several_rotations_between_two_looks_are_followed(void)
{
    for (guint count = 1; count < 40; count++) {
        g_autoptr(LogReaderKit) kit = log_reader_kit_new();
        GString *expected = g_string_new("o:first\n");

        log_reader_kit_append(kit, "log", OUT("fir"));
        g_assert_no_errno(truncate(kit->path, sizeof OUT("fir") - 2));
        log_reader_kit_follow(kit);
        log_reader_kit_append(kit, "log", "st\n");
        for (guint i = 0; i < count; i++) {
            g_autofree char *text = g_strdup_printf(OUT("%u"), i);

            rotate(kit, text, 100);
            g_string_append_printf(expected, "o:%u\n", i);
        }
        log_reader_kit_assert_new(kit, expected->str);
        for (guint i = 0; i < HF_LOG_READER_PROBLEM_COUNT; i++)
            g_assert_cmpuint(kit->problems[i], ==, 0);
        g_string_free(expected, TRUE);
    }
}

static void
test_files_soon_removed_are_read(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    for (guint i = 2; i < 10; i++) {
        g_autofree char *text = g_strdup_printf(OUT("%u"), i);

        rotate(kit, text, 1);
        hf_test_settle(kit->context);
    }

    log_reader_kit_assert_new(kit, "o:1\no:2\no:3\no:4\no:5\no:6\no:7\no:8\no:9\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GAP], ==, 0);
}

static void
set_time(LogReaderKit *kit, time_t seconds)
{
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};

    g_assert_no_errno(utimensat(AT_FDCWD, kit->path, times, 0));
}

static void
test_files_removed_before_a_look_are_a_gap(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", OUT("2"));
    /* A file's time is that of the last tick, and what was written within one has no order. */
    for (guint i = 3; i < 10; i++) {
        g_autofree char *text = g_strdup_printf(OUT("%u"), i);

        rotate(kit, text, 2);
        set_time(kit, 4000000000 + i);
    }

    log_reader_kit_assert_new(kit, "o:1\no:2\no:7\no:8\no:9\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GAP], ==, 1);
}

static void
test_torn_line_at_the_end_of_a_rotated_file_is_skipped(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1") AT("00") " stdout F half");
    log_reader_kit_follow(kit);
    rotate(kit, OUT("2"), 5);

    log_reader_kit_assert_new(kit, "o:1\no:2\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_TORN], ==, 1);
}

static void
test_rotation_by_another_name_is_followed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    /* As kubelet does it. */
    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_rename(kit, "log", "log.20260101-000000");
    log_reader_kit_append(kit, "log.20260101-000000", OUT("2"));
    hf_test_settle(kit->context);
    log_reader_kit_append(kit, "log", OUT("3"));

    log_reader_kit_assert_new(kit, "o:1\no:2\no:3\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GAP], ==, 0);
}

static void
test_truncated_file_is_read_from_its_beginning(void)
{
    static const struct {
        const char *before;
        const char *after;
        const char *expected;
    } cases[] = {
        {OUT("1") OUT("2"), OUT("3"), "o:3\n"},
        {OUT("1"), OUT("3"), "o:3\n"},
        {OUT("1"), OUT("3") OUT("4"), "o:3\no:4\n"},
        {OUT("1") AT("00") " stdout F ha", OUT("3") OUT("4") OUT("5"), "o:3\no:4\no:5\n"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(LogReaderKit) kit = log_reader_kit_new();

        log_reader_kit_append(kit, "log", cases[i].before);
        log_reader_kit_follow(kit);
        g_string_truncate(kit->messages, 0);
        g_assert_no_errno(truncate(kit->path, 0));
        log_reader_kit_append(kit, "log", cases[i].after);

        log_reader_kit_assert_new(kit, cases[i].expected);
        g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_TRUNCATED], ==, 1);
    }
}

static void
test_size_that_is_set_to_itself_changes_nothing(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(HfLogFile) file = hf_log_file_new(kit->path, 0, 1, &error);
    bool is_same = false;

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    g_assert_true(hf_log_file_reopen(file, &is_same, &error));
    g_assert_true(is_same);

    log_reader_kit_assert_new(kit, "o:1\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_TRUNCATED], ==, 0);
}

static void
test_file_that_is_removed_and_made_again_is_followed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log.1", OUT("1"));
    log_reader_kit_append(kit, "log", OUT("2"));
    log_reader_kit_follow(kit);
    log_reader_kit_assert_new(kit, "o:1\no:2\n");

    for (guint i = 0; i < 5; i++) {
        log_reader_kit_append(kit, "log", OUT("3"));
        log_reader_kit_remove(kit, "log");
        log_reader_kit_append(kit, "log", OUT("4"));
        log_reader_kit_assert_new(kit, "o:3\no:4\n");
    }
    log_reader_kit_remove(kit, "log");
    log_reader_kit_assert_new(kit, "");
    log_reader_kit_append(kit, "log", OUT("5"));
    log_reader_kit_assert_new(kit, "o:5\n");
}

static void
test_file_that_another_is_renamed_over_is_followed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    /* What conmon does at the limit. */
    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "log", OUT("2"));
    log_reader_kit_append(kit, "log.tmp", "");
    log_reader_kit_rename(kit, "log.tmp", "log");
    log_reader_kit_append(kit, "log", OUT("3"));

    log_reader_kit_assert_new(kit, "o:1\no:2\no:3\n");
}

static void
test_removed_directory_ends_following(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autofree char *subdir = g_build_filename(kit->dir, "sub", NULL);

    g_assert_no_errno(mkdir(subdir, 0700));
    g_free(kit->path);
    kit->path = g_build_filename(subdir, "log", NULL);
    log_reader_kit_append(kit, "sub/log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "sub/log", OUT("2"));
    log_reader_kit_remove(kit, "sub/log");
    g_assert_no_errno(rmdir(subdir));
    hf_test_wait(kit->context, "end of following", log_reader_kit_has_ended, kit);

    g_assert_error(kit->end_error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_cmpstr(kit->messages->str, ==, "o:1\no:2\n");
}

static void
test_following_ends_when_until_has_passed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.has_until = true;
    kit->options.until = hf_clock_now();
    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    hf_test_wait(kit->context, "end of following", log_reader_kit_has_ended, kit);

    g_assert_no_error(kit->end_error);
    g_assert_cmpstr(kit->messages->str, ==, "o:1\n");
}

static void
test_idle_reader_is_not_woken_by_other_files(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_follow(kit);
    log_reader_kit_append(kit, "other", "");
    hf_test_settle(kit->context);
    log_reader_kit_append(kit, "other", "x");

    g_assert_false(g_main_context_pending(kit->context));
}

static void
test_pieces_are_joined_across_rotation(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.is_joining = true;
    log_reader_kit_append(kit, "log", OUT_PART("a"));
    log_reader_kit_follow(kit);
    log_reader_kit_assert_new(kit, "");
    rotate(kit, OUT_PART("b"), 3);
    log_reader_kit_assert_new(kit, "");
    rotate(kit, OUT("c"), 3);

    log_reader_kit_assert_new(kit, "o:abc\n");
}

/* More than the reader takes in one wake-up. */
static guint
append_backlog(LogReaderKit *kit, guint number)
{
    GString *text = g_string_new(NULL);

    while (text->len < 2 * 1024 * 1024)
        g_string_append_printf(text, OUT("%u"), number++);
    log_reader_kit_append_bytes(kit, "log", text->str, text->len);
    g_string_free(text, TRUE);
    return number;
}

static void
assert_numbers(const char *messages, guint first, guint end)
{
    const char *at = messages;

    for (guint i = first; i < end; i++) {
        char *behind;

        g_assert_true(g_str_has_prefix(at, "o:"));
        g_assert_cmpuint(g_ascii_strtoull(at + 2, &behind, 10), ==, i);
        g_assert_cmpint(*behind, ==, '\n');
        at = behind + 1;
    }
    g_assert_cmpstr(at, ==, "");
}

static void
test_reader_that_is_behind_holds_files_that_are_removed(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    guint number = append_backlog(kit, 0);

    kit->options.is_following = true;
    log_reader_kit_start(kit);
    for (guint i = 0; i < 6; i++) {
        g_autofree char *text = g_strdup_printf(OUT("%u"), number++);

        g_assert_true(g_main_context_iteration(kit->context, FALSE));
        rotate(kit, text, 1);
    }
    hf_test_settle(kit->context);

    assert_numbers(kit->messages->str, 0, number);
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GAP], ==, 0);
}

static void
test_file_after_a_removed_one_follows_the_one_before_it(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autofree char *rotated = g_strconcat(kit->path, ".1", NULL);
    guint number = append_backlog(kit, 0);
    g_autofree char *second = g_strdup_printf(OUT("%u"), number++);
    g_autofree char *third = g_strdup_printf(OUT("%u"), number++);
    const struct timespec later[2] = {{4000000000, 0}, {4000000000, 0}};

    kit->options.is_following = true;
    log_reader_kit_start(kit);
    g_assert_true(g_main_context_iteration(kit->context, FALSE));
    rotate(kit, second, 5);
    g_assert_true(g_main_context_iteration(kit->context, FALSE));
    g_assert_cmpuint(kit->count, <, number - 2);
    /* As if it were written to after the other had been removed. */
    g_assert_no_errno(utimensat(AT_FDCWD, rotated, later, 0));
    log_reader_kit_remove(kit, "log");
    log_reader_kit_append(kit, "log", third);
    hf_test_settle(kit->context);

    assert_numbers(kit->messages->str, 0, number);
}

typedef struct {
    LogReaderKit *kit;
    guint lines;  /* to write in all; ended by number */
    guint number; /* of the next line */
    guint at_once;
    gint64 size_max;
    guint files_max;
    gint allowed; /* lines beyond this wait; 0: none do */
    guint lag;    /* so far the writer may be ahead of the reader; 0: any */
} Writer;

static bool
may_write(Writer *self)
{
    if (self->lag > 0 && self->number > (guint)g_atomic_int_get(&self->kit->seen) + self->lag)
        return false;
    return self->allowed == 0 || self->number < (guint)g_atomic_int_get(&self->allowed);
}

/* Lines with their numbers, into files that are rotated soon. */
static gpointer
write_at_full_speed(gpointer user_data)
{
    Writer *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(HfLogFile) file =
        hf_log_file_new(self->kit->path, self->size_max, self->files_max, &error);

    g_assert_no_error(error);
    while (self->number < self->lines) {
        GString *text = g_string_new(NULL);
        gsize written = 0;

        while (!may_write(self))
            g_thread_yield();
        for (guint i = 0; i < self->at_once; i++)
            g_string_append_printf(text, OUT("%u"), self->number++);
        g_assert_cmpint(hf_log_file_write(file, text->str, text->len, &written, &error), ==,
                        HF_IO_DATA);
        g_assert_null(hf_log_file_get_rotation_error(file));
        g_string_free(text, TRUE);
    }
    return NULL;
}

static bool
has_all_lines(gpointer user_data)
{
    const Writer *self = user_data;

    return self->kit->count >= self->lines;
}

static void
assert_followed_to_the_end(Writer *writer)
{
    LogReaderKit *kit = writer->kit;
    GThread *thread = g_thread_new("writer", write_at_full_speed, writer);

    kit->options.is_following = true;
    log_reader_kit_start(kit);
    hf_test_wait(kit->context, "all lines", has_all_lines, writer);
    g_thread_join(thread);
    hf_test_settle(kit->context);

    assert_numbers(kit->messages->str, 0, writer->number);
    for (guint i = 0; i < HF_LOG_READER_PROBLEM_COUNT; i++)
        g_assert_cmpuint(kit->problems[i], ==, 0);
}

static void
test_rotation_at_full_speed_loses_and_repeats_nothing(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    Writer writer = {
        .kit = kit, .lines = 15000, .at_once = 7, .size_max = 4096, .files_max = 100000};

    assert_followed_to_the_end(&writer);
}

/* Few files, so that a look at them is as likely as not to be overtaken by a rotation. */
static void
test_rotation_at_every_line_loses_and_repeats_nothing(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    Writer writer = {
        .kit = kit, .lines = 6000, .at_once = 1, .size_max = 1, .files_max = 9, .lag = 5};

    assert_followed_to_the_end(&writer);
}

static void
test_backlog_is_read_whole_while_it_is_rotated(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    Writer writer = {
        .kit = kit, .lines = 2000, .at_once = 5, .size_max = 4096, .files_max = 100000};

    (void)write_at_full_speed(&writer);
    writer.lines = 8000;
    assert_followed_to_the_end(&writer);
}

static void
test_tail_has_no_gap_while_files_are_rotated(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    Writer writer = {.kit = kit, .lines = 2000, .at_once = 1, .size_max = 1, .files_max = 60};

    writer.allowed = 10;
    kit->options.tail = 5;
    GThread *thread = g_thread_new("writer", write_at_full_speed, &writer);
    for (guint i = 10; i < writer.lines; i += 10) {
        char *behind;

        g_atomic_int_set(&writer.allowed, (gint)i + 10);
        log_reader_kit_start(kit);
        hf_test_wait(kit->context, "end of the log", log_reader_kit_has_ended, kit);
        if (kit->count > 0) {
            guint first = (guint)g_ascii_strtoull(kit->messages->str + 2, &behind, 10);

            assert_numbers(kit->messages->str, first, first + (guint)kit->count);
        }
        log_reader_kit_stop(kit);
    }
    g_thread_join(thread);
}

/* Random bytes of lines at a time, with everything that may happen to a file between, and now and
 * then a look by the reader. */
static void
run_random_history(LogReaderKit *kit)
{
    GString *text = g_string_new(NULL);
    GString *expected = g_string_new(NULL);
    gsize written = 0;

    log_reader_kit_follow(kit);
    for (guint i = 0; i < 300; i++) {
        gint32 event = g_test_rand_int_range(0, 12);

        g_string_append_printf(text, OUT("%u"), i);
        g_string_append_printf(expected, "o:%u\n", i);
        if (event == 0) {
            log_reader_kit_append_bytes(kit, "log", text->str + written, text->len - written);
            written = text->len;
            g_assert_true(hf_log_rotation_shift(kit->path, 1000, NULL));
        } else if (event < 6) {
            gsize n = (gsize)g_test_rand_int_range(0, (gint32)(text->len - written) + 1);

            log_reader_kit_append_bytes(kit, "log", text->str + written, n);
            written += n;
        } else if (event < 8) {
            hf_test_settle(kit->context);
        } else if (event == 8) {
            (void)g_main_context_iteration(kit->context, FALSE);
        }
    }
    log_reader_kit_append_bytes(kit, "log", text->str + written, text->len - written);
    log_reader_kit_assert_new(kit, expected->str);
    g_string_free(expected, TRUE);
    g_string_free(text, TRUE);
}

static void
test_random_history_gives_every_line_once(void)
{
    for (guint round = 0; round < 100; round++) {
        g_autoptr(LogReaderKit) kit = log_reader_kit_new();

        run_random_history(kit);
    }
}

#define ADD(name, test) hf_test_add("/logging/log-reader-follow/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("new-lines-are-handed-out", test_new_lines_are_handed_out);
    ADD("tail-of-none-shows-what-comes", test_tail_of_none_shows_what_comes);
    ADD("incomplete-line-is-waited-for", test_incomplete_line_is_waited_for);
    ADD("line-that-a-new-writer-ended-is-torn", test_line_that_a_new_writer_ended_is_torn);
    ADD("file-that-appears-later-is-read-whole", test_file_that_appears_later_is_read_whole);
    ADD("files-that-appear-and-are-rotated-before-a-look-are-read-whole",
        test_files_that_appear_and_are_rotated_before_a_look_are_read_whole);
    ADD("log-without-a-current-file-is-read", test_log_without_a_current_file_is_read);
    ADD("rotation-is-followed", test_rotation_is_followed);
    ADD("renamed-file-is-read-while-its-writer-goes-on",
        test_renamed_file_is_read_while_its_writer_goes_on);
    ADD("several-rotations-between-two-looks-are-followed",
        test_several_rotations_between_two_looks_are_followed);
    ADD("files-soon-removed-are-read", test_files_soon_removed_are_read);
    ADD("files-removed-before-a-look-are-a-gap", test_files_removed_before_a_look_are_a_gap);
    ADD("torn-line-at-the-end-of-a-rotated-file-is-skipped",
        test_torn_line_at_the_end_of_a_rotated_file_is_skipped);
    ADD("rotation-by-another-name-is-followed", test_rotation_by_another_name_is_followed);
    ADD("truncated-file-is-read-from-its-beginning",
        test_truncated_file_is_read_from_its_beginning);
    ADD("size-that-is-set-to-itself-changes-nothing",
        test_size_that_is_set_to_itself_changes_nothing);
    ADD("file-that-is-removed-and-made-again-is-followed",
        test_file_that_is_removed_and_made_again_is_followed);
    ADD("file-that-another-is-renamed-over-is-followed",
        test_file_that_another_is_renamed_over_is_followed);
    ADD("removed-directory-ends-following", test_removed_directory_ends_following);
    ADD("following-ends-when-until-has-passed", test_following_ends_when_until_has_passed);
    ADD("idle-reader-is-not-woken-by-other-files", test_idle_reader_is_not_woken_by_other_files);
    ADD("pieces-are-joined-across-rotation", test_pieces_are_joined_across_rotation);
    ADD("rotation-at-full-speed-loses-and-repeats-nothing",
        test_rotation_at_full_speed_loses_and_repeats_nothing);
    ADD("rotation-at-every-line-loses-and-repeats-nothing",
        test_rotation_at_every_line_loses_and_repeats_nothing);
    ADD("tail-has-no-gap-while-files-are-rotated", test_tail_has_no_gap_while_files_are_rotated);
    ADD("reader-that-is-behind-holds-files-that-are-removed",
        test_reader_that_is_behind_holds_files_that_are_removed);
    ADD("file-after-a-removed-one-follows-the-one-before-it",
        test_file_after_a_removed_one_follows_the_one_before_it);
    ADD("backlog-is-read-whole-while-it-is-rotated",
        test_backlog_is_read_whole_while_it_is_rotated);
    ADD("random-history-gives-every-line-once", test_random_history_gives_every_line_once);
    return g_test_run();
}
