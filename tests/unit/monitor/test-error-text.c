/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "monitor/error-text.h"
#include "test-kit.h"

static void
test_short_text_is_whole(void)
{
    g_autoptr(HfErrorText) text = hf_error_text_new();
    size_t length = 0;

    hf_error_text_push(text, "no such ", 8);
    hf_error_text_push(text, "file\n", 5);

    g_autofree char *got = hf_error_text_get(text, &length);
    g_assert_cmpmem(got, (int)length, "no such file\n", 13);
}

static void
test_nothing_is_empty(void)
{
    g_autoptr(HfErrorText) text = hf_error_text_new();
    size_t length = 1;

    g_autofree char *got = hf_error_text_get(text, &length);

    g_assert_cmpuint(length, ==, 0);
}

/* Pushes "000000 000001 ..." in steps of @step bytes and looks at what is kept. */
static void
check_long_text(size_t step)
{
    g_autoptr(HfErrorText) text = hf_error_text_new();
    g_autoptr(GString) all = g_string_new(NULL);
    size_t length = 0;

    for (int i = 0; i < 150000; i++)
        g_string_append_printf(all, "%06d ", i);
    for (size_t at = 0; at < all->len; at += step)
        hf_error_text_push(text, all->str + at, MIN(step, all->len - at));

    g_autofree char *got = hf_error_text_get(text, &length);
    g_assert_cmpuint(length, <, 16384);
    g_assert_true(g_str_has_prefix(got, "000000 000001 000002"));
    g_assert_true(g_str_has_suffix(got, "149998 149999 "));
    g_assert_nonnull(strstr(got, " ... "));
}

static void
test_long_text_in_one_push(void)
{
    check_long_text(G_MAXSIZE / 2);
}

static void
test_long_text_in_small_pushes(void)
{
    check_long_text(1);
    check_long_text(4095);
    check_long_text(4097);
}

static void
test_text_that_just_fits_has_no_gap(void)
{
    g_autoptr(HfErrorText) text = hf_error_text_new();
    g_autofree char *bytes = g_malloc(8192);
    size_t length = 0;

    memset(bytes, 'x', 8192);
    hf_error_text_push(text, bytes, 8192);

    g_autofree char *got = hf_error_text_get(text, &length);
    g_assert_cmpmem(got, (int)length, bytes, 8192);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/error-text/short-text-is-whole", test_short_text_is_whole);
    hf_test_add("/monitor/error-text/nothing-is-empty", test_nothing_is_empty);
    hf_test_add("/monitor/error-text/long-text-in-one-push", test_long_text_in_one_push);
    hf_test_add("/monitor/error-text/long-text-in-small-pushes", test_long_text_in_small_pushes);
    hf_test_add("/monitor/error-text/text-that-just-fits-has-no-gap",
                test_text_that_just_fits_has_no_gap);
    return g_test_run();
}
