/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "test-kit.h"

/* 2026-01-31T23:59:59Z and 2026-07-31T23:59:59Z */
#define WINTER 1769903999
#define SUMMER 1785542399

static const char *
format(HfClockFormat *clock_format, time_t second, long nanosecond)
{
    const struct timespec when = {.tv_sec = second, .tv_nsec = nanosecond};
    size_t length = 0;
    const char *text = hf_clock_format_rfc3339(clock_format, &when, &length);

    g_assert_cmpuint(length, ==, strlen(text));
    return text;
}

static void
test_offsets_of_time_zones(void)
{
    static const struct {
        const char *zone;
        time_t second;
        const char *text;
    } cases[] = {
        {"UTC0", WINTER, "2026-01-31T23:59:59.000000000+00:00"},
        {"XXX-1", WINTER, "2026-02-01T00:59:59.000000000+01:00"},
        {"XXX-5:30", WINTER, "2026-02-01T05:29:59.000000000+05:30"},
        {"XXX-5:45", WINTER, "2026-02-01T05:44:59.000000000+05:45"},
        {"XXX-14", WINTER, "2026-02-01T13:59:59.000000000+14:00"},
        {"XXX3:30", WINTER, "2026-01-31T20:29:59.000000000-03:30"},
        {"XXX0:30", WINTER, "2026-01-31T23:29:59.000000000-00:30"},
        {"XXX12", WINTER, "2026-01-31T11:59:59.000000000-12:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", WINTER, "2026-02-01T00:59:59.000000000+01:00"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", SUMMER, "2026-08-01T01:59:59.000000000+02:00"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        HfClockFormat clock_format;

        g_assert_true(g_setenv("TZ", cases[i].zone, TRUE));
        hf_clock_format_init(&clock_format, false);

        g_assert_cmpstr(format(&clock_format, cases[i].second, 0), ==, cases[i].text);
    }
}

static void
test_utc_ignores_the_time_zone(void)
{
    HfClockFormat clock_format;

    g_assert_true(g_setenv("TZ", "XXX-5:30", TRUE));
    hf_clock_format_init(&clock_format, true);

    g_assert_cmpstr(format(&clock_format, WINTER, 123456789), ==, "2026-01-31T23:59:59.123456789Z");
}

static void
test_fraction_has_nine_digits_always(void)
{
    static const struct {
        long nanosecond;
        const char *text;
    } cases[] = {
        {0, "2026-01-31T23:59:59.000000000Z"},
        {1, "2026-01-31T23:59:59.000000001Z"},
        {120000000, "2026-01-31T23:59:59.120000000Z"},
        {999999999, "2026-01-31T23:59:59.999999999Z"},
        {42, "2026-01-31T23:59:59.000000042Z"},
    };
    HfClockFormat clock_format;

    hf_clock_format_init(&clock_format, true);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(format(&clock_format, WINTER, cases[i].nanosecond), ==, cases[i].text);
}

static void
test_second_that_changes_is_formatted_anew(void)
{
    HfClockFormat clock_format;

    hf_clock_format_init(&clock_format, true);

    g_assert_cmpstr(format(&clock_format, WINTER, 7), ==, "2026-01-31T23:59:59.000000007Z");
    g_assert_cmpstr(format(&clock_format, WINTER + 1, 8), ==, "2026-02-01T00:00:00.000000008Z");
    g_assert_cmpstr(format(&clock_format, WINTER - 59, 9), ==, "2026-01-31T23:59:00.000000009Z");
}

static void
test_first_second_may_be_zero(void)
{
    HfClockFormat clock_format;

    hf_clock_format_init(&clock_format, true);

    g_assert_cmpstr(format(&clock_format, 0, 5), ==, "1970-01-01T00:00:00.000000005Z");
    g_assert_cmpstr(format(&clock_format, -1, 5), ==, "1969-12-31T23:59:59.000000005Z");
}

static void
test_time_zone_that_changes_is_seen_in_the_next_second(void)
{
    HfClockFormat clock_format;

    g_assert_true(g_setenv("TZ", "XXX-1", TRUE));
    hf_clock_format_init(&clock_format, false);
    (void)format(&clock_format, WINTER, 0);
    g_assert_true(g_setenv("TZ", "XXX-2", TRUE));

    g_assert_cmpstr(format(&clock_format, WINTER + 1, 0), ==,
                    "2026-02-01T02:00:00.000000000+02:00");
}

static void
test_lengths_are_those_of_the_header(void)
{
    HfClockFormat local, utc;

    hf_clock_format_init(&local, false);
    hf_clock_format_init(&utc, true);

    g_assert_cmpuint(strlen(format(&local, WINTER, 0)), ==, HF_CLOCK_RFC3339_LENGTH);
    g_assert_cmpuint(strlen(format(&utc, WINTER, 0)), ==, HF_CLOCK_RFC3339_UTC_LENGTH);
}

static void
test_now_is_a_time(void)
{
    struct timespec now = hf_clock_now();

    g_assert_cmpint(now.tv_sec, >, 0);
    g_assert_cmpint(now.tv_nsec, >=, 0);
    g_assert_cmpint(now.tv_nsec, <, 1000000000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/clock/offsets-of-time-zones", test_offsets_of_time_zones);
    hf_test_add("/base/clock/utc-ignores-the-time-zone", test_utc_ignores_the_time_zone);
    hf_test_add("/base/clock/fraction-has-nine-digits-always",
                test_fraction_has_nine_digits_always);
    hf_test_add("/base/clock/second-that-changes-is-formatted-anew",
                test_second_that_changes_is_formatted_anew);
    hf_test_add("/base/clock/first-second-may-be-zero", test_first_second_may_be_zero);
    hf_test_add("/base/clock/time-zone-that-changes-is-seen-in-the-next-second",
                test_time_zone_that_changes_is_seen_in_the_next_second);
    hf_test_add("/base/clock/lengths-are-those-of-the-header",
                test_lengths_are_those_of_the_header);
    hf_test_add("/base/clock/now-is-a-time", test_now_is_a_time);
    return g_test_run();
}
