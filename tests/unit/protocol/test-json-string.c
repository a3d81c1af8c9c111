/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "protocol/json-string.h"
#include "test-kit.h"

#define FFFD "\xEF\xBF\xBD"

static const struct {
    const char *text;
    size_t length;
    const char *json;
} cases[] = {
    {"", 0, ""},
    {"plain text 09~ /", 16, "plain text 09~ /"},
    {"say \"hi\" c:\\dir", 15, "say \\\"hi\\\" c:\\\\dir"},
    {"\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t"},
    {"a\0b", 3, "a" FFFD "b"},
    {"\x01\x1b[0m\x1f", 6, "\\u0001\\u001b[0m\\u001f"},
    {"\x7f", 1, "\x7f"},
    /* the shortest and longest of each length */
    {"\xC2\x80\xDF\xBF", 4, "\xC2\x80\xDF\xBF"},
    {"\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", 12,
     "\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"},
    {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
    /* bytes that begin nothing */
    {"\x80", 1, FFFD},
    {"\xFE\xFF", 2, FFFD FFFD},
    /* overlong forms, surrogates, above U+10FFFF */
    {"\xC0\x80", 2, FFFD FFFD},
    {"\xC1\xBF", 2, FFFD FFFD},
    {"\xE0\x9F\xBF", 3, FFFD FFFD FFFD},
    {"\xF0\x8F\xBF\xBF", 4, FFFD FFFD FFFD FFFD},
    {"\xED\xA0\x80", 3, FFFD FFFD FFFD},
    {"\xF4\x90\x80\x80", 4, FFFD FFFD FFFD FFFD},
    {"\xF5\x80\x80\x80", 4, FFFD FFFD FFFD FFFD},
    /* cut short by the end, by another character, by another sequence */
    {"\xC3", 1, FFFD},
    {"a\xE2\x82", 3, "a" FFFD FFFD},
    {"\xE2\x82z", 3, FFFD FFFD "z"},
    {"\xF0\x9F\x98\"", 4, FFFD FFFD FFFD "\\\""},
    {"\xE2\xC3\xA9", 3, FFFD "\xC3\xA9"},
};

static void
test_each_kind_of_character_is_escaped(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) json = g_string_new(NULL);

        hf_json_string_append(json, cases[i].text, cases[i].length);

        g_assert_cmpmem(json->str, (int)json->len, cases[i].json, (int)strlen(cases[i].json));
    }
}

static void
test_measure_agrees_with_append(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t taken = 0, size = 0;

        while (taken < cases[i].length) {
            size_t escaped = 0;

            taken +=
                hf_json_string_measure(cases[i].text + taken, cases[i].length - taken, &escaped);
            size += escaped;
        }

        g_assert_cmpuint(taken, ==, cases[i].length);
        g_assert_cmpuint(size, ==, strlen(cases[i].json));
    }
}

static void
test_append_keeps_what_is_there(void)
{
    g_autoptr(GString) json = g_string_new("{\"a\":\"");

    hf_json_string_append(json, "b\n", 2);

    g_assert_cmpstr(json->str, ==, "{\"a\":\"b\\n");
}

static void
test_any_bytes_become_utf8_without_control_characters(void)
{
    for (guint round = 0; round < 2000; round++) {
        g_autoptr(GString) json = g_string_new(NULL);
        char bytes[64];
        size_t length = (size_t)g_test_rand_int_range(0, sizeof bytes);

        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)g_test_rand_int_range(0, 256);
        hf_json_string_append(json, bytes, length);

        g_assert_true(g_utf8_validate_len(json->str, json->len, NULL));
        for (size_t i = 0; i < json->len; i++)
            g_assert_cmpuint((guchar)json->str[i], >=, 0x20);
    }
}

static void
test_text_is_never_read_past_its_length(void)
{
    /* On the heap, so that AddressSanitizer sees a byte too many. */
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *exact = g_memdup2(cases[i].text, cases[i].length);
        g_autoptr(GString) json = g_string_new(NULL);

        hf_json_string_append(json, exact, cases[i].length);

        g_assert_cmpuint(json->len, ==, strlen(cases[i].json));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/json-string/each-kind-of-character-is-escaped",
                test_each_kind_of_character_is_escaped);
    hf_test_add("/protocol/json-string/measure-agrees-with-append",
                test_measure_agrees_with_append);
    hf_test_add("/protocol/json-string/append-keeps-what-is-there",
                test_append_keeps_what_is_there);
    hf_test_add("/protocol/json-string/any-bytes-become-utf8-without-control-characters",
                test_any_bytes_become_utf8_without_control_characters);
    hf_test_add("/protocol/json-string/text-is-never-read-past-its-length",
                test_text_is_never_read_past_its_length);
    return g_test_run();
}
