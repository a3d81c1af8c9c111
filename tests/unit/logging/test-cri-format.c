/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "logging/cri-format.h"
#include "test-kit.h"

typedef struct {
    HfStream stream;
    bool is_partial;
    const char *message;
    long nanoseconds;
    const char *expected;
} FormatCase;

/* In this order through one format: prefixes are kept between them. */
static const FormatCase format_cases[] = {
    {HF_STREAM_STDOUT, false, "one", 1, "2026-11-23T04:20:37.000000001Z stdout F one\n"},
    {HF_STREAM_STDOUT, false, "", 1, "2026-11-23T04:20:37.000000001Z stdout F \n"},
    {HF_STREAM_STDERR, false, "two", 1, "2026-11-23T04:20:37.000000001Z stderr F two\n"},
    {HF_STREAM_STDERR, true, "thr", 1, "2026-11-23T04:20:37.000000001Z stderr P thr\n"},
    {HF_STREAM_STDOUT, true, "fo", 1, "2026-11-23T04:20:37.000000001Z stdout P fo\n"},
    {HF_STREAM_STDOUT, false, "a b", 999999999, "2026-11-23T04:20:37.999999999Z stdout F a b\n"},
    {HF_STREAM_STDERR, true, "thr", 999999999, "2026-11-23T04:20:37.999999999Z stderr P thr\n"},
};

static void
test_records_by_stream_tag_and_time(void)
{
    HfCriFormat format;

    hf_cri_format_init(&format, true);
    for (guint i = 0; i < G_N_ELEMENTS(format_cases); i++) {
        const FormatCase *test_case = &format_cases[i];
        char buffer[128] = {0};
        HfLogRecord record = {
            .stream = test_case->stream,
            .is_partial = test_case->is_partial,
            .bytes = test_case->message,
            .length = strlen(test_case->message),
            .time = {.tv_sec = 1795407637, .tv_nsec = test_case->nanoseconds},
        };

        hf_cri_format_write(&format, buffer, &record);

        g_assert_cmpstr(buffer, ==, test_case->expected);
        g_assert_cmpuint(strlen(buffer), ==, hf_cri_format_get_overhead(&format) + record.length);
    }
}

static void
test_local_time_has_an_offset(void)
{
    HfCriFormat format;
    char buffer[128] = {0};
    HfLogRecord record = {.bytes = "x", .length = 1, .time = {.tv_sec = 1795435200}};

    hf_cri_format_init(&format, false);
    hf_cri_format_write(&format, buffer, &record);

    g_assert_cmpuint(strlen(buffer), ==, hf_cri_format_get_overhead(&format) + 1);
    g_assert_true(g_str_has_prefix(buffer, "2026-11-2"));
    g_assert_true(buffer[29] == '+' || buffer[29] == '-');
    g_assert_cmpstr(buffer + HF_CLOCK_RFC3339_LENGTH, ==, " stdout F x\n");
}

static void
test_same_fraction_of_another_second_is_another_time(void)
{
    HfCriFormat format;
    char buffer[128] = {0};
    HfLogRecord record = {.bytes = "x", .length = 1, .time = {.tv_sec = 1795407637}};

    hf_cri_format_init(&format, true);
    hf_cri_format_write(&format, buffer, &record);
    record.time.tv_sec++;
    hf_cri_format_write(&format, buffer, &record);

    g_assert_cmpstr(buffer, ==, "2026-11-23T04:20:38.000000000Z stdout F x\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/cri-format/records-by-stream-tag-and-time",
                test_records_by_stream_tag_and_time);
    hf_test_add("/logging/cri-format/local-time-has-an-offset", test_local_time_has_an_offset);
    hf_test_add("/logging/cri-format/same-fraction-of-another-second-is-another-time",
                test_same_fraction_of_another_second_is_another_time);
    return g_test_run();
}
