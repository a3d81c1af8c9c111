/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "monitor/read-pace.h"
#include "test-kit.h"

#define START_US (1000 * G_USEC_PER_SEC)

/* @count reads of @length bytes, @gap_us apart, after a first one. Returns what the last came to.
 */
static size_t
note_reads(HfReadPace *pace, guint count, gint64 gap_us, size_t length)
{
    size_t needed = hf_read_pace_note(pace, START_US, length);

    for (guint i = 1; i <= count; i++) {
        g_assert_cmpuint(needed, ==, 0);
        needed = hf_read_pace_note(pace, START_US + i * gap_us, length);
    }
    return needed;
}

static void
test_a_first_read_is_no_haste(void)
{
    HfReadPace pace = {0};

    g_assert_cmpuint(hf_read_pace_note(&pace, START_US, 100), ==, 0);
}

static void
test_sixteen_hasty_reads_propose_a_rest(void)
{
    HfReadPace pace = {0};

    size_t needed = note_reads(&pace, 16, 10, 100);

    /* Ten bytes a microsecond, for a millisecond, twice. */
    g_assert_cmpuint(needed, ==, 2 * 10 * 1000);
}

static void
test_slow_reads_never_propose_a_rest(void)
{
    HfReadPace pace = {0};

    g_assert_cmpuint(note_reads(&pace, 1000, 250, 100), ==, 0);
}

static void
test_one_slow_read_begins_the_count_anew(void)
{
    HfReadPace pace = {0};

    (void)note_reads(&pace, 15, 10, 100);
    g_assert_cmpuint(hf_read_pace_note(&pace, START_US + 1000, 100), ==, 0);

    for (guint i = 1; i <= 15; i++)
        g_assert_cmpuint(hf_read_pace_note(&pace, START_US + 1000 + i * 10, 100), ==, 0);
}

static void
test_a_rest_that_was_refused_is_proposed_again_later(void)
{
    HfReadPace pace = {0};
    guint proposals = 0;

    (void)note_reads(&pace, 16, 10, 100);
    for (guint i = 17; i <= 17 + 3 * 17; i++)
        proposals += hf_read_pace_note(&pace, START_US + i * 10, 100) > 0 ? 1 : 0;

    g_assert_cmpuint(proposals, ==, 3);
}

static void
test_a_rest_that_brings_much_is_followed_by_another(void)
{
    HfReadPace pace = {0};

    (void)note_reads(&pace, 16, 10, 100);
    size_t needed = hf_read_pace_note_rested(&pace, START_US + 160 + 1000, 5000);

    g_assert_cmpuint(needed, ==, 2 * 5000);
}

static void
test_a_rest_that_brings_little_is_the_last(void)
{
    static const size_t lengths[] = {0, 100, 400};

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        HfReadPace pace = {0};

        (void)note_reads(&pace, 16, 10, 100);

        g_assert_cmpuint(hf_read_pace_note_rested(&pace, START_US + 160 + 1000, lengths[i]), ==, 0);
    }
}

static void
test_reads_at_one_moment_need_more_than_any_pipe(void)
{
    HfReadPace pace = {0};

    g_assert_cmpuint(note_reads(&pace, 16, 0, 4096), >=, 64 * 1024 * 1024);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/read-pace/a-first-read-is-no-haste", test_a_first_read_is_no_haste);
    hf_test_add("/monitor/read-pace/sixteen-hasty-reads-propose-a-rest",
                test_sixteen_hasty_reads_propose_a_rest);
    hf_test_add("/monitor/read-pace/slow-reads-never-propose-a-rest",
                test_slow_reads_never_propose_a_rest);
    hf_test_add("/monitor/read-pace/one-slow-read-begins-the-count-anew",
                test_one_slow_read_begins_the_count_anew);
    hf_test_add("/monitor/read-pace/a-rest-that-was-refused-is-proposed-again-later",
                test_a_rest_that_was_refused_is_proposed_again_later);
    hf_test_add("/monitor/read-pace/a-rest-that-brings-much-is-followed-by-another",
                test_a_rest_that_brings_much_is_followed_by_another);
    hf_test_add("/monitor/read-pace/a-rest-that-brings-little-is-the-last",
                test_a_rest_that_brings_little_is_the_last);
    hf_test_add("/monitor/read-pace/reads-at-one-moment-need-more-than-any-pipe",
                test_reads_at_one_moment_need_more_than_any_pipe);
    return g_test_run();
}
