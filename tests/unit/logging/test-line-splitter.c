/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "log-kit.h"
#include "logging/line-splitter.h"
#include "test-kit.h"

/* Pieces as one text: a complete line ends with '|', a partial one with '~'. */
static void
on_line(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    GString *pieces = user_data;

    g_string_append_len(pieces, bytes, (gssize)length);
    g_string_append_c(pieces, is_partial ? '~' : '|');
}

static void
on_lines(const char *bytes, const size_t *lengths, guint count, gpointer user_data)
{
    g_assert_cmpuint(count, >, 0);
    for (guint i = 0; i < count; i++) {
        on_line(bytes, lengths[i], false, user_data);
        g_assert_cmpint(bytes[lengths[i]], ==, '\n');
        bytes += lengths[i] + 1;
    }
}

static const HfLineHandlers handlers = {on_line, on_lines};

typedef struct {
    const char *what;
    size_t max_line;
    const char *pushes[6]; /* "FLUSH" flushes; a leading '$' makes it a last push */
    const char *pieces;
} SplitCase;

static const SplitCase split_cases[] = {
    {"nothing", 8, {""}, ""},
    {"one line", 8, {"one\n"}, "one|"},
    {"many lines in one push", 8, {"one\ntwo\nthree\n"}, "one|two|three|"},
    {"a newline alone", 8, {"\n"}, "|"},
    {"empty lines", 8, {"\n\na\n\n"}, "||a||"},
    {"no newline is kept", 8, {"one\ntwo"}, "one|"},
    {"a line in two pushes", 8, {"on", "e\n"}, "one|"},
    {"a line in pushes of a byte", 8, {"o", "n", "e", "\n"}, "one|"},
    {"a newline in a push of its own", 8, {"one", "\n"}, "one|"},
    {"lines after the end of a kept one", 8, {"on", "e\ntwo\nth", "ree\n"}, "one|two|three|"},
    {"exactly the limit", 4, {"1234\n"}, "1234|"},
    {"exactly the limit, newline later", 4, {"1234", "\n"}, "1234|"},
    {"one more than the limit", 4, {"12345\n"}, "1234~5|"},
    {"one more than the limit, later", 4, {"1234", "5\n"}, "1234~5|"},
    {"twice the limit", 4, {"12345678\n"}, "1234~5678|"},
    {"twice the limit in three pushes", 4, {"123", "4567", "8\n"}, "1234~5678|"},
    {"many pieces after a kept byte", 4, {"1", "2345678901\n"}, "1234~5678~901|"},
    {"many pieces without a newline", 4, {"123456789"}, "1234~5678~"},
    {"many pieces after a kept byte without a newline", 4, {"1", "23456789"}, "1234~5678~"},
    {"a limit of one", 1, {"ab\n\nc\n"}, "a~b||c|"},
    {"flush hands out what is kept", 8, {"one", "FLUSH"}, "one~"},
    {"flush of nothing", 8, {"one\n", "FLUSH", "FLUSH"}, "one|"},
    {"the rest of a flushed line", 8, {"on", "FLUSH", "e\n"}, "on~e|"},
    {"a flushed line that ends at once", 8, {"one", "FLUSH", "\n"}, "one~|"},
    {"a flush at the limit", 4, {"1234", "FLUSH", "\n"}, "1234~|"},
    {"a last push", 8, {"$one\ntwo"}, "one|two~"},
    {"a last push after a kept part", 8, {"o", "$ne"}, "one~"},
    {"a last push that completes a line", 8, {"o", "$ne\n"}, "one|"},
    {"a last push longer than the limit", 4, {"12", "$3456789"}, "1234~5678~9~"},
    {"a last push of nothing flushes", 8, {"one", "$"}, "one~"},
};

static void
push_text(HfLineSplitter *splitter, const char *text)
{
    if (g_str_equal(text, "FLUSH"))
        hf_line_splitter_flush(splitter);
    else if (text[0] == '$')
        hf_line_splitter_push_last(splitter, text + 1, strlen(text + 1));
    else
        hf_line_splitter_push(splitter, text, strlen(text));
}

static void
test_pieces_of_pushes(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(split_cases); i++) {
        const SplitCase *test_case = &split_cases[i];
        GString *pieces = g_string_new(NULL);
        g_autoptr(HfLineSplitter) splitter =
            hf_line_splitter_new(test_case->max_line, &handlers, pieces);

        g_test_message("%s", test_case->what);
        for (guint k = 0; k < 6 && test_case->pushes[k] != NULL; k++)
            push_text(splitter, test_case->pushes[k]);

        g_assert_cmpstr(pieces->str, ==, test_case->pieces);
        g_string_free(pieces, TRUE);
    }
}

typedef struct {
    size_t length;
    size_t lengths[4]; /* of the pieces, the last one complete */
} LengthCase;

/* Lengths around conmon's read buffer and around our limit of 16384. */
static const LengthCase length_cases[] = {
    {8191, {8191}},   {8192, {8192}},      {8193, {8193}},          {16383, {16383}},
    {16384, {16384}}, {16385, {16384, 1}}, {32768, {16384, 16384}}, {32769, {16384, 16384, 1}},
};

static void
on_line_length(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    g_string_append_printf(user_data, "%zu%c", length, is_partial ? '~' : '|');
}

static void
on_line_lengths(const char *bytes, const size_t *lengths, guint count, gpointer user_data)
{
    for (guint i = 0; i < count; i++)
        on_line_length(bytes, lengths[i], false, user_data);
}

static const HfLineHandlers length_handlers = {on_line_length, on_line_lengths};

static void
push_in_chunks(HfLineSplitter *splitter, const GString *bytes, size_t chunk)
{
    for (size_t at = 0; at < bytes->len; at += chunk)
        hf_line_splitter_push(splitter, bytes->str + at, MIN(chunk, bytes->len - at));
}

static GString *
describe_lengths(const size_t lengths[4])
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < 4 && lengths[i] > 0; i++)
        g_string_append_printf(text, "%zu%c", lengths[i],
                               (i < 3 && lengths[i + 1] > 0) ? '~' : '|');
    return text;
}

static void
test_lines_around_the_limit_are_cut_only_beyond_it(void)
{
    static const size_t chunks[] = {1, 4096, 8192, 65536};

    for (guint i = 0; i < G_N_ELEMENTS(length_cases) * G_N_ELEMENTS(chunks); i++) {
        const LengthCase *test_case = &length_cases[i / G_N_ELEMENTS(chunks)];
        GString *seen = g_string_new(NULL);
        GString *expected = describe_lengths(test_case->lengths);
        GString *bytes = g_string_new(NULL);
        g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(16384, &length_handlers, seen);

        g_string_set_size(bytes, test_case->length);
        memset(bytes->str, 'x', bytes->len);
        g_string_append_c(bytes, '\n');
        push_in_chunks(splitter, bytes, chunks[i % G_N_ELEMENTS(chunks)]);

        g_assert_cmpstr(seen->str, ==, expected->str);
        g_string_free(seen, TRUE);
        g_string_free(expected, TRUE);
        g_string_free(bytes, TRUE);
    }
}

static void
test_pending_counts_what_is_kept(void)
{
    GString *pieces = g_string_new(NULL);
    g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(8, &handlers, pieces);

    hf_line_splitter_push(splitter, "a\nbcd", 5);
    size_t before = hf_line_splitter_get_pending(splitter);
    hf_line_splitter_flush(splitter);

    g_assert_cmpuint(before, ==, 3);
    g_assert_cmpuint(hf_line_splitter_get_pending(splitter), ==, 0);
    g_string_free(pieces, TRUE);
}

static void
test_any_byte_but_newline_passes_through(void)
{
    static const char bytes[] = "a\0b\xff\xfe\xc3\x28\r\x1b[0m";
    GString *pieces = g_string_new(NULL);
    g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(64, &handlers, pieces);

    hf_line_splitter_push(splitter, bytes, 5);
    hf_line_splitter_push(splitter, bytes + 5, sizeof bytes - 1 - 5);
    hf_line_splitter_push(splitter, "\n", 1);

    g_assert_cmpuint(pieces->len, ==, sizeof bytes);
    log_kit_assert_bytes(pieces->str, sizeof bytes - 1, bytes, sizeof bytes - 1);
    g_string_free(pieces, TRUE);
}

static void
on_address(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    *(const char **)user_data = bytes;
}

static void
on_last_address(const char *bytes, const size_t *lengths, guint count, gpointer user_data)
{
    for (guint i = 0; i + 1 < count; i++)
        bytes += lengths[i] + 1;
    *(const char **)user_data = bytes;
}

static const HfLineHandlers address_handlers = {on_address, on_last_address};

static void
test_a_line_inside_one_push_is_not_copied(void)
{
    static const char bytes[] = "one\ntwo\n";
    const char *seen = NULL;
    g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(8, &address_handlers, &seen);

    hf_line_splitter_push(splitter, bytes, sizeof bytes - 1);

    g_assert_true(seen == bytes + 4);
}

static void
test_the_rest_of_a_last_push_is_not_copied(void)
{
    static const char bytes[] = "one\ntwo";
    const char *seen = NULL;
    g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(8, &address_handlers, &seen);

    hf_line_splitter_push_last(splitter, bytes, sizeof bytes - 1);

    g_assert_true(seen == bytes + 4);
}

static void
on_batch(const char *bytes, const size_t *lengths, guint count, gpointer user_data)
{
    g_array_append_val((GArray *)user_data, count);
}

static const HfLineHandlers batch_handlers = {NULL, on_batch};

static guint
sum(const GArray *counts)
{
    guint total = 0;

    for (guint i = 0; i < counts->len; i++)
        total += g_array_index(counts, guint, i);
    return total;
}

static void
test_complete_lines_come_together(void)
{
    g_autoptr(GArray) counts = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(8, &batch_handlers, counts);

    hf_line_splitter_push(splitter, "one\n\nthree\nfou", 14);

    g_assert_cmpuint(counts->len, ==, 1);
    g_assert_cmpuint(g_array_index(counts, guint, 0), ==, 3);
}

static void
test_no_line_is_lost_between_batches(void)
{
    static const size_t line_lengths[] = {0, 1, 99, 5000, 16384};

    for (guint i = 0; i < G_N_ELEMENTS(line_lengths); i++) {
        g_autoptr(GArray) counts = g_array_new(FALSE, FALSE, sizeof(guint));
        g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(16384, &batch_handlers, counts);
        GString *line = g_string_new(NULL);
        GString *text = g_string_new(NULL);

        g_string_set_size(line, line_lengths[i]);
        memset(line->str, 'x', line->len);
        g_string_append_c(line, '\n');
        for (guint k = 0; k < 1000; k++)
            g_string_append_len(text, line->str, (gssize)line->len);
        hf_line_splitter_push(splitter, text->str, text->len);

        g_assert_cmpuint(sum(counts), ==, 1000);
        g_assert_cmpuint(counts->len, >, 1);
        g_string_free(line, TRUE);
        g_string_free(text, TRUE);
    }
}

/* The definition, line by line: what any chunking must come to. */
static GString *
split_whole(const GString *bytes, size_t max_line)
{
    GString *pieces = g_string_new(NULL);
    size_t length = 0;

    for (size_t i = 0; i < bytes->len; i++) {
        if (bytes->str[i] != '\n' && length == max_line) {
            g_string_append_c(pieces, '~');
            length = 0;
        }
        g_string_append_c(pieces, bytes->str[i] == '\n' ? '|' : bytes->str[i]);
        length = bytes->str[i] == '\n' ? 0 : length + 1;
    }
    if (length > 0)
        g_string_append_c(pieces, '~');
    return pieces;
}

static GString *
make_random_text(void)
{
    GString *bytes = g_string_new(NULL);
    int length = g_test_rand_int_range(0, 400);

    for (int i = 0; i < length; i++)
        g_string_append_c(bytes, "\nabc\0\xff"[g_test_rand_int_range(0, 6)]);
    return bytes;
}

static void
test_random_chunks_equal_one_push(void)
{
    for (guint round = 0; round < 500; round++) {
        size_t max_line = (size_t)g_test_rand_int_range(1, 20);
        GString *bytes = make_random_text();
        GString *expected = split_whole(bytes, max_line);
        GString *pieces = g_string_new(NULL);
        g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(max_line, &handlers, pieces);

        for (size_t at = 0, n; at < bytes->len; at += n) {
            n = (size_t)g_test_rand_int_range(1, 50);
            n = MIN(n, bytes->len - at);
            hf_line_splitter_push(splitter, bytes->str + at, n);
            g_assert_cmpuint(hf_line_splitter_get_pending(splitter), <=, max_line);
        }
        hf_line_splitter_flush(splitter);

        log_kit_assert_bytes(pieces->str, pieces->len, expected->str, expected->len);
        g_string_free(bytes, TRUE);
        g_string_free(expected, TRUE);
        g_string_free(pieces, TRUE);
    }
}

static void
test_free_accepts_null_and_kept_bytes(void)
{
    GString *pieces = g_string_new(NULL);
    HfLineSplitter *splitter = hf_line_splitter_new(8, &handlers, pieces);

    hf_line_splitter_push(splitter, "abc", 3);
    hf_line_splitter_free(splitter);
    hf_line_splitter_free(NULL);

    g_assert_cmpstr(pieces->str, ==, "");
    g_string_free(pieces, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/line-splitter/pieces-of-pushes", test_pieces_of_pushes);
    hf_test_add("/logging/line-splitter/lines-around-the-limit-are-cut-only-beyond-it",
                test_lines_around_the_limit_are_cut_only_beyond_it);
    hf_test_add("/logging/line-splitter/pending-counts-what-is-kept",
                test_pending_counts_what_is_kept);
    hf_test_add("/logging/line-splitter/any-byte-but-newline-passes-through",
                test_any_byte_but_newline_passes_through);
    hf_test_add("/logging/line-splitter/a-line-inside-one-push-is-not-copied",
                test_a_line_inside_one_push_is_not_copied);
    hf_test_add("/logging/line-splitter/the-rest-of-a-last-push-is-not-copied",
                test_the_rest_of_a_last_push_is_not_copied);
    hf_test_add("/logging/line-splitter/complete-lines-come-together",
                test_complete_lines_come_together);
    hf_test_add("/logging/line-splitter/no-line-is-lost-between-batches",
                test_no_line_is_lost_between_batches);
    hf_test_add("/logging/line-splitter/random-chunks-equal-one-push",
                test_random_chunks_equal_one_push);
    hf_test_add("/logging/line-splitter/free-accepts-null-and-kept-bytes",
                test_free_accepts_null_and_kept_bytes);
    return g_test_run();
}
