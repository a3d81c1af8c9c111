/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "state/json-member.h"
#include "state/json-text.h"
#include "test-kit.h"

static const char sample[] =
    "{\"null\":null,\"text\":\"a\",\"yes\":true,\"one\":1,\"big\":4294967296,\"minus\":-1,"
    "\"huge\":18446744073709551615,\"half\":0.5,\"texts\":[\"a\",\"b\"],\"mixed\":[\"a\",2],"
    "\"holes\":[null],\"object\":{\"in\":1},\"objects\":[{\"a\":1},{}],\"odd\":[{},[]]}";

static JsonObject *
parse_sample(void)
{
    g_autoptr(GError) error = NULL;
    JsonObject *object = hf_json_text_parse(sample, strlen(sample), &error);

    g_assert_no_error(error);
    return object;
}

static void
test_values_are_read(void)
{
    g_autoptr(JsonObject) object = parse_sample();
    g_autofree char *text = g_strdup("before");
    g_auto(GStrv) texts = NULL;
    bool yes = false;
    guint32 one = 0;
    JsonObject *inner = NULL;
    JsonArray *objects = NULL;

    g_assert_true(hf_json_member_read_string(object, "", "text", &text, NULL));
    g_assert_true(hf_json_member_read_strings(object, "", "texts", &texts, NULL));
    g_assert_true(hf_json_member_read_bool(object, "", "yes", &yes, NULL));
    g_assert_true(hf_json_member_read_uint32(object, "", "one", &one, NULL));
    g_assert_true(hf_json_member_read_object(object, "", "object", &inner, NULL));
    g_assert_true(hf_json_member_read_objects(object, "", "objects", &objects, NULL));

    g_assert_cmpstr(text, ==, "a");
    g_assert_cmpstrv(texts, ((const char *const[]){"a", "b", NULL}));
    g_assert_true(yes);
    g_assert_cmpuint(one, ==, 1);
    g_assert_cmpint(json_object_get_int_member(inner, "in"), ==, 1);
    g_assert_cmpuint(json_array_get_length(objects), ==, 2);
}

static void
test_missing_and_null_leave_what_was_there(void)
{
    static const char *const names[] = {"missing", "null"};
    g_autoptr(JsonObject) object = parse_sample();

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = g_strdup("before");
        g_auto(GStrv) texts = g_strsplit("before", " ", -1);
        bool yes = true;
        guint32 number = 7;
        JsonObject *inner = NULL;
        JsonArray *objects = NULL;

        g_assert_true(hf_json_member_read_string(object, "", names[i], &text, NULL));
        g_assert_true(hf_json_member_read_strings(object, "", names[i], &texts, NULL));
        g_assert_true(hf_json_member_read_bool(object, "", names[i], &yes, NULL));
        g_assert_true(hf_json_member_read_uint32(object, "", names[i], &number, NULL));
        g_assert_true(hf_json_member_read_object(object, "", names[i], &inner, NULL));
        g_assert_true(hf_json_member_read_objects(object, "", names[i], &objects, NULL));

        g_assert_cmpstr(text, ==, "before");
        g_assert_cmpstr(texts[0], ==, "before");
        g_assert_true(yes);
        g_assert_cmpuint(number, ==, 7);
        g_assert_null(inner);
        g_assert_null(objects);
    }
}

/* The reader for @kind: s, S, b, u, o, O. */
static gboolean
read_as(char kind, JsonObject *object, const char *name, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) texts = NULL;
    bool yes = false;
    guint32 number = 0;
    JsonObject *inner = NULL;
    JsonArray *objects = NULL;

    switch (kind) {
    case 's':
        return hf_json_member_read_string(object, "at.", name, &text, error);
    case 'S':
        return hf_json_member_read_strings(object, "at.", name, &texts, error);
    case 'b':
        return hf_json_member_read_bool(object, "at.", name, &yes, error);
    case 'u':
        return hf_json_member_read_uint32(object, "at.", name, &number, error);
    case 'o':
        return hf_json_member_read_object(object, "at.", name, &inner, error);
    default:
        return hf_json_member_read_objects(object, "at.", name, &objects, error);
    }
}

static void
test_wrong_types_are_told_with_their_place(void)
{
    static const struct {
        char kind;
        const char *name;
        const char *message;
    } cases[] = {
        {'s', "one", "at.one: a string is expected, this is a number"},
        {'s', "huge", "at.huge: a string is expected, this is a number"},
        {'s', "yes", "at.yes: a string is expected, this is a boolean"},
        {'s', "texts", "at.texts: a string is expected, this is a list"},
        {'s', "object", "at.object: a string is expected, this is an object"},
        {'S', "text", "at.text: a list of strings is expected, this is a string"},
        {'S', "mixed", "at.mixed[1]: a string is expected, this is a number"},
        {'S', "holes", "at.holes[0]: a string is expected, this is null"},
        {'b', "one", "at.one: a boolean is expected, this is a number"},
        {'b', "huge", "at.huge: a boolean is expected, this is a number"},
        {'u', "text", "at.text: a number is expected, this is a string"},
        {'u', "yes", "at.yes: a number is expected, this is a boolean"},
        {'u', "big", "at.big: an integer from 0 to 4294967295 is expected"},
        {'u', "minus", "at.minus: an integer from 0 to 4294967295 is expected"},
        {'u', "huge", "at.huge: an integer from 0 to 4294967295 is expected"},
        {'u', "half", "at.half: an integer from 0 to 4294967295 is expected"},
        {'o', "objects", "at.objects: an object is expected, this is a list"},
        {'O', "object", "at.object: a list of objects is expected, this is an object"},
        {'O', "odd", "at.odd[1]: an object is expected, this is a list"},
    };
    g_autoptr(JsonObject) object = parse_sample();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(read_as(cases[i].kind, object, cases[i].name, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/state/json-member/values-are-read", test_values_are_read);
    hf_test_add("/state/json-member/missing-and-null-leave-what-was-there",
                test_missing_and_null_leave_what_was_there);
    hf_test_add("/state/json-member/wrong-types-are-told-with-their-place",
                test_wrong_types_are_told_with_their_place);
    return g_test_run();
}
