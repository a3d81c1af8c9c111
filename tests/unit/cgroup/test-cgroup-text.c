/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-text.h"
#include "test-kit.h"

static HfCgroupText
text_of(const char *text)
{
    return (HfCgroupText){text, strlen(text)};
}

static void
assert_text(HfCgroupText text, const char *expected)
{
    g_autofree char *copy = g_strndup(text.at, text.length);

    g_assert_cmpstr(copy, ==, expected);
}

static void
test_lines_end_at_newlines_and_at_the_end(void)
{
    HfCgroupText rest = text_of("one\n\ntwo words\nlast");
    HfCgroupText line;

    g_assert_true(hf_cgroup_text_next_line(&rest, &line));
    assert_text(line, "one");
    g_assert_true(hf_cgroup_text_next_line(&rest, &line));
    assert_text(line, "");
    g_assert_true(hf_cgroup_text_next_line(&rest, &line));
    assert_text(line, "two words");
    g_assert_true(hf_cgroup_text_next_line(&rest, &line));
    assert_text(line, "last");
    g_assert_false(hf_cgroup_text_next_line(&rest, &line));
}

static void
test_last_newline_is_followed_by_no_line(void)
{
    HfCgroupText rest = text_of("one\n");
    HfCgroupText line;

    g_assert_true(hf_cgroup_text_next_line(&rest, &line));
    g_assert_false(hf_cgroup_text_next_line(&rest, &line));
}

static void
test_words_have_any_blanks_around_them(void)
{
    HfCgroupText rest = text_of(" \tfirst  second\n\nthird ");
    HfCgroupText word;

    g_assert_true(hf_cgroup_text_next_word(&rest, &word));
    assert_text(word, "first");
    g_assert_true(hf_cgroup_text_next_word(&rest, &word));
    assert_text(word, "second");
    g_assert_true(hf_cgroup_text_next_word(&rest, &word));
    assert_text(word, "third");
    g_assert_false(hf_cgroup_text_next_word(&rest, &word));
}

static void
test_cut_takes_the_first_separator(void)
{
    HfCgroupText rest = text_of("a:b:c");
    HfCgroupText head;

    g_assert_true(hf_cgroup_text_cut(&rest, ':', &head));

    assert_text(head, "a");
    assert_text(rest, "b:c");
}

static void
test_cut_without_separator_leaves_the_text(void)
{
    HfCgroupText rest = text_of("abc");
    HfCgroupText none = {NULL, 0};
    HfCgroupText head;

    g_assert_false(hf_cgroup_text_cut(&rest, ':', &head));
    g_assert_false(hf_cgroup_text_cut(&none, ':', &head));

    assert_text(rest, "abc");
}

static void
test_equal_is_the_whole_text(void)
{
    g_assert_true(hf_cgroup_text_is(text_of("max"), "max"));
    g_assert_false(hf_cgroup_text_is(text_of("max"), "ma"));
    g_assert_false(hf_cgroup_text_is(text_of("max"), "maxi"));
    g_assert_false(hf_cgroup_text_is((HfCgroupText){NULL, 0}, "max"));
}

static void
test_numbers(void)
{
    static const struct {
        const char *text;
        guint64 value;
    } cases[] = {
        {"0", 0},
        {"0042", 42},
        {"9223372036854771712", G_GUINT64_CONSTANT(9223372036854771712)},
        {"18446744073709551615", G_MAXUINT64},
        {"-1", 0},
        {"-18446744073709551616", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 value = 7;

        g_test_message("case %u", i);
        g_assert_true(hf_cgroup_text_to_number(text_of(cases[i].text), &value));
        g_assert_cmpuint(value, ==, cases[i].value);
    }
}

static void
test_what_is_no_number(void)
{
    static const char *const texts[] = {
        "",
        "-",
        "--1",
        "+1",
        "1 ",
        " 1",
        "1x",
        "x",
        "0x10",
        "1.5",
        "18446744073709551616",
        "99999999999999999999999999",
        "18446744073709551616x",
        "max",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint64 value = 7;

        g_test_message("case %u", i);
        g_assert_false(hf_cgroup_text_to_number(text_of(texts[i]), &value));
        g_assert_cmpuint(value, ==, 7);
    }
}

static void
test_signed_numbers(void)
{
    gint64 value = 7;

    g_assert_true(hf_cgroup_text_to_signed(text_of("-1"), &value));
    g_assert_cmpint(value, ==, -1);
    g_assert_true(hf_cgroup_text_to_signed(text_of("9223372036854775807"), &value));
    g_assert_cmpint(value, ==, G_MAXINT64);
    g_assert_false(hf_cgroup_text_to_signed(text_of("9223372036854775808"), &value));
    g_assert_false(hf_cgroup_text_to_signed(text_of("18446744073709551617"), &value));
    g_assert_false(hf_cgroup_text_to_signed(text_of("--1"), &value));
    g_assert_cmpint(value, ==, G_MAXINT64);
}

static void
test_error_names_the_line(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_cgroup_text_throw_line(&error, 3, "key and number"));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_cmpstr(error->message, ==, "line 3 is no key and number");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-text/lines-end-at-newlines-and-at-the-end",
                test_lines_end_at_newlines_and_at_the_end);
    hf_test_add("/cgroup/cgroup-text/last-newline-is-followed-by-no-line",
                test_last_newline_is_followed_by_no_line);
    hf_test_add("/cgroup/cgroup-text/words-have-any-blanks-around-them",
                test_words_have_any_blanks_around_them);
    hf_test_add("/cgroup/cgroup-text/cut-takes-the-first-separator",
                test_cut_takes_the_first_separator);
    hf_test_add("/cgroup/cgroup-text/cut-without-separator-leaves-the-text",
                test_cut_without_separator_leaves_the_text);
    hf_test_add("/cgroup/cgroup-text/equal-is-the-whole-text", test_equal_is_the_whole_text);
    hf_test_add("/cgroup/cgroup-text/numbers", test_numbers);
    hf_test_add("/cgroup/cgroup-text/what-is-no-number", test_what_is_no_number);
    hf_test_add("/cgroup/cgroup-text/signed-numbers", test_signed_numbers);
    hf_test_add("/cgroup/cgroup-text/error-names-the-line", test_error_names_the_line);
    return g_test_run();
}
