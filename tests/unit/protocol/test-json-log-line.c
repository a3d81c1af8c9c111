/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "protocol/json-log-line.h"
#include "protocol/json-string.h"
#include "test-kit.h"

#define REST ",\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:01.5Z\"}"

static HfParseResult
parse(const char *text, GString *scratch, HfLogLine *out_line)
{
    return hf_json_log_line_parse(text, strlen(text), scratch, out_line);
}

static void
assert_message(const char *text, const char *message, size_t length, bool is_partial)
{
    GString *scratch = g_string_new(NULL);
    HfLogLine line = {0};

    g_test_message("%zu bytes", strlen(text));
    g_assert_cmpint(parse(text, scratch, &line), ==, HF_PARSE_OK);
    g_assert_cmpmem(line.bytes, (int)line.length, message, (int)length);
    g_assert_cmpint(line.is_partial, ==, is_partial);
    g_assert_cmpint(line.stream, ==, HF_STREAM_STDERR);
    g_assert_cmpint(line.time.tv_sec, ==, 1);
    g_assert_cmpint(line.time.tv_nsec, ==, 500000000);
    g_string_free(scratch, TRUE);
}

static void
test_messages_are_unescaped(void)
{
    static const struct {
        const char *json;
        const char *message;
        size_t length;
    } cases[] = {
        {"hello", "hello", 5},
        {"", "", 0},
        {"a\\nb", "a\nb", 3},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
        {"\\u0041\\u00e9\\u20AC", "A\xC3\xA9\xE2\x82\xAC", 6},
        {"\\u0000x", "\0x", 2},
        {"\\u003c\\u003E\\u0026", "<>&", 3},
        {"\\ud83d\\ude00", "\xF0\x9F\x98\x80", 4},
        {"\\uD800\\uDC00", "\xF0\x90\x80\x80", 4},
        {"\\uDBFF\\uDFFF", "\xF4\x8F\xBF\xBF", 4},
        {"\\ud83d", "\xEF\xBF\xBD", 3},
        {"\\ud83dx", "\xEF\xBF\xBDx", 4},
        {"\\ude00", "\xEF\xBF\xBD", 3},
        {"\\ud83d\\u0041",
         "\xEF\xBF\xBD"
         "A",
         4},
        {"\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD\xF0\x9F\x98\x80", 7},
        {"\\ud83d\\n", "\xEF\xBF\xBD\n", 4},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80", 4},
        {"\xFF", "\xFF", 1},
        {"\x7F", "\x7F", 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat("{\"log\":\"", cases[i].json, "\\n\"" REST, NULL);

        assert_message(text, cases[i].message, cases[i].length, false);
    }
}

static void
test_log_without_newline_is_partial(void)
{
    assert_message("{\"log\":\"abc\"" REST, "abc", 3, true);
    assert_message("{\"log\":\"\"" REST, "", 0, true);
}

static void
test_order_blanks_and_other_keys_do_not_matter(void)
{
    static const char *const cases[] = {
        "{\"time\":\"1970-01-01T00:00:01.5Z\",\"stream\":\"stderr\",\"log\":\"x\\n\"}",
        " { \"log\" : \"x\\n\" , \"stream\" :\t\"stderr\", \"time\": \"1970-01-01T00:00:01.5Z\" } "
        "\r",
        "{\"attrs\":{\"tag\":\"a\",\"n\":[1,-2.5e+3,0,true,false,null,{},[]]},\"log\":"
        "\"x\\n\"" REST,
        "{\"l\\u006fg\":\"x\\n\"" REST,
        "{\"\":\"log\",\"logs\":1,\"log\":\"x\\n\"" REST,
        "{\"attrs\":\"\\\"}\",\"log\":\"x\\n\"" REST,
        "{\"log\":\"x\\n\",\"stream\":\"std\\u0065rr\",\"time\":\"1970-01-01T00:00:01.5\\u005a\"}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_message(cases[i], "x", 1, false);
}

static void
test_what_is_no_record_is_invalid(void)
{
    static const char *const cases[] = {
        "x",
        "[]",
        "{}",
        "{,}",
        "\"log\"",
        "{\"log\":\"x\"}",
        "{\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:00Z\"}",
        "{\"log\":1" REST,
        "{\"log\":null" REST,
        "{\"log\":\"x\",\"log\":\"y\"" REST,
        "{\"log\":\"x\"" REST "x",
        "{\"log\":\"x\"" REST "{",
        "{\"log\":\"x\",}",
        "{\"log\":\"x\",\"stream\":\"stdin\",\"time\":\"1970-01-01T00:00:00Z\"}",
        "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"yesterday\"}",
        "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00:00:00Z \"}",
        "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"1970-01-01T00\"}",
        "{\"log\":\"\\x\"" REST,
        "{\"log\":\"\\u00g0\"" REST,
        "{\"log\":\"a\tb\"" REST,
        "{\"a\":01,\"log\":\"x\"" REST,
        "{\"a\":1.,\"log\":\"x\"" REST,
        "{\"a\":-,\"log\":\"x\"" REST,
        "{\"a\":+1,\"log\":\"x\"" REST,
        "{\"a\":truer,\"log\":\"x\"" REST,
        "{\"a\":[1,],\"log\":\"x\"" REST,
        "{\"a\":[1}],\"log\":\"x\"" REST,
        "{\"a\":{1:2},\"log\":\"x\"" REST,
        "{\"a\" \"b\",\"log\":\"x\"" REST,
        "{'log':'x'" REST,
        "{\"log\":\"hel{\"log\":\"x\\n\"" REST,
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        GString *scratch = g_string_new(NULL);
        HfLogLine line = {0};

        g_test_message("case %u", i);
        g_assert_cmpint(parse(cases[i], scratch, &line), ==, HF_PARSE_INVALID);
        g_string_free(scratch, TRUE);
    }
}

static void
test_nesting_has_a_limit(void)
{
    GString *scratch = g_string_new(NULL);
    GString *text = g_string_new("{\"a\":");
    HfLogLine line = {0};

    for (guint i = 0; i < 100000; i++)
        g_string_append_c(text, '[');
    HfParseResult result = hf_json_log_line_parse(text->str, text->len, scratch, &line);

    g_assert_cmpint(result, ==, HF_PARSE_INVALID);
    g_string_free(text, TRUE);
    g_string_free(scratch, TRUE);
}

static void
test_every_beginning_is_torn(void)
{
    static const char text[] = "{\"attrs\":{\"a\":[1.5e3,true,null],\"b\":{}},"
                               "\"log\":\"a\\u0041\\ud83d\\ude00\\n\"" REST;
    GString *scratch = g_string_new(NULL);

    for (size_t length = 0; length < sizeof text - 1; length++) {
        HfLogLine line = {0};

        g_test_message("%zu bytes", length);
        g_assert_cmpint(hf_json_log_line_parse(text, length, scratch, &line), ==, HF_PARSE_TORN);
    }
    g_string_free(scratch, TRUE);
}

/* What json-string escapes comes back, all but NUL; changed at random, it is read as something else
 * or refused. The texts are blocks of their own, for the sanitizers. */
static void
test_any_bytes_are_coped_with(void)
{
    GString *scratch = g_string_new(NULL);

    for (guint i = 0; i < 10000; i++) {
        char bytes[24];
        GString *json = g_string_new("{\"log\":\"");
        HfLogLine line = {0};

        for (guint n = 0; n < sizeof bytes; n++)
            bytes[n] = (char)g_test_rand_int_range(1, 128);
        hf_json_string_append(json, bytes, sizeof bytes);
        g_string_append(json, "\\n\"" REST);
        g_assert_cmpint(hf_json_log_line_parse(json->str, json->len, scratch, &line), ==,
                        HF_PARSE_OK);
        g_assert_cmpmem(line.bytes, (int)line.length, bytes, sizeof bytes);

        for (guint n = 0; n < 3; n++)
            json->str[g_test_rand_int_range(0, (gint32)json->len)] = (char)g_test_rand_int();
        gsize length = (gsize)g_test_rand_int_range(1, (gint32)json->len);
        g_autofree char *block = g_memdup2(json->str, length);
        (void)hf_json_log_line_parse(block, length, scratch, &line);
        g_string_free(json, TRUE);
    }
    g_string_free(scratch, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/json-log-line/messages-are-unescaped", test_messages_are_unescaped);
    hf_test_add("/protocol/json-log-line/log-without-newline-is-partial",
                test_log_without_newline_is_partial);
    hf_test_add("/protocol/json-log-line/order-blanks-and-other-keys-do-not-matter",
                test_order_blanks_and_other_keys_do_not_matter);
    hf_test_add("/protocol/json-log-line/what-is-no-record-is-invalid",
                test_what_is_no_record_is_invalid);
    hf_test_add("/protocol/json-log-line/nesting-has-a-limit", test_nesting_has_a_limit);
    hf_test_add("/protocol/json-log-line/every-beginning-is-torn", test_every_beginning_is_torn);
    hf_test_add("/protocol/json-log-line/any-bytes-are-coped-with", test_any_bytes_are_coped_with);
    return g_test_run();
}
