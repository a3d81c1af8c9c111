/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <limits.h>
#include <string.h>

#include <glib.h>

#include "protocol/sync-message.h"
#include "test-kit.h"

#define HEAD "{\"data\": -1, \"message\": \""
#define TAIL "\"}\n"
/* The most that fits between the two. */
#define ROOM (HF_SYNC_MESSAGE_MAX - strlen(HEAD) - strlen(TAIL))

static char *
format_data(const char *text, size_t text_length)
{
    size_t length = 0;
    char *line = hf_sync_message_format(HF_SYNC_KEY_DATA, -1, text, text_length, &length);

    g_assert_cmpuint(strlen(line), ==, length);
    g_assert_cmpuint(length, <=, HF_SYNC_MESSAGE_MAX);
    return line;
}

static char *
text_of(const char *piece, size_t count)
{
    GString *text = g_string_new(NULL);

    while (count-- > 0)
        g_string_append(text, piece);
    return g_string_free(text, FALSE);
}

static void
test_keys_and_values(void)
{
    static const struct {
        HfSyncKey key;
        int value;
        const char *text;
        const char *line;
    } cases[] = {
        {HF_SYNC_KEY_PID, 4711, NULL, "{\"pid\": 4711}\n"},
        {HF_SYNC_KEY_PID, -1, "no", "{\"pid\": -1, \"message\": \"no\"}\n"},
        {HF_SYNC_KEY_EXIT_CODE, 0, NULL, "{\"exit_code\": 0}\n"},
        {HF_SYNC_KEY_EXIT_CODE, -1, "command timed out",
         "{\"exit_code\": -1, \"message\": \"command timed out\"}\n"},
        {HF_SYNC_KEY_DATA, INT_MAX, NULL, "{\"data\": 2147483647}\n"},
        {HF_SYNC_KEY_DATA, INT_MIN, "", "{\"data\": -2147483648, \"message\": \"\"}\n"},
        {HF_SYNC_KEY_DATA, -1, "open \"/x\":\n\tno such file or directory\n",
         "{\"data\": -1, \"message\": \"open \\\"/x\\\":\\n\\tno such file or directory\\n\"}\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t text_length = cases[i].text != NULL ? strlen(cases[i].text) : 0;
        size_t length = 0;
        g_autofree char *line = hf_sync_message_format(cases[i].key, cases[i].value, cases[i].text,
                                                       text_length, &length);

        g_assert_cmpstr(line, ==, cases[i].line);
        g_assert_cmpuint(length, ==, strlen(line));
    }
}

static void
test_nul_and_bad_utf8_stay_in_the_string(void)
{
    g_autofree char *line = format_data("a\0b\xff", 4);

    g_assert_cmpstr(line, ==,
                    HEAD "a\xEF\xBF\xBD"
                         "b\xEF\xBF\xBD" TAIL);
}

static void
test_text_that_just_fits_is_whole(void)
{
    g_autofree char *text = text_of("x", ROOM);

    g_autofree char *line = format_data(text, strlen(text));

    g_assert_cmpuint(strlen(line), ==, HF_SYNC_MESSAGE_MAX);
    g_assert_null(strstr(line, " ... "));
}

static void
test_one_byte_more_is_cut(void)
{
    g_autofree char *text = text_of("x", ROOM + 1);

    g_autofree char *line = format_data(text, strlen(text));

    g_assert_nonnull(strstr(line, "x ... x"));
}

static void
test_cut_text_keeps_its_beginning_and_end(void)
{
    g_autofree char *middle = text_of("-", 10000);
    g_autofree char *text = g_strconcat("first line", middle, "permission denied", NULL);

    g_autofree char *line = format_data(text, strlen(text));

    g_assert_true(g_str_has_prefix(line, HEAD "first line-"));
    g_assert_true(g_str_has_suffix(line, "-permission denied" TAIL));
    g_assert_nonnull(strstr(line, "- ... -"));
    g_assert_cmpuint(strlen(line), >=, HF_SYNC_MESSAGE_MAX - 1);
}

static void
test_cut_text_fills_the_line_whatever_the_key_and_value(void)
{
    g_autofree char *text = text_of("x", 10000);

    for (HfSyncKey key = HF_SYNC_KEY_PID; key <= HF_SYNC_KEY_DATA; key++) {
        for (int value = 1; value < 10000; value *= 10) {
            size_t length = 0;
            g_autofree char *line = hf_sync_message_format(key, value, text, 10000, &length);

            g_assert_cmpuint(length, <=, HF_SYNC_MESSAGE_MAX);
            g_assert_cmpuint(length, >=, HF_SYNC_MESSAGE_MAX - 1);
        }
    }
}

static void
test_cut_never_splits_an_escape(void)
{
    /* Six bytes each: wherever the cut would fall, both sides must hold whole ones. */
    for (size_t shift = 0; shift < 6; shift++) {
        g_autofree char *before = text_of("x", shift);
        g_autofree char *controls = text_of("\x01", 3000);
        g_autofree char *text = g_strconcat(before, controls, before, NULL);
        g_autofree char *whole =
            g_strdup_printf("^\\{\"data\": -1, \"message\": \"x{%zu}(\\\\u0001)+ \\.\\.\\. "
                            "(\\\\u0001)+x{%zu}\"\\}\n$",
                            shift, shift);

        g_autofree char *line = format_data(text, strlen(text));

        g_assert_true(g_regex_match_simple(whole, line, 0, 0));
    }
}

static void
test_cut_never_splits_a_character(void)
{
    for (size_t shift = 0; shift < 4; shift++) {
        g_autofree char *before = text_of("x", shift);
        g_autofree char *emoji = text_of("\xF0\x9F\x98\x80", 2000);
        g_autofree char *text = g_strconcat(before, emoji, before, NULL);

        g_autofree char *line = format_data(text, strlen(text));

        g_assert_true(g_utf8_validate(line, -1, NULL));
        g_assert_null(strstr(line, "\xEF\xBF\xBD"));
    }
}

static void
test_any_text_is_one_line_within_the_limit(void)
{
    for (guint round = 0; round < 300; round++) {
        size_t length = (size_t)g_test_rand_int_range(0, 12000);
        g_autofree char *text = g_malloc(length + 1);

        for (size_t i = 0; i < length; i++)
            text[i] = (char)g_test_rand_int_range(0, 256);
        g_autofree char *line = format_data(text, length);

        g_assert_true(g_utf8_validate(line, -1, NULL));
        g_assert_true(g_str_has_prefix(line, HEAD));
        g_assert_true(g_str_has_suffix(line, TAIL));
        g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/sync-message/keys-and-values", test_keys_and_values);
    hf_test_add("/protocol/sync-message/nul-and-bad-utf8-stay-in-the-string",
                test_nul_and_bad_utf8_stay_in_the_string);
    hf_test_add("/protocol/sync-message/text-that-just-fits-is-whole",
                test_text_that_just_fits_is_whole);
    hf_test_add("/protocol/sync-message/one-byte-more-is-cut", test_one_byte_more_is_cut);
    hf_test_add("/protocol/sync-message/cut-text-keeps-its-beginning-and-end",
                test_cut_text_keeps_its_beginning_and_end);
    hf_test_add("/protocol/sync-message/cut-text-fills-the-line-whatever-the-key-and-value",
                test_cut_text_fills_the_line_whatever_the_key_and_value);
    hf_test_add("/protocol/sync-message/cut-never-splits-an-escape",
                test_cut_never_splits_an_escape);
    hf_test_add("/protocol/sync-message/cut-never-splits-a-character",
                test_cut_never_splits_a_character);
    hf_test_add("/protocol/sync-message/any-text-is-one-line-within-the-limit",
                test_any_text_is_one_line_within_the_limit);
    return g_test_run();
}
