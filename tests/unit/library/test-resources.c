/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/resources.h>
#include <string.h>

#include "state/json-text.h"
#include "test-kit.h"

typedef struct {
    const char *property;
    const char *section;
    const char *key;
    const char *text; /* NULL: the value is a number */
} Row;

/* The twelve limits of containerd 0.2, where OCI has them. */
static const Row rows[] = {
    {"blkio-weight", "blockIO", "weight", NULL},
    {"cpu-shares", "cpu", "shares", NULL},
    {"cpu-period", "cpu", "period", NULL},
    {"cpu-quota", "cpu", "quota", NULL},
    {"cpuset-cpus", "cpu", "cpus", "0-3,7"},
    {"cpuset-mems", "cpu", "mems", "0"},
    {"memory-limit", "memory", "limit", NULL},
    {"memory-swap", "memory", "swap", NULL},
    {"memory-reservation", "memory", "reservation", NULL},
    {"kernel-memory", "memory", "kernel", NULL},
    {"kernel-tcp-memory", "memory", "kernelTCP", NULL},
    {"pids-limit", "pids", "limit", NULL},
};

static JsonObject *
parse(HfResources *resources)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *json = hf_resources_to_json(resources);
    JsonObject *object = hf_json_text_parse(json, strlen(json), &error);

    g_assert_no_error(error);
    return object;
}

static void
set_row(HfResources *resources, const Row *row, gint64 number)
{
    if (row->text != NULL)
        g_object_set(resources, row->property, row->text, NULL);
    else
        g_object_set(resources, row->property, number, NULL);
}

static void
assert_row(JsonObject *object, const Row *row, gint64 number)
{
    JsonObject *section = json_object_get_object_member(object, row->section);

    g_assert_nonnull(section);
    g_assert_true(json_object_has_member(section, row->key));
    if (row->text != NULL)
        g_assert_cmpstr(json_object_get_string_member(section, row->key), ==, row->text);
    else
        g_assert_cmpint(json_object_get_int_member(section, row->key), ==, number);
}

static void
test_nothing_set_is_an_empty_object(void)
{
    g_autoptr(HfResources) resources = hf_resources_new();

    g_autofree char *json = hf_resources_to_json(resources);

    g_assert_cmpstr(json, ==, "{}");
}

static void
test_each_limit_alone_is_the_only_member(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(HfResources) resources = hf_resources_new();

        set_row(resources, &rows[i], 500);
        g_autoptr(JsonObject) object = parse(resources);

        g_assert_cmpuint(json_object_get_size(object), ==, 1);
        assert_row(object, &rows[i], 500);
        g_assert_cmpuint(
            json_object_get_size(json_object_get_object_member(object, rows[i].section)), ==, 1);
    }
}

static void
test_all_twelve_stand_beside_each_other(void)
{
    g_autoptr(HfResources) resources = hf_resources_new();

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        set_row(resources, &rows[i], 100 + (gint64)i);
    g_autoptr(JsonObject) object = parse(resources);

    g_assert_cmpuint(G_N_ELEMENTS(rows), ==, 12);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_row(object, &rows[i], 100 + (gint64)i);
}

static void
test_no_limit_and_the_largest_are_written_as_they_are(void)
{
    g_autoptr(HfResources) resources = hf_resources_new();

    g_object_set(resources, "memory-limit", G_MAXINT64, "memory-swap", (gint64)-1, NULL);
    g_autoptr(JsonObject) object = parse(resources);

    assert_row(object, &rows[6], G_MAXINT64);
    assert_row(object, &rows[7], -1);
}

static void
test_what_is_set_is_read_back_and_can_be_unset(void)
{
    g_autoptr(HfResources) resources = hf_resources_new();
    g_autofree char *cpus = NULL;
    gint64 limit = 0;

    g_object_set(resources, "cpuset-cpus", "1", "pids-limit", (gint64)7, NULL);
    g_object_get(resources, "cpuset-cpus", &cpus, "pids-limit", &limit, NULL);
    g_assert_cmpstr(cpus, ==, "1");
    g_assert_cmpint(limit, ==, 7);

    g_object_set(resources, "cpuset-cpus", NULL, "pids-limit", (gint64)0, NULL);
    g_autofree char *json = hf_resources_to_json(resources);
    g_assert_cmpstr(json, ==, "{}");
}

static void
test_text_is_quoted(void)
{
    g_autoptr(HfResources) resources = hf_resources_new();

    g_object_set(resources, "cpuset-cpus", "\"},{\\", NULL);
    g_autoptr(JsonObject) object = parse(resources);

    g_assert_cmpstr(
        json_object_get_string_member(json_object_get_object_member(object, "cpu"), "cpus"), ==,
        "\"},{\\");
}

#define ADD(name, function) hf_test_add("/library/resources/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("nothing-set-is-an-empty-object", test_nothing_set_is_an_empty_object);
    ADD("each-limit-alone-is-the-only-member", test_each_limit_alone_is_the_only_member);
    ADD("all-twelve-stand-beside-each-other", test_all_twelve_stand_beside_each_other);
    ADD("no-limit-and-the-largest-are-written-as-they-are",
        test_no_limit_and_the_largest_are_written_as_they_are);
    ADD("what-is-set-is-read-back-and-can-be-unset",
        test_what_is_set_is_read_back_and_can_be_unset);
    ADD("text-is-quoted", test_text_is_quoted);
    return g_test_run();
}
