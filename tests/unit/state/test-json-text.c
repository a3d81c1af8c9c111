/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "state/json-text.h"
#include "test-kit.h"

static char *
print_parsed(const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = hf_json_text_parse(text, length, &error);

    g_assert_no_error(error);
    return hf_json_text_print(object);
}

static void
assert_is_kept(const char *text)
{
    g_autofree char *printed = print_parsed(text, strlen(text));

    g_assert_cmpstr(printed, ==, text);
}

static void
assert_is_refused(const char *text, gsize length, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_json_text_parse(text, length, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    if (message != NULL)
        g_assert_cmpstr(error->message, ==, message);
}

static void
test_values_and_their_order_are_kept(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"z\":1,\"a\":-2,\"m\":0}",
        "{\"a\":[],\"b\":{},\"c\":null,\"d\":true,\"e\":false}",
        "{\"a\":[1,[2,[{\"b\":[\"c\"]}]]]}",
        "{\"\":\"\"}",
        "{\"text\":\"\\\"\\\\\\b\\f\\n\\r\\t/ \xC3\xA4 \xF0\x9F\x90\x8B\"}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_is_kept(texts[i]);
}

static void
test_numbers_are_kept_as_they_were_written(void)
{
    static const char *const numbers[] = {
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "-9223372036854775809",
        "123456789012345678901234567890",
        "0.1",
        "-0.0",
        "1e999",
        "2.50",
        "1E+2",
        "3e-7",
    };

    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autofree char *text = g_strdup_printf("{\"n\":[%s]}", numbers[i]);

        assert_is_kept(text);
    }
}

static void
test_other_numbers_are_told_from_strings(void)
{
    static const char text[] = "{\"big\":18446744073709551615,\"small\":1,\"text\":\"1\"}";
    g_autoptr(JsonObject) object = hf_json_text_parse(text, strlen(text), NULL);

    g_assert_true(hf_json_text_is_other_number(json_object_get_member(object, "big")));
    g_assert_false(hf_json_text_is_other_number(json_object_get_member(object, "small")));
    g_assert_false(hf_json_text_is_other_number(json_object_get_member(object, "text")));
}

static void
test_blanks_are_dropped(void)
{
    static const char text[] = " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n";
    g_autofree char *printed = print_parsed(text, strlen(text));

    g_assert_cmpstr(printed, ==, "{\"a\":[1,2],\"b\":{}}");
}

static void
test_escapes_become_characters(void)
{
    static const char text[] = "{\"a\":\"\\u0041\\u00e4\\ud83d\\udc0b\\/\"}";
    g_autofree char *printed = print_parsed(text, strlen(text));

    g_assert_cmpstr(printed, ==, "{\"a\":\"A\xC3\xA4\xF0\x9F\x90\x8B/\"}");
}

static void
test_of_two_members_of_one_name_the_last_counts(void)
{
    static const char text[] = "{\"a\":1,\"b\":2,\"a\":3}";
    g_autoptr(JsonObject) object = hf_json_text_parse(text, strlen(text), NULL);

    g_assert_cmpint(json_object_get_int_member(object, "a"), ==, 3);
    g_assert_cmpuint(json_object_get_size(object), ==, 2);
}

static void
test_what_is_not_json_is_refused(void)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"[]", "byte 0: an object is expected"},
        {"null", "byte 0: an object is expected"},
        {"{} {}", "byte 3: something follows the object"},
        {"{}x", "byte 2: something follows the object"},
        {"{\"a\":NaN}", "byte 5: this is no value"},
        {"{\"a\":Infinity}", "byte 5: this is no value"},
        {"{\"a\":-}", "byte 6: this is no value"},
        {"{\"a\":010}", "byte 8: this is no value"},
        {"{\"a\":0x10}", "byte 6: a comma or the closing bracket is expected"},
        {"{\"a\":+1}", "byte 5: this is no value"},
        {"{\"a\":.5}", "byte 5: this is no value"},
        {"{\"a\":1.}", "byte 7: a digit is expected"},
        {"{\"a\":1e}", "byte 7: a digit is expected"},
        {"{\"a\":'b'}", "byte 5: this is no value"},
        {"{a:1}", "byte 1: a string is expected"},
        {"{\"a\" 1}", "byte 5: a colon is expected"},
        {"{\"a\":1,}", "byte 7: a string is expected"},
        {"{\"a\":[1,]}", "byte 8: this is no value"},
        {"{\"a\":[1}", "byte 7: a comma or the closing bracket is expected"},
        {"{\"a\":1]", "byte 6: a comma or the closing bracket is expected"},
        {"/**/{}", "byte 0: an object is expected"},
        {"{\"a\":truest}", "byte 9: a comma or the closing bracket is expected"},
        {"{\"a\":\"\\x\"}", "byte 7: an unknown escape"},
        {"{\"a\":\"\\u00g0\"}", "byte 10: four hexadecimal digits are expected"},
        {"{\"a\":\"\\u0000\"}", "byte 12: a NUL character"},
        {"{\"a\":\"\\ud83d\"}", "byte 12: half a surrogate pair"},
        {"{\"a\":\"\\ud83dx\"}", "byte 12: half a surrogate pair"},
        {"{\"a\":\"\\ud83d\\u0041\"}", "byte 18: half a surrogate pair"},
        {"{\"a\":\"\\udc0b\"}", "byte 12: half a surrogate pair"},
        {"{\"a\":\"line\nend\"}", "byte 10: a control character in a string"},
        {"{\"a\":\"\xFF\"}", "byte 6: not UTF-8"},
        {"{\"a\":\"\xC0\x80\"}", "byte 6: not UTF-8"},
        {"{\"a\":\"\xED\xA0\x80\"}", "byte 6: not UTF-8"},
        {"", "the text is empty"},
        {" ", "the text ends in its middle"},
        {"{\"a\":tru", "byte 5: this is no value"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_is_refused(cases[i].text, strlen(cases[i].text), cases[i].message);
}

static void
test_nul_byte_is_refused(void)
{
    static const char text[] = "{\"a\":\"b\0c\"}";

    assert_is_refused(text, sizeof text - 1, "byte 7: not UTF-8");
}

static void
test_every_torn_text_is_refused(void)
{
    static const char text[] =
        "{\"a\":[1,-2.5e3,true,false,null],\"b\":{\"c\":\"\\u00e4\\\\ \xC3\xA4\"},\"d\":\"\"}";

    for (gsize length = 0; length < sizeof text - 1; length++) {
        /* In memory of its own, so that a sanitizer sees a read past the end. */
        g_autofree char *torn = g_memdup2(text, length);

        assert_is_refused(torn != NULL ? torn : "", length, NULL);
    }
}

static void
test_string_that_would_be_taken_for_a_number_is_refused(void)
{
    static const char plain[] = "{\"a\":\"" HF_JSON_NUMBER_MARK "1\"}";
    static const char escaped[] = "{\"a\":\"\\ufdd01\"}";

    assert_is_refused(plain, sizeof plain - 1, "byte 11: a string begins with U+FDD0");
    assert_is_refused(escaped, sizeof escaped - 1, "byte 14: a string begins with U+FDD0");
}

/* An object with lists in it, @levels of both together. */
static char *
make_nested(guint levels)
{
    GString *text = g_string_new("{\"a\":");

    for (guint i = 1; i < levels; i++)
        g_string_append_c(text, '[');
    if (levels == 1)
        g_string_append_c(text, '1');
    for (guint i = 1; i < levels; i++)
        g_string_append_c(text, ']');
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

static void
test_nesting_has_a_bound(void)
{
    g_autofree char *deepest = make_nested(HF_JSON_DEPTH_MAX);
    g_autofree char *too_deep = make_nested(HF_JSON_DEPTH_MAX + 1);
    g_autofree char *far_too_deep = make_nested(1000000);

    assert_is_kept(deepest);
    assert_is_refused(too_deep, strlen(too_deep), "byte 68: more than 64 levels of brackets");
    assert_is_refused(far_too_deep, strlen(far_too_deep),
                      "byte 68: more than 64 levels of brackets");
}

static void
test_random_changes_never_print_what_cannot_be_read(void)
{
    static const char text[] =
        "{\"a\":[1,-2.5e3,true,false,null],\"b\":{\"c\":\"\\u00e4\\\\ \xC3\xA4\"},\"d\":\"\"}";
    static const char bytes[] = "{}[]\",:\\u0eE+-. \n\x01\xC3\xFFtfn1";

    for (guint i = 0; i < 20000; i++) {
        g_autofree char *changed = g_memdup2(text, sizeof text - 1);
        guint changes = (guint)g_test_rand_int_range(1, 4);

        for (guint j = 0; j < changes; j++)
            changed[g_test_rand_int_range(0, (int)sizeof text - 1)] =
                bytes[g_test_rand_int_range(0, (int)sizeof bytes - 1)];
        g_autoptr(JsonObject) object = hf_json_text_parse(changed, sizeof text - 1, NULL);
        if (object != NULL) {
            g_autofree char *printed = hf_json_text_print(object);
            assert_is_kept(printed);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/state/json-text/values-and-their-order-are-kept",
                test_values_and_their_order_are_kept);
    hf_test_add("/state/json-text/numbers-are-kept-as-they-were-written",
                test_numbers_are_kept_as_they_were_written);
    hf_test_add("/state/json-text/other-numbers-are-told-from-strings",
                test_other_numbers_are_told_from_strings);
    hf_test_add("/state/json-text/blanks-are-dropped", test_blanks_are_dropped);
    hf_test_add("/state/json-text/escapes-become-characters", test_escapes_become_characters);
    hf_test_add("/state/json-text/of-two-members-of-one-name-the-last-counts",
                test_of_two_members_of_one_name_the_last_counts);
    hf_test_add("/state/json-text/what-is-not-json-is-refused", test_what_is_not_json_is_refused);
    hf_test_add("/state/json-text/nul-byte-is-refused", test_nul_byte_is_refused);
    hf_test_add("/state/json-text/every-torn-text-is-refused", test_every_torn_text_is_refused);
    hf_test_add("/state/json-text/string-that-would-be-taken-for-a-number-is-refused",
                test_string_that_would_be_taken_for_a_number_is_refused);
    hf_test_add("/state/json-text/nesting-has-a-bound", test_nesting_has_a_bound);
    hf_test_add("/state/json-text/random-changes-never-print-what-cannot-be-read",
                test_random_changes_never_print_what_cannot_be_read);
    return g_test_run();
}
