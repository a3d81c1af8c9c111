/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "protocol/json-log-record.h"
#include "test-kit.h"

/* (transfer full) */
static char *
escape(const char *bytes, size_t length)
{
    g_autofree char *buffer = g_malloc(HF_JSON_LOG_ESCAPED_MAX(length));
    size_t n = hf_json_log_record_escape(buffer, bytes, length);

    g_assert_cmpuint(n, <=, 6 * length);
    return g_strndup(buffer, n);
}

#define TEXT(literal) literal, sizeof literal - 1

/* The expected side is what Docker writes for the same bytes. */
static const struct {
    const char *bytes;
    size_t length;
    const char *expected;
} cases[] = {
    {TEXT(""), ""},
    {TEXT("A log line"), "A log line"},
    {TEXT("12345678"), "12345678"},
    {TEXT("1234567890123456"), "1234567890123456"},
    {TEXT("\"A log line with \\\""), "\\\"A log line with \\\\\\\""},
    {TEXT("with \r and \n"), "with \\r and \\n"},
    {TEXT("\t\b\f"), "\\u0009\\u0008\\u000c"},
    {TEXT("a & b < c > d"), "a \\u0026 b \\u003c c \\u003e d"},
    {TEXT("1234567\x1f"), "1234567\\u001f"},
    {TEXT("1234567\x7f"), "1234567\x7f"},
    {TEXT("\0end"), "\\u0000end"},
    {TEXT("\xf0\x9f\x9a\x80 \xcf\x88"), "\xf0\x9f\x9a\x80 \xcf\x88"},
    {TEXT("123456\xe2\x82\xac"), "123456\xe2\x82\xac"},
    {TEXT("\xe2\x80\xa8 \xe2\x80\xa9 \xe2\x80\xaa"), "\\u2028 \\u2029 \xe2\x80\xaa"},
    {TEXT("\xaf"), "\\ufffd"},
    {TEXT("\xe2\x80"), "\\ufffd\\ufffd"},
    {TEXT("x\xed\xa0\x80y"), "x\\ufffd\\ufffd\\ufffdy"},
    {TEXT("\xc0\x80\xf5"), "\\ufffd\\ufffd\\ufffd"},
    {TEXT("!#%'()*+,-./:;=?@[]^_`{|}~"), "!#%'()*+,-./:;=?@[]^_`{|}~"},
};

static void
test_text_is_escaped_as_docker_does(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *escaped = escape(cases[i].bytes, cases[i].length);

        g_assert_cmpstr(escaped, ==, cases[i].expected);
    }
}

/* What the eight-byte path and the byte path make of each byte at each place must be the same. */
static void
test_place_in_the_text_does_not_matter(void)
{
    for (guint byte = 0; byte < 256; byte++) {
        char one = (char)byte;
        g_autofree char *alone = escape(&one, 1);

        for (guint place = 0; place < 24; place++) {
            char text[] = "abcdefghijklmnopqrstuvwx";
            g_autofree char *expected =
                g_strdup_printf("%.*s%s%s", (int)place, text, alone, text + place + 1);

            text[place] = one;
            g_autofree char *escaped = escape(text, sizeof text - 1);
            g_assert_cmpstr(escaped, ==, expected);
        }
    }
}

/* Text of one byte has no block to be looked at at once. */
static GString *
escape_bytewise(const char *text, size_t length)
{
    GString *escaped = g_string_new(NULL);

    for (size_t i = 0; i < length; i++) {
        char buffer[HF_JSON_LOG_ESCAPED_MAX(1)];

        g_string_append_len(escaped, buffer,
                            (gssize)hf_json_log_record_escape(buffer, text + i, 1));
    }
    return escaped;
}

static void
test_ascii_of_any_length_is_escaped_byte_for_byte(void)
{
    for (guint round = 0; round < 5000; round++) {
        char text[80];
        char buffer[HF_JSON_LOG_ESCAPED_MAX(sizeof text)];
        size_t length = (size_t)g_test_rand_int_range(0, sizeof text);
        guint rarity = (guint)g_test_rand_int_range(1, 60);

        for (size_t i = 0; i < length; i++)
            text[i] = g_test_rand_int_range(0, (int)rarity) > 0
                          ? (char)('a' + i % 26)
                          : "\"\\\n\r\t\001<>&\177"[g_test_rand_int_range(0, 10)];
        GString *expected = escape_bytewise(text, length);

        size_t n = hf_json_log_record_escape(buffer, text, length);

        g_assert_cmpmem(buffer, (int)n, expected->str, (int)expected->len);
        g_string_free(expected, TRUE);
    }
}

static void
test_attrs_are_sorted_with_the_tag_among_them(void)
{
    const char *labels[] = {"zone=a<b", "app=x=y", "zone=last", "empty=", NULL};
    g_autofree char *attrs = hf_json_log_record_make_attrs("t\"g", labels);

    g_assert_cmpstr(attrs, ==,
                    "{\"app\":\"x=y\",\"empty\":\"\",\"tag\":\"t\\\"g\",\"zone\":\"last\"}");
}

static void
test_without_tag_and_labels_there_are_no_attrs(void)
{
    const char *labels[] = {NULL};

    g_assert_null(hf_json_log_record_make_attrs(NULL, NULL));
    g_assert_null(hf_json_log_record_make_attrs(NULL, labels));
}

static void
test_message_of_a_line_is_measured(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *escaped = escape(cases[i].bytes, cases[i].length);
        g_autofree char *full =
            g_strconcat("{\"log\":\"", escaped, "\\n\",\"stream\":\"stdout\"}", NULL);

        g_assert_cmpuint(hf_json_log_record_measure_message(full, strlen(full)), ==,
                         cases[i].length);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/protocol/json-log-record/" name, function)
    ADD("text-is-escaped-as-docker-does", test_text_is_escaped_as_docker_does);
    ADD("place-in-the-text-does-not-matter", test_place_in_the_text_does_not_matter);
    ADD("ascii-of-any-length-is-escaped-byte-for-byte",
        test_ascii_of_any_length_is_escaped_byte_for_byte);
    ADD("attrs-are-sorted-with-the-tag-among-them", test_attrs_are_sorted_with_the_tag_among_them);
    ADD("without-tag-and-labels-there-are-no-attrs",
        test_without_tag_and_labels_there_are_no_attrs);
    ADD("message-of-a-line-is-measured", test_message_of_a_line_is_measured);
    return g_test_run();
}
