/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "protocol/cri-line.h"
#include "protocol/cri-record.h"
#include "test-kit.h"

#define TIME "2026-01-31T23:59:59.123456789+01:00"

static HfParseResult
parse(const char *text, HfLogLine *out_line)
{
    return hf_cri_line_parse(text, strlen(text), out_line);
}

static void
test_fields_are_taken_apart(void)
{
    static const struct {
        const char *text;
        HfStream stream;
        bool is_partial;
        const char *message;
    } cases[] = {
        {TIME " stdout F hello world", HF_STREAM_STDOUT, false, "hello world"},
        {TIME " stderr P half", HF_STREAM_STDERR, true, "half"},
        {TIME " stdout F ", HF_STREAM_STDOUT, false, ""},
        {TIME " stdout F   blanks  ", HF_STREAM_STDOUT, false, "  blanks  "},
        {TIME " stdout P:tag:more text", HF_STREAM_STDOUT, true, "text"},
        {TIME " stdout F {\"log\":\"x\"}", HF_STREAM_STDOUT, false, "{\"log\":\"x\"}"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        HfLogLine line = {0};

        g_test_message("%s", cases[i].text);
        g_assert_cmpint(parse(cases[i].text, &line), ==, HF_PARSE_OK);
        g_assert_cmpint(line.stream, ==, cases[i].stream);
        g_assert_cmpint(line.is_partial, ==, cases[i].is_partial);
        g_assert_cmpmem(line.bytes, (int)line.length, cases[i].message,
                        (int)strlen(cases[i].message));
    }
}

static void
test_message_may_hold_any_bytes(void)
{
    static const char text[] = TIME " stdout F a\0\xFF\r";
    HfLogLine line = {0};

    g_assert_cmpint(hf_cri_line_parse(text, sizeof text - 1, &line), ==, HF_PARSE_OK);

    g_assert_cmpmem(line.bytes, (int)line.length, "a\0\xFF\r", 4);
}

static void
test_time_is_that_of_the_zone(void)
{
    static const struct {
        const char *time;
        gint64 seconds;
        glong nanoseconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"1970-01-01T00:00:00.000000001Z", 0, 1},
        {"1970-01-01T00:00:00.5Z", 0, 500000000},
        {"1969-12-31T23:59:59Z", -1, 0},
        {"1970-01-01T01:00:00+01:00", 0, 0},
        {"1969-12-31T18:30:00-05:30", 0, 0},
        {"1970-01-01T14:00:00+14:00", 0, 0},
        {"2000-02-29T12:00:00Z", 951825600, 0},
        {"2024-02-29T00:00:00Z", 1709164800, 0},
        {"2026-01-31T23:59:59.123456789+01:00", 1769900399, 123456789},
        {"2100-03-01T00:00:00Z", 4107542400, 0},
        {"2016-12-31T23:59:60Z", 1483228800, 0},
        {"9999-12-31T23:59:59Z", 253402300799, 0},
        {"0001-01-01T00:00:00Z", -62135596800, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat(cases[i].time, " stdout F x", NULL);
        HfLogLine line = {0};

        g_test_message("%s", text);
        g_assert_cmpint(parse(text, &line), ==, HF_PARSE_OK);
        g_assert_cmpint(line.time.tv_sec, ==, cases[i].seconds);
        g_assert_cmpint(line.time.tv_nsec, ==, cases[i].nanoseconds);
    }
}

static void
test_what_is_no_record_is_invalid(void)
{
    static const char *const cases[] = {
        "garbage",
        " " TIME " stdout F x",
        TIME "  stdout F x",
        TIME " stdin F x",
        TIME " stdoutF x",
        TIME " stdout X x",
        TIME " stdout f x",
        TIME " stdout FF x",
        TIME " STDOUT F x",
        "2026-13-01T00:00:00Z stdout F x",
        "2026-00-01T00:00:00Z stdout F x",
        "2026-02-29T00:00:00Z stdout F x",
        "2100-02-29T00:00:00Z stdout F x",
        "2026-01-32T00:00:00Z stdout F x",
        "2026-01-01T24:00:00Z stdout F x",
        "2026-01-01T00:60:00Z stdout F x",
        "2026-01-01T00:00:61Z stdout F x",
        "2026-01-01T00:00:00.Z stdout F x",
        "2026-01-01T00:00:00.1234567890Z stdout F x",
        "2026-01-01T00:00:00 stdout F x",
        "2026-01-01t00:00:00Z stdout F x",
        "2026-01-01T00:00:00+24:00 stdout F x",
        "2026-01-01T00:00:00+00:60 stdout F x",
        "2026-01-01T00:00:00+0100 stdout F x",
        "26-01-01T00:00:00Z stdout F x",
        TIME TIME " stdout F x",
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        HfLogLine line = {0};

        g_test_message("%s", cases[i]);
        g_assert_cmpint(parse(cases[i], &line), ==, HF_PARSE_INVALID);
    }
}

static void
test_every_beginning_of_a_prefix_is_torn(void)
{
    static const char text[] = TIME " stderr P:tag x";

    for (size_t length = 0; length < sizeof TIME " stderr P:tag " - 1; length++) {
        HfLogLine line = {0};

        g_test_message("%zu bytes", length);
        g_assert_cmpint(hf_cri_line_parse(text, length, &line), ==, HF_PARSE_TORN);
    }
}

static void
test_what_is_written_is_read(void)
{
    static const struct timespec times[] = {{1769900399, 1}, {0, 999999999}, {1783000000, 0}};

    for (guint i = 0; i < 2 * G_N_ELEMENTS(times); i++) {
        const struct timespec *time = &times[i / 2];
        HfClockFormat format;
        char text[HF_CRI_PREFIX_MAX];
        size_t length = 0;
        HfLogLine line = {0};

        hf_clock_format_init(&format, i % 2 == 0);
        const char *stamp = hf_clock_format_rfc3339(&format, time, &length);
        length = hf_cri_record_prefix(text, stamp, length, HF_STREAM_STDERR, true);

        g_assert_cmpint(hf_cri_line_parse(text, length, &line), ==, HF_PARSE_OK);
        g_assert_cmpint(line.time.tv_sec, ==, time->tv_sec);
        g_assert_cmpint(line.time.tv_nsec, ==, time->tv_nsec);
        g_assert_cmpint(line.stream, ==, HF_STREAM_STDERR);
        g_assert_true(line.is_partial);
    }
}

/* Any bytes, and records with a few bytes changed: nothing is read beyond the end (each text is a
 * block of its own, for the sanitizers). */
static void
test_any_bytes_are_coped_with(void)
{
    static const char record[] = TIME " stdout F x";

    for (guint i = 0; i < 20000; i++) {
        gsize length = (gsize)g_test_rand_int_range(0, sizeof record);
        g_autofree char *text = g_memdup2(record, length);
        HfLogLine line = {0};

        for (guint n = 0; length > 0 && n < i % 4; n++)
            text[g_test_rand_int_range(0, (gint32)length)] = (char)g_test_rand_int();
        if (hf_cri_line_parse(text, length, &line) == HF_PARSE_OK)
            g_assert_true(line.bytes >= text && line.bytes + line.length == text + length);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/cri-line/fields-are-taken-apart", test_fields_are_taken_apart);
    hf_test_add("/protocol/cri-line/message-may-hold-any-bytes", test_message_may_hold_any_bytes);
    hf_test_add("/protocol/cri-line/time-is-that-of-the-zone", test_time_is_that_of_the_zone);
    hf_test_add("/protocol/cri-line/what-is-no-record-is-invalid",
                test_what_is_no_record_is_invalid);
    hf_test_add("/protocol/cri-line/every-beginning-of-a-prefix-is-torn",
                test_every_beginning_of_a_prefix_is_torn);
    hf_test_add("/protocol/cri-line/what-is-written-is-read", test_what_is_written_is_read);
    hf_test_add("/protocol/cri-line/any-bytes-are-coped-with", test_any_bytes_are_coped_with);
    return g_test_run();
}
