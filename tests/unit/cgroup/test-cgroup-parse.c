/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-parse.h"
#include "test-kit.h"

static void
assert_refused(HfCgroupParser parse, const char *text, size_t length, gpointer out)
{
    g_autofree char *shown = g_strescape(text, NULL);
    g_autoptr(GError) error = NULL;

    g_test_message("'%s'", shown);
    g_assert_false(parse(text, length, out, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
}

static void
assert_parsed(HfCgroupParser parse, const char *text, gpointer out)
{
    g_autoptr(GError) error = NULL;

    g_test_message("'%s'", text);
    g_assert_true(parse(text, strlen(text), out, &error));
    g_assert_no_error(error);
}

static void
test_number_may_be_max_or_negative(void)
{
    static const struct {
        const char *text;
        guint64 value;
    } cases[] = {
        {"0\n", 0},       {"67108864\n", 67108864}, {"12", 12},
        {" 12 \n\n", 12}, {"max\n", G_MAXUINT64},   {"18446744073709551615\n", G_MAXUINT64},
        {"-4096\n", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 value = 7;

        assert_parsed(hf_cgroup_parse_number, cases[i].text, &value);
        g_assert_cmpuint(value, ==, cases[i].value);
    }
}

static void
test_what_is_no_number_is_refused(void)
{
    static const char *const texts[] = {
        "",      "\n",         "maximum\n", "1 2\n", "1\n2\n", "max max", "18446744073709551616\n",
        "0x1\n", "\xff\xfe\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint64 value = 7;

        assert_refused(hf_cgroup_parse_number, texts[i], strlen(texts[i]), &value);
        g_assert_cmpuint(value, ==, 7);
    }
}

static void
test_bytes_end_where_the_length_says(void)
{
    guint64 value = 0;
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_cgroup_parse_number("12345", 3, &value, &error));
    g_assert_cmpuint(value, ==, 123);
    assert_refused(hf_cgroup_parse_number, "1\0002", 3, &value);
}

static void
test_signed_number(void)
{
    gint64 value = 0;

    assert_parsed(hf_cgroup_parse_signed, "-1\n", &value);
    g_assert_cmpint(value, ==, -1);
    assert_refused(hf_cgroup_parse_signed, "max\n", 4, &value);
    assert_refused(hf_cgroup_parse_signed, "", 0, &value);
}

static void
test_numbers_are_appended(void)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));

    assert_parsed(hf_cgroup_parse_numbers, "24055402 393853 \n", numbers);
    assert_parsed(hf_cgroup_parse_numbers, "", numbers);
    assert_parsed(hf_cgroup_parse_numbers, "3\n", numbers);

    g_assert_cmpuint(numbers->len, ==, 3);
    g_assert_cmpuint(g_array_index(numbers, guint64, 0), ==, 24055402);
    g_assert_cmpuint(g_array_index(numbers, guint64, 1), ==, 393853);
    g_assert_cmpuint(g_array_index(numbers, guint64, 2), ==, 3);
    assert_refused(hf_cgroup_parse_numbers, "1 x\n", 4, numbers);
}

static char *
show_places(const GArray *places)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < places->len; i++)
        g_string_append_printf(text, "%s%u", i == 0 ? "" : " ", g_array_index(places, guint16, i));
    return g_string_free(text, FALSE);
}

static void
test_ranges_are_spelt_out(void)
{
    static const struct {
        const char *text;
        const char *places;
    } cases[] = {
        {"0-1\n", "0 1"},     {"0\n", "0"}, {"0-2,5,7-8\n", "0 1 2 5 7 8"},
        {"65535\n", "65535"}, {"\n", ""},   {"", ""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint16));

        assert_parsed(hf_cgroup_parse_ranges, cases[i].text, places);
        g_autofree char *shown = show_places(places);
        g_assert_cmpstr(shown, ==, cases[i].places);
    }
}

static void
test_what_is_no_range_is_refused(void)
{
    static const char *const texts[] = {
        "1-0\n",
        "-1\n",
        "0-\n",
        "0--1\n",
        "0,\n",
        ",0\n",
        "65536\n",
        "0-4294967295\n",
        "a\n",
        "0 1\n",
        "0-65535,0-65535\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint16));

        assert_refused(hf_cgroup_parse_ranges, texts[i], strlen(texts[i]), places);
        g_assert_cmpuint(places->len, <=, 65536);
    }
}

static void
test_pairs_are_found_by_key(void)
{
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();
    bool has = false;

    assert_parsed(hf_cgroup_parse_pairs,
                  "cache 4194304\nrss -1\n\ntotal_cache 18446744073709551615\ncache 9\nlast 3",
                  pairs);

    g_assert_cmpuint(pairs->len, ==, 5);
    g_assert_cmpuint(hf_cgroup_pairs_get(pairs, "cache", &has), ==, 4194304);
    g_assert_true(has);
    g_assert_cmpuint(hf_cgroup_pairs_get(pairs, "rss", &has), ==, 0);
    g_assert_true(has);
    g_assert_cmpuint(hf_cgroup_pairs_get(pairs, "total_cache", NULL), ==, G_MAXUINT64);
    g_assert_cmpuint(hf_cgroup_pairs_get(pairs, "last", NULL), ==, 3);
    g_assert_cmpuint(hf_cgroup_pairs_get(pairs, "absent", &has), ==, 0);
    g_assert_false(has);
}

static void
test_what_is_no_pair_is_refused(void)
{
    static const char *const texts[] = {
        "cache\n",     "cache \n",   " 1\n",       "cache 1 2\n", "cache  1\n",
        "cache max\n", "cache 1x\n", "cache\t1\n", "a 1\nb\n",    "a 18446744073709551616\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) pairs = hf_cgroup_pairs_new();

        assert_refused(hf_cgroup_parse_pairs, texts[i], strlen(texts[i]), pairs);
    }
}

static void
test_error_names_the_line_that_is_no_pair(void)
{
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_cgroup_parse_pairs("a 1\n\nbroken\n", 12, pairs, &error));

    g_assert_cmpstr(error->message, ==, "line 3 is no key and number");
}

static void
test_cpu_modes_without_their_heading(void)
{
    g_autoptr(GArray) user = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GArray) kernel = g_array_new(FALSE, FALSE, sizeof(guint64));
    HfCgroupCpuModes modes = {user, kernel};

    assert_parsed(hf_cgroup_parse_usage_all, "cpu user system\n0 20 4\n1 21 5\n", &modes);

    g_assert_cmpuint(user->len, ==, 2);
    g_assert_cmpuint(kernel->len, ==, 2);
    g_assert_cmpuint(g_array_index(user, guint64, 1), ==, 21);
    g_assert_cmpuint(g_array_index(kernel, guint64, 1), ==, 5);
}

static void
test_what_is_no_cpu_mode_is_refused(void)
{
    static const char *const texts[] = {"h\n0 1\n", "h\n0 1 2 3\n", "h\n0 a 2\n", "h\n\n"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) user = g_array_new(FALSE, FALSE, sizeof(guint64));
        g_autoptr(GArray) kernel = g_array_new(FALSE, FALSE, sizeof(guint64));
        HfCgroupCpuModes modes = {user, kernel};

        assert_refused(hf_cgroup_parse_usage_all, texts[i], strlen(texts[i]), &modes);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-parse/number-may-be-max-or-negative",
                test_number_may_be_max_or_negative);
    hf_test_add("/cgroup/cgroup-parse/what-is-no-number-is-refused",
                test_what_is_no_number_is_refused);
    hf_test_add("/cgroup/cgroup-parse/bytes-end-where-the-length-says",
                test_bytes_end_where_the_length_says);
    hf_test_add("/cgroup/cgroup-parse/signed-number", test_signed_number);
    hf_test_add("/cgroup/cgroup-parse/numbers-are-appended", test_numbers_are_appended);
    hf_test_add("/cgroup/cgroup-parse/ranges-are-spelt-out", test_ranges_are_spelt_out);
    hf_test_add("/cgroup/cgroup-parse/what-is-no-range-is-refused",
                test_what_is_no_range_is_refused);
    hf_test_add("/cgroup/cgroup-parse/pairs-are-found-by-key", test_pairs_are_found_by_key);
    hf_test_add("/cgroup/cgroup-parse/what-is-no-pair-is-refused", test_what_is_no_pair_is_refused);
    hf_test_add("/cgroup/cgroup-parse/error-names-the-line-that-is-no-pair",
                test_error_names_the_line_that_is_no_pair);
    hf_test_add("/cgroup/cgroup-parse/cpu-modes-without-their-heading",
                test_cpu_modes_without_their_heading);
    hf_test_add("/cgroup/cgroup-parse/what-is-no-cpu-mode-is-refused",
                test_what_is_no_cpu_mode_is_refused);
    return g_test_run();
}
