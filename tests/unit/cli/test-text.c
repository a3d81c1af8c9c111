/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/error.h>
#include <signal.h>
#include <string.h>

#include "cli/text.h"
#include "test-kit.h"

/* 2026-01-31T12:00:00Z */
#define NOW G_GINT64_CONSTANT(1769860800)
#define SECOND_US ((gint64)G_USEC_PER_SEC)

static void
test_nothing_escaped_acts_on_a_terminal(void)
{
    static const struct {
        const char *bytes;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"plain text\twith\nlines", "plain text\twith\nlines"},
        {"gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac", "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac"},
        {"\033[31mred", "\\x1b[31mred"},
        {"a\rb\x7f", "a\\x0db\\x7f"},
        /* A one-byte CSI in UTF-8, and alone. */
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b"
         "31m"},
        {"\x9b"
         "31m",
         "\\x9b"
         "31m"},
        {"cut \xe2\x82", "cut \\xe2\\x82"},
        /* Right-to-left override. */
        {"a\xe2\x80\xaetxt", "a\\xe2\\x80\\xaetxt"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = hf_text_escape(cases[i].bytes, strlen(cases[i].bytes));

        g_assert_cmpstr(text, ==, cases[i].expected);
    }
}

static void
test_a_zero_byte_does_not_end_the_text(void)
{
    g_autofree char *text = hf_text_escape("a\0b", 3);

    g_assert_cmpstr(text, ==, "a\\x00b");
}

static void
test_json_that_is_escaped_means_the_same(void)
{
    static const struct {
        const char *json;
        const char *expected;
    } cases[] = {
        {"{\n  \"a\" : \"\xc3\xa4\"\n}", "{\n  \"a\" : \"\xc3\xa4\"\n}"},
        {"\"\xc2\x9b\x37m\x1f\x7f\"", "\"\\u009b7m\\u001f\\u007f\""},
        {"\"\xe2\x80\xae\"", "\"\\u202e\""},
        /* U+E0001, a language tag. */
        {"\"\xf3\xa0\x80\x81\"", "\"\\udb40\\udc01\""},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = hf_text_escape_json(cases[i].json);

        g_assert_cmpstr(text, ==, cases[i].expected);
    }
}

static void
test_any_bytes_become_printable(void)
{
    for (guint round = 0; round < 500; round++) {
        char bytes[64];

        for (gsize i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)g_test_rand_int_range(0, 256);
        g_autofree char *text = hf_text_escape(bytes, sizeof bytes);

        g_assert_true(g_utf8_validate(text, -1, NULL));
        for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
            gunichar character = g_utf8_get_char(at);

            g_assert_true(character == '\t' || character == '\n' || !g_unichar_iscntrl(character));
        }
    }
}

static void
test_ages(void)
{
    static const struct {
        gint64 seconds;
        const char *expected;
    } cases[] = {
        {-1, "in the future"},     {0, "just now"},
        {1, "1 second ago"},       {119, "119 seconds ago"},
        {120, "2 minutes ago"},    {120 * 60 - 1, "119 minutes ago"},
        {120 * 60, "2 hours ago"}, {48 * 3600 - 1, "47 hours ago"},
        {48 * 3600, "2 days ago"}, {800 * 86400, "800 days ago"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(NOW);
        g_autoptr(GDateTime) then = g_date_time_new_from_unix_utc(NOW - cases[i].seconds);

        g_autofree char *text = hf_text_age(then, now);

        g_assert_cmpstr(text, ==, cases[i].expected);
    }
}

static void
test_sizes_are_short(void)
{
    static const struct {
        guint64 bytes;
        const char *expected;
    } cases[] = {
        {0, "0B"},
        {1023, "1023B"},
        {1024, "1.0KiB"},
        {1536, "1.5KiB"},
        {100 * 1024, "100KiB"},
        {1024 * 1024 - 1, "1.0MiB"},
        {G_GUINT64_CONSTANT(5) << 30, "5.0GiB"},
        {G_MAXUINT64 - 1, "16.0EiB"},
        {G_MAXUINT64, "unlimited"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = hf_text_size(cases[i].bytes);

        g_assert_cmpstr(text, ==, cases[i].expected);
    }
}

static void
test_moments_are_understood(void)
{
    static const struct {
        const char *text;
        gint64 expected_us; /* from NOW on */
    } cases[] = {
        {"2026-01-31T12:00:00Z", 0},
        {"2026-01-31T13:00:00.5+01:00", 500000},
        {"2026-01-31T11:59:59", -SECOND_US},
        {"2026-01-31", -43200 * SECOND_US},
        {"1769860800", 0},
        {"1769860800.25", 250000},
        {"0", -NOW * SECOND_US},
        {"90s", -90 * SECOND_US},
        {"10m", -600 * SECOND_US},
        {"1h30m", -5400 * SECOND_US},
        {"2d", -172800 * SECOND_US},
        {"1.5h", -5400 * SECOND_US},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(NOW);
        g_autoptr(GError) error = NULL;

        g_autoptr(GDateTime) time = hf_text_parse_time(cases[i].text, now, &error);

        g_assert_no_error(error);
        g_assert_cmpint(g_date_time_difference(time, now), ==, cases[i].expected_us);
    }
}

static void
test_what_is_no_moment_is_refused(void)
{
    static const char *const texts[] = {
        "", "yesterday", "10x", "m", "-10m", "1h-2m", "2026-13-01", "nan", "infs", "1e300d",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(NOW);
        g_autoptr(GError) error = NULL;

        g_autoptr(GDateTime) time = hf_text_parse_time(texts[i], now, &error);

        g_test_message("'%s'", texts[i]);
        g_assert_null(time);
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_sizes_are_understood(void)
{
    static const struct {
        const char *text;
        gint64 expected;
    } cases[] = {
        {"0", 0},
        {"64", 64},
        {"64b", 64},
        {"10k", 10240},
        {"10K", 10240},
        {"10kb", 10240},
        {"10KiB", 10240},
        {"1.5m", 1572864},
        {"2g", G_GINT64_CONSTANT(2) << 30},
        {"1GiB", 1 << 30},
        {"1t", G_GINT64_CONSTANT(1) << 40},
        {"1P", G_GINT64_CONSTANT(1) << 50},
        {"-1", -1},
        {"unlimited", -1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        gint64 bytes = -2;

        g_assert_true(hf_text_parse_size(cases[i].text, &bytes, &error));

        g_assert_no_error(error);
        g_assert_cmpint(bytes, ==, cases[i].expected);
    }
}

static void
test_what_is_no_size_is_refused(void)
{
    static const char *const texts[] = {
        "", "k", "-2", "-1k", "10x", "10kk", "10 k", "nan", "inf", "9223372036854775808", "1e300p",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        gint64 bytes = -2;

        g_test_message("'%s'", texts[i]);
        g_assert_false(hf_text_parse_size(texts[i], &bytes, &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_cmpint(bytes, ==, -2);
    }
}

static void
test_signals_are_understood(void)
{
    const struct {
        const char *text;
        int expected;
    } cases[] = {
        {"9", SIGKILL},       {"0", 0},
        {"KILL", SIGKILL},    {"SIGTERM", SIGTERM},
        {"sigusr1", SIGUSR1}, {"hup", SIGHUP},
        {"RTMIN", SIGRTMIN},  {"SIGRTMIN+3", SIGRTMIN + 3},
        {"rtmax", SIGRTMAX},  {"RTMAX-2", SIGRTMAX - 2},
        {"64", SIGRTMAX},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        int number = hf_text_parse_signal(cases[i].text, &error);

        g_assert_no_error(error);
        g_assert_cmpint(number, ==, cases[i].expected);
    }
}

static void
test_what_is_no_signal_is_refused(void)
{
    static const char *const texts[] = {
        "", "SIG", "-9", "65", "9x", "KILLED", "RTMIN+99", "RTMIN-1", "RTMAX+1", "RTMIN+",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("'%s'", texts[i]);
        g_assert_cmpint(hf_text_parse_signal(texts[i], &error), ==, -1);

        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
}

int
main(int argc, char **argv)
{
    /* Dates without a zone are local ones. */
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/cli/text/nothing-escaped-acts-on-a-terminal",
                test_nothing_escaped_acts_on_a_terminal);
    hf_test_add("/cli/text/a-zero-byte-does-not-end-the-text",
                test_a_zero_byte_does_not_end_the_text);
    hf_test_add("/cli/text/json-that-is-escaped-means-the-same",
                test_json_that_is_escaped_means_the_same);
    hf_test_add("/cli/text/any-bytes-become-printable", test_any_bytes_become_printable);
    hf_test_add("/cli/text/ages", test_ages);
    hf_test_add("/cli/text/sizes-are-short", test_sizes_are_short);
    hf_test_add("/cli/text/moments-are-understood", test_moments_are_understood);
    hf_test_add("/cli/text/what-is-no-moment-is-refused", test_what_is_no_moment_is_refused);
    hf_test_add("/cli/text/sizes-are-understood", test_sizes_are_understood);
    hf_test_add("/cli/text/what-is-no-size-is-refused", test_what_is_no_size_is_refused);
    hf_test_add("/cli/text/signals-are-understood", test_signals_are_understood);
    hf_test_add("/cli/text/what-is-no-signal-is-refused", test_what_is_no_signal_is_refused);
    return g_test_run();
}
