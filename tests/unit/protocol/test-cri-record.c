/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "protocol/cri-record.h"
#include "test-kit.h"

#define LOCAL_TIME "2026-01-31T23:59:59.123456789+01:00"
#define UTC_TIME "2026-01-31T23:59:59.123456789Z"

static void
test_each_prefix(void)
{
    static const struct {
        const char *time;
        HfStream stream;
        bool is_partial;
        const char *prefix;
    } cases[] = {
        {LOCAL_TIME, HF_STREAM_STDOUT, false, LOCAL_TIME " stdout F "},
        {LOCAL_TIME, HF_STREAM_STDOUT, true, LOCAL_TIME " stdout P "},
        {UTC_TIME, HF_STREAM_STDERR, false, UTC_TIME " stderr F "},
        {UTC_TIME, HF_STREAM_STDERR, true, UTC_TIME " stderr P "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char buffer[HF_CRI_PREFIX_MAX];

        size_t length = hf_cri_record_prefix(buffer, cases[i].time, strlen(cases[i].time),
                                             cases[i].stream, cases[i].is_partial);

        g_assert_cmpmem(buffer, (int)length, cases[i].prefix, (int)strlen(cases[i].prefix));
    }
}

static void
test_longest_prefix_fills_the_maximum_and_nothing_behind_it(void)
{
    char buffer[HF_CRI_PREFIX_MAX + 1];

    buffer[HF_CRI_PREFIX_MAX] = 'x';
    size_t length =
        hf_cri_record_prefix(buffer, LOCAL_TIME, strlen(LOCAL_TIME), HF_STREAM_STDERR, true);

    g_assert_cmpuint(length, ==, HF_CRI_PREFIX_MAX);
    g_assert_cmpint(buffer[HF_CRI_PREFIX_MAX], ==, 'x');
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/cri-record/each-prefix", test_each_prefix);
    hf_test_add("/protocol/cri-record/longest-prefix-fills-the-maximum-and-nothing-behind-it",
                test_longest_prefix_fills_the_maximum_and_nothing_behind_it);
    return g_test_run();
}
