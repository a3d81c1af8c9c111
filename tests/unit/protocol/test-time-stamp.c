/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "protocol/time-stamp.h"
#include "test-kit.h"

static void
test_stamps_become_nanoseconds(void)
{
    static const struct {
        const char *text;
        gint64 ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T01:00:01.5+01:00", 1500000000},
        {"1969-12-31T23:59:59.25Z", -750000000},
        {"2026-01-31T12:00:00.123456789Z", G_GINT64_CONSTANT(1769860800123456789)},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *at = cases[i].text;
        struct timespec time;

        g_assert_cmpint(hf_time_stamp_take(&at, at + strlen(at), &time), ==, HF_PARSE_OK);
        g_assert_cmpint(hf_time_stamp_to_ns(&time), ==, cases[i].ns);
        g_assert_cmpint(*at, ==, '\0');
    }
}

static void
test_years_out_of_reach_are_the_ends_of_time(void)
{
    static const struct {
        const char *text;
        gint64 ns;
    } cases[] = {
        {"0000-01-01T00:00:00Z", G_MININT64},
        {"9999-12-31T23:59:59.999999999Z", G_MAXINT64},
        {"2262-04-11T23:47:16.854775807Z", G_MAXINT64},
        {"2262-04-11T23:47:16.854775808Z", G_MAXINT64},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *at = cases[i].text;
        struct timespec time;

        g_assert_cmpint(hf_time_stamp_take(&at, at + strlen(at), &time), ==, HF_PARSE_OK);
        g_assert_cmpint(hf_time_stamp_to_ns(&time), ==, cases[i].ns);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/time-stamp/stamps-become-nanoseconds", test_stamps_become_nanoseconds);
    hf_test_add("/protocol/time-stamp/years-out-of-reach-are-the-ends-of-time",
                test_years_out_of_reach_are_the_ends_of_time);
    return g_test_run();
}
