/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What is read, and what of it is handed out. Following is in test-log-reader-follow.c. */

#include <glib.h>

#include "base/error.h"
#include "log-reader-kit.h"

static void
test_every_line_is_handed_out_in_order(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("one") ERR("two") OUT("") OUT_PART("thr") OUT("ee"));

    log_reader_kit_assert_read(kit, "o:one\ne:two\no:\no+thr\no:ee\n");
}

static void
test_rotated_files_are_read_from_the_oldest_on(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log.10", OUT("0"));
    for (guint number = 9; number >= 1; number--) {
        g_autofree char *name = g_strdup_printf("log.%u", number);
        g_autofree char *text = g_strdup_printf(OUT("%u"), 10 - number);

        log_reader_kit_append(kit, name, text);
    }
    log_reader_kit_append(kit, "log", OUT("ten"));

    log_reader_kit_assert_read(kit, "o:0\no:1\no:2\no:3\no:4\no:5\no:6\no:7\no:8\no:9\no:ten\n");
}

static void
test_more_files_than_may_be_open_are_read(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    GString *expected = g_string_new(NULL);

    for (guint i = 0; i < 60; i++) {
        g_autofree char *name = i == 59 ? g_strdup("log") : g_strdup_printf("log.%u", 59 - i);
        g_autofree char *text = g_strdup_printf(OUT("%u"), i);

        log_reader_kit_append(kit, name, text);
        g_string_append_printf(expected, "o:%u\n", i);
    }

    log_reader_kit_assert_read(kit, expected->str);
    g_string_free(expected, TRUE);
}

static void
test_json_is_recognised(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(
        kit, "log",
        "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
        "{\"log\":\"b\",\"stream\":\"stderr\",\"time\":\"2026-01-01T00:00:00Z\"}\n");

    log_reader_kit_assert_read(kit, "o:a\ne+b\n");
}

static void
test_format_that_was_told_holds(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.format = HF_LOG_LINE_FORMAT_CRI;
    log_reader_kit_append(
        kit, "log",
        OUT("x") "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n");

    log_reader_kit_assert_read(kit, "o:x\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GARBAGE], ==, 1);
}

static void
test_garbage_is_told_of_once_and_counted(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", "garbage\n" OUT("one") "\nmore\n" OUT("two") "x\n");

    log_reader_kit_assert_read(kit, "o:one\no:two\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GARBAGE], ==, 1);
    g_assert_cmpuint(hf_log_reader_count_problems(kit->reader, HF_LOG_READER_PROBLEM_GARBAGE), ==,
                     4);
}

static void
test_torn_line_is_told_of_and_skipped(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("one") AT("00") " std\n" OUT("two"));

    log_reader_kit_assert_read(kit, "o:one\no:two\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_TORN], ==, 1);
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GARBAGE], ==, 0);
}

static void
test_incomplete_last_line_is_not_handed_out(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("one") AT("00") " stdout F tw");

    log_reader_kit_assert_read(kit, "o:one\n");
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_TORN], ==, 0);
}

static void
test_streams_can_be_chosen(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.has_stream = true;
    kit->options.stream = HF_STREAM_STDERR;
    log_reader_kit_append(kit, "log", OUT("a") ERR("b") OUT("c") ERR("d"));

    log_reader_kit_assert_read(kit, "e:b\ne:d\n");
}

/* 2026-01-01T00:00:00Z */
#define MIDNIGHT 1767225600

static void
test_since_includes_and_until_excludes_its_moment(void)
{
    static const char log[] = "2025-12-31T23:59:59.999999999Z stdout F a\n"
                              "2026-01-01T00:00:00.000000000Z stdout F b\n"
                              "2026-01-01T00:00:00.000000001Z stdout F c\n"
                              "2026-01-01T00:00:01.000000000Z stdout F d\n"
                              "2026-01-01T00:00:01.000000001Z stdout F e\n";
    static const struct {
        struct timespec since;
        struct timespec until;
        const char *expected;
    } cases[] = {
        {{MIDNIGHT, 0}, {MIDNIGHT + 1, 0}, "o:b\no:c\n"},
        {{MIDNIGHT, 1}, {MIDNIGHT + 1, 1}, "o:c\no:d\n"},
        {{MIDNIGHT, 2}, {MIDNIGHT + 9, 0}, "o:d\no:e\n"},
        {{MIDNIGHT - 1, 999999999}, {MIDNIGHT, 0}, "o:a\n"},
        {{MIDNIGHT, 0}, {MIDNIGHT, 0}, ""},
        {{MIDNIGHT - 9, 0}, {MIDNIGHT + 9, 0}, "o:a\no:b\no:c\no:d\no:e\n"},
    };
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", log);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        kit->options.has_since = kit->options.has_until = true;
        kit->options.since = cases[i].since;
        kit->options.until = cases[i].until;
        log_reader_kit_assert_read(kit, cases[i].expected);
        log_reader_kit_stop(kit);
    }
}

static void
test_offsets_of_time_zones_are_heeded(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.has_since = true;
    kit->options.since.tv_sec = MIDNIGHT;
    log_reader_kit_append(kit, "log",
                          "2026-01-01T00:59:59.999999999+01:00 stdout F before\n"
                          "2026-01-01T01:00:00.000000000+01:00 stdout F at\n"
                          "2025-12-31T19:00:00.000000000-05:00 stdout F at\n"
                          "2025-12-31T18:59:59.999999999-05:00 stdout F before\n"
                          "2026-01-01T05:45:00.000000000+05:45 stdout F at\n");

    log_reader_kit_assert_read(kit, "o:at\no:at\no:at\n");
}

/* Set to have been written long before. */
static void
set_age(LogReaderKit *kit, const char *name, time_t seconds)
{
    g_autofree char *path = g_build_filename(kit->dir, name, NULL);
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};

    g_assert_no_errno(utimensat(AT_FDCWD, path, times, 0));
}

static void
test_files_last_written_before_since_are_not_opened(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("new"));
    log_reader_kit_append(kit, "log.1", OUT("middle"));
    log_reader_kit_append(kit, "log.2", OUT("old, but with a time it cannot have"));
    log_reader_kit_append(kit, "log.3", "not even looked at\n");
    set_age(kit, "log.2", MIDNIGHT - 1000);
    set_age(kit, "log.3", MIDNIGHT - 1000);
    kit->options.has_since = true;
    kit->options.since.tv_sec = MIDNIGHT;
    log_reader_kit_start(kit);
    hf_test_wait(kit->context, "end of the log", log_reader_kit_has_ended, kit);

    g_assert_true(g_str_has_suffix(kit->messages->str, "o:middle\no:new\n"));
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_GARBAGE], ==, 0);
}

static void
test_pieces_are_joined_by_stream(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.is_joining = true;
    log_reader_kit_append(kit, "log.1", OUT("a") OUT_PART("b") ERR_PART("x"));
    log_reader_kit_append(kit, "log", OUT_PART("c") ERR("y") OUT("d") ERR("z") OUT_PART("open"));

    log_reader_kit_assert_read(kit, "o:a\ne:xy\no:bcd\ne:z\no+open\n");
}

static void
test_joined_message_has_the_time_of_its_first_piece(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.is_joining = true;
    kit->options.has_since = true;
    kit->options.since.tv_sec = MIDNIGHT + 5;
    log_reader_kit_append(kit, "log",
                          AT("04") " stdout P a\n" AT("05") " stdout F b\n" /**/
                          AT("05") " stderr P c\n" AT("06") " stderr F d\n");

    log_reader_kit_assert_read(kit, "e:cd\n");
}

static void
test_joining_has_a_bound_and_loses_nothing(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.is_joining = true;
    kit->options.message_max = 4;
    log_reader_kit_append(kit, "log", OUT_PART("aa") OUT_PART("bb") OUT_PART("cc") OUT("d"));

    log_reader_kit_assert_read(kit, "o+aabb\no:ccd\n");
}

/* A CRI record of @length bytes of message. */
static GString *
make_record(size_t length)
{
    GString *record = g_string_new(AT("00") " stdout F ");

    for (size_t i = 0; i < length; i++)
        g_string_append_c(record, 'x');
    return g_string_append_c(record, '\n');
}

static void
test_line_beyond_the_bound_is_cut(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    GString *record = make_record(500000);

    kit->options.format = HF_LOG_LINE_FORMAT_CRI;
    kit->options.message_max = 100000;
    log_reader_kit_append(kit, "log", OUT("before"));
    log_reader_kit_append(kit, "log", record->str);
    log_reader_kit_append(kit, "log", OUT("after"));
    log_reader_kit_start(kit);
    hf_test_wait(kit->context, "end of the log", log_reader_kit_has_ended, kit);

    g_assert_true(g_str_has_prefix(kit->messages->str, "o:before\no!xxxx"));
    g_assert_true(g_str_has_suffix(kit->messages->str, "xxxx\no:after\n"));
    g_assert_cmpuint(kit->messages->len, >, 100000);
    g_assert_cmpuint(kit->messages->len, <, 110000);
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_CUT], ==, 1);
    g_string_free(record, TRUE);
}

static void
test_long_line_within_the_bound_is_whole(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    GString *record = make_record(HF_LOG_READER_MESSAGE_MAX);

    log_reader_kit_append(kit, "log", record->str);
    log_reader_kit_start(kit);
    hf_test_wait(kit->context, "end of the log", log_reader_kit_has_ended, kit);

    g_assert_cmpuint(kit->messages->len, ==, HF_LOG_READER_MESSAGE_MAX + 3);
    g_assert_cmpuint(kit->problems[HF_LOG_READER_PROBLEM_CUT], ==, 0);
    g_string_free(record, TRUE);
}

static void
assert_tail(LogReaderKit *kit, gint64 tail, const char *expected)
{
    g_test_message("tail %" G_GINT64_FORMAT, tail);
    kit->options.tail = tail;
    log_reader_kit_assert_read(kit, expected);
    log_reader_kit_stop(kit);
}

static void
test_tail_goes_back_over_files(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log.3", OUT("1") OUT("2"));
    log_reader_kit_append(kit, "log.2", OUT("3"));
    log_reader_kit_append(kit, "log.1", "");
    log_reader_kit_append(kit, "log", OUT("4") OUT("5"));

    assert_tail(kit, 0, "");
    assert_tail(kit, 1, "o:5\n");
    assert_tail(kit, 2, "o:4\no:5\n");
    assert_tail(kit, 3, "o:3\no:4\no:5\n");
    assert_tail(kit, 4, "o:2\no:3\no:4\no:5\n");
    assert_tail(kit, 5, "o:1\no:2\no:3\no:4\no:5\n");
    assert_tail(kit, 99, "o:1\no:2\no:3\no:4\no:5\n");
}

static void
test_tail_counts_messages_and_not_pieces(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.is_joining = true;
    log_reader_kit_append(kit, "log.1", OUT("1") OUT_PART("2a"));
    log_reader_kit_append(kit, "log", OUT_PART("2b") OUT("2c") OUT_PART("3a") OUT("3b"));

    assert_tail(kit, 1, "o:3a3b\n");
    assert_tail(kit, 2, "o:2a2b2c\no:3a3b\n");
    assert_tail(kit, 3, "o:1\no:2a2b2c\no:3a3b\n");
}

static void
test_tail_leaves_out_what_lies_between_pieces(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log",
                          OUT("0") ERR_PART("ea") OUT_PART("oa") ERR("eb") ERR("e2") OUT("ob"));

    assert_tail(kit, 1, "o+oa\no:ob\n");
    assert_tail(kit, 2, "o+oa\ne:e2\no:ob\n");
    assert_tail(kit, 3, "e+ea\no+oa\ne:eb\ne:e2\no:ob\n");
}

static void
test_tail_counts_what_the_filters_let_through(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->options.has_stream = true;
    kit->options.stream = HF_STREAM_STDERR;
    log_reader_kit_append(kit, "log.1", ERR("1") OUT("x") OUT("x"));
    log_reader_kit_append(kit, "log", ERR("2") OUT("x") OUT("x") "garbage\n" OUT("x"));

    assert_tail(kit, 2, "e:1\ne:2\n");
}

static void
test_tail_shows_what_is_incomplete_at_the_end(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_append(kit, "log", OUT("1") OUT("2") OUT_PART("login") OUT_PART(": "));

    assert_tail(kit, 1, "o:2\no+login\no+: \n");
}

static void
test_tail_reads_only_the_end(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    /* So large that a test that reads it all does not end. */
    log_reader_kit_append(kit, "log", "");
    g_assert_no_errno(truncate(kit->path, (off_t)1 << 40));
    log_reader_kit_append(kit, "log", "\n" OUT("1") OUT("2") OUT("3"));

    assert_tail(kit, 2, "o:2\no:3\n");
}

static void
test_tail_passes_over_lines_longer_than_blocks(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    GString *record = make_record(300000);
    g_autofree char *expected = g_strdup_printf("o:%.*s\no:2\n", 300000, strchr(record->str, 'x'));

    log_reader_kit_append(kit, "log", OUT("1"));
    log_reader_kit_append(kit, "log", record->str);
    log_reader_kit_append(kit, "log", OUT("2"));

    assert_tail(kit, 2, expected);
    g_string_free(record, TRUE);
}

/* Writes random records into files, and what is in them in the order in which they end. */
static GPtrArray *
write_random_log(LogReaderKit *kit, guint files)
{
    GPtrArray *messages = g_ptr_array_new_with_free_func(g_free);
    GString *open[HF_STREAM_COUNT] = {g_string_new(NULL), g_string_new(NULL)};

    for (guint number = files; number-- > 0;) {
        g_autofree char *name = number == 0 ? g_strdup("log") : g_strdup_printf("log.%u", number);
        GString *text = g_string_new(NULL);

        for (gint32 n = g_test_rand_int_range(0, 40); n > 0; n--) {
            gint32 stream = g_test_rand_int_range(0, 2);
            bool is_partial = g_test_rand_int_range(0, 3) == 0;
            gint32 piece = g_test_rand_int_range(0, 10000);

            g_string_append_printf(text, AT("00") " std%s %c %d,\n", stream == 1 ? "err" : "out",
                                   is_partial ? 'P' : 'F', piece);
            g_string_append_printf(open[stream], "%d,", piece);
            if (is_partial)
                continue;
            g_ptr_array_add(messages,
                            g_strdup_printf("%c:%s\n", stream == 1 ? 'e' : 'o', open[stream]->str));
            g_string_truncate(open[stream], 0);
        }
        log_reader_kit_append(kit, name, text->str);
        g_string_free(text, TRUE);
    }
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        if (open[i]->len > 0) {
            g_ptr_array_add(messages, g_strdup_printf("%c:%s\n", i == 1 ? 'e' : 'o', open[i]->str));
            log_reader_kit_append(kit, "log", i == 1 ? ERR("") : OUT(""));
        }
        g_string_free(open[i], TRUE);
    }
    return messages;
}

static void
test_tail_is_the_end_of_all(void)
{
    for (guint round = 0; round < 200; round++) {
        g_autoptr(LogReaderKit) kit = log_reader_kit_new();
        g_autoptr(GPtrArray) messages = write_random_log(kit, (guint)g_test_rand_int_range(1, 5));
        gint64 tail = g_test_rand_int_range(0, 60);
        GString *expected = g_string_new(NULL);

        for (gint64 i = MAX(0, (gint64)messages->len - tail); i < messages->len; i++)
            g_string_append(expected, g_ptr_array_index(messages, (guint)i));
        kit->options.is_joining = true;
        assert_tail(kit, tail, expected->str);
        g_string_free(expected, TRUE);
    }
}

static void
test_missing_file_is_an_empty_log(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    log_reader_kit_assert_read(kit, "");
}

static void
test_missing_directory_is_an_error(void)
{
    static const HfLogReaderHandlers handlers = {.on_message = log_reader_kit_on_message};
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autofree char *path = g_build_filename(kit->dir, "none", "log", NULL);
    g_autoptr(GError) error = NULL;

    HfLogReader *reader =
        hf_log_reader_new(kit->context, path, &kit->options, &handlers, kit, &error);

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_null(reader);
}

static void
test_fifo_is_no_log(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    g_assert_no_errno(mkfifo(kit->path, 0600));

    log_reader_kit_assert_read(kit, "");
}

static void
test_symbolic_link_leads_to_the_rotated_files_too(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    g_autofree char *link = g_build_filename(kit->dir, "link", NULL);

    log_reader_kit_append(kit, "log.1", OUT("1"));
    log_reader_kit_append(kit, "log", OUT("2"));
    g_assert_no_errno(symlink("log", link));
    g_free(kit->path);
    kit->path = g_steal_pointer(&link);

    log_reader_kit_assert_read(kit, "o:1\no:2\n");
}

static void
test_paused_reader_hands_out_nothing(void)
{
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();

    kit->pause_at = 2;
    log_reader_kit_append(kit, "log", OUT("1") OUT("2") OUT("3"));
    log_reader_kit_start(kit);
    hf_test_settle(kit->context);
    g_assert_cmpstr(kit->messages->str, ==, "o:1\no:2\n");

    hf_log_reader_set_paused(kit->reader, false);
    hf_test_wait(kit->context, "end of the log", log_reader_kit_has_ended, kit);

    g_assert_cmpstr(kit->messages->str, ==, "o:1\no:2\no:3\n");
}

static void
test_every_problem_has_a_text(void)
{
    for (guint i = 0; i < HF_LOG_READER_PROBLEM_COUNT; i++)
        g_assert_nonnull(hf_log_reader_problem_to_string((HfLogReaderProblem)i));
}

#define ADD(name, test) hf_test_add("/logging/log-reader/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("every-line-is-handed-out-in-order", test_every_line_is_handed_out_in_order);
    ADD("rotated-files-are-read-from-the-oldest-on",
        test_rotated_files_are_read_from_the_oldest_on);
    ADD("more-files-than-may-be-open-are-read", test_more_files_than_may_be_open_are_read);
    ADD("json-is-recognised", test_json_is_recognised);
    ADD("format-that-was-told-holds", test_format_that_was_told_holds);
    ADD("garbage-is-told-of-once-and-counted", test_garbage_is_told_of_once_and_counted);
    ADD("torn-line-is-told-of-and-skipped", test_torn_line_is_told_of_and_skipped);
    ADD("incomplete-last-line-is-not-handed-out", test_incomplete_last_line_is_not_handed_out);
    ADD("streams-can-be-chosen", test_streams_can_be_chosen);
    ADD("since-includes-and-until-excludes-its-moment",
        test_since_includes_and_until_excludes_its_moment);
    ADD("offsets-of-time-zones-are-heeded", test_offsets_of_time_zones_are_heeded);
    ADD("files-last-written-before-since-are-not-opened",
        test_files_last_written_before_since_are_not_opened);
    ADD("pieces-are-joined-by-stream", test_pieces_are_joined_by_stream);
    ADD("joined-message-has-the-time-of-its-first-piece",
        test_joined_message_has_the_time_of_its_first_piece);
    ADD("joining-has-a-bound-and-loses-nothing", test_joining_has_a_bound_and_loses_nothing);
    ADD("line-beyond-the-bound-is-cut", test_line_beyond_the_bound_is_cut);
    ADD("long-line-within-the-bound-is-whole", test_long_line_within_the_bound_is_whole);
    ADD("tail-goes-back-over-files", test_tail_goes_back_over_files);
    ADD("tail-counts-messages-and-not-pieces", test_tail_counts_messages_and_not_pieces);
    ADD("tail-leaves-out-what-lies-between-pieces", test_tail_leaves_out_what_lies_between_pieces);
    ADD("tail-counts-what-the-filters-let-through", test_tail_counts_what_the_filters_let_through);
    ADD("tail-shows-what-is-incomplete-at-the-end", test_tail_shows_what_is_incomplete_at_the_end);
    ADD("tail-reads-only-the-end", test_tail_reads_only_the_end);
    ADD("tail-passes-over-lines-longer-than-blocks",
        test_tail_passes_over_lines_longer_than_blocks);
    ADD("tail-is-the-end-of-all", test_tail_is_the_end_of_all);
    ADD("missing-file-is-an-empty-log", test_missing_file_is_an_empty_log);
    ADD("missing-directory-is-an-error", test_missing_directory_is_an_error);
    ADD("fifo-is-no-log", test_fifo_is_no_log);
    ADD("symbolic-link-leads-to-the-rotated-files-too",
        test_symbolic_link_leads_to_the_rotated_files_too);
    ADD("paused-reader-hands-out-nothing", test_paused_reader_hands_out_nothing);
    ADD("every-problem-has-a-text", test_every_problem_has_a_text);
    return g_test_run();
}
