/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/container.h>
#include <string.h>
#include <sys/stat.h>

#include "library/checkpoint-private.h"
#include "process-place.h"

/* As containerd 0.2 writes it. */
#define CONTAINERD                                                                  \
    "{\"created\":\"2016-12-02T10:11:12.123456789Z\",\"name\":\"c1\",\"tcp\":true," \
    "\"unixSockets\":false,\"shell\":true,\"exit\":false,\"emptyNS\":[\"network\"]}"

static HfCheckpoint *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    HfCheckpoint *checkpoint = hf_checkpoint_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    return checkpoint;
}

static void
assert_fails(const char *text, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_parse(text, strlen(text), &error);

    g_test_message("%s", text);
    g_assert_null(checkpoint);
    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_what_is_written_is_read_again(void)
{
    static const char *const empty_ns[] = {"network", "ipc", NULL};
    g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_new("c\"1");
    g_autoptr(GDateTime) created = g_date_time_new_utc(2026, 2, 3, 4, 5, 6.5);
    g_object_set(checkpoint, "exit", TRUE, "tcp", TRUE, "unix-sockets", TRUE, "shell", TRUE,
                 "empty-ns", empty_ns, NULL);

    g_autofree char *json = hf_checkpoint_to_json(checkpoint, created);
    g_autoptr(HfCheckpoint) again = parse(json);
    g_autoptr(GDateTime) again_created = hf_checkpoint_dup_created(again);

    g_assert_cmpstr(hf_checkpoint_get_name(again), ==, "c\"1");
    g_assert_true(again->exits && again->has_tcp && again->has_unix_sockets && again->is_shell_job);
    g_assert_cmpstrv(again->empty_ns, empty_ns);
    g_assert_cmpint(g_date_time_compare(created, again_created), ==, 0);
}

static void
test_options_that_are_off_stay_off(void)
{
    g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_new("c");
    g_autoptr(GDateTime) created = g_date_time_new_now_utc();

    g_autofree char *json = hf_checkpoint_to_json(checkpoint, created);
    g_autoptr(HfCheckpoint) again = parse(json);

    g_assert_false(again->exits || again->has_tcp || again->has_unix_sockets ||
                   again->is_shell_job);
    g_assert_true(again->empty_ns == NULL || again->empty_ns[0] == NULL);
}

static void
test_each_option_has_containerds_key(void)
{
    static const struct {
        const char *property;
        const char *text;
    } rows[] = {
        {"tcp", "\"tcp\":true"},
        {"unix-sockets", "\"unixSockets\":true"},
        {"shell", "\"shell\":true"},
        {"exit", "\"exit\":true"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_new("c");
        g_autoptr(GDateTime) created = g_date_time_new_now_utc();
        g_object_set(checkpoint, rows[i].property, TRUE, NULL);

        g_autofree char *json = hf_checkpoint_to_json(checkpoint, created);

        g_auto(GStrv) parts = g_strsplit(json, ":true", -1);
        g_assert_nonnull(strstr(json, rows[i].text));
        g_assert_cmpuint(g_strv_length(parts), ==, 2);
    }
}

static void
test_containerds_own_file_is_read(void)
{
    g_autoptr(HfCheckpoint) checkpoint = parse(CONTAINERD);
    g_autoptr(GDateTime) created = hf_checkpoint_dup_created(checkpoint);

    g_assert_cmpstr(hf_checkpoint_get_name(checkpoint), ==, "c1");
    g_assert_true(checkpoint->has_tcp);
    g_assert_false(checkpoint->has_unix_sockets);
    g_assert_true(checkpoint->is_shell_job);
    g_assert_false(checkpoint->exits);
    g_assert_cmpstr(checkpoint->empty_ns[0], ==, "network");
    g_assert_cmpint(g_date_time_get_year(created), ==, 2016);
    g_assert_cmpint(g_date_time_get_microsecond(created), ==, 123456);
}

static void
test_missing_null_and_unknown_keys_are_passed_over(void)
{
    g_autoptr(HfCheckpoint) empty = parse("{}");
    g_autoptr(HfCheckpoint) nulls =
        parse("{\"created\":null,\"name\":null,\"tcp\":null,\"emptyNS\":null,\"more\":{}}");

    g_assert_null(hf_checkpoint_dup_created(empty));
    g_assert_false(empty->has_tcp);
    g_assert_false(nulls->has_tcp);
    g_assert_null(hf_checkpoint_dup_created(nulls));
}

static void
test_every_torn_length_is_an_error(void)
{
    for (gsize length = 0; length < strlen(CONTAINERD); length++) {
        g_autoptr(GError) error = NULL;

        g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_parse(CONTAINERD, length, &error);

        g_assert_null(checkpoint);
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    }
}

static void
test_wrong_types_are_named(void)
{
    assert_fails("{\"created\":1}", "created");
    assert_fails("{\"created\":\"yesterday\"}", "created");
    assert_fails("{\"name\":[]}", "name");
    assert_fails("{\"tcp\":\"true\"}", "tcp");
    assert_fails("{\"unixSockets\":1}", "unixSockets");
    assert_fails("{\"shell\":{}}", "shell");
    assert_fails("{\"exit\":\"\"}", "exit");
    assert_fails("{\"emptyNS\":\"network\"}", "emptyNS");
    assert_fails("{\"emptyNS\":[1]}", "emptyNS[0]");
    assert_fails("[]", "object");
}

static void
write_checkpoint(const char *dir, const char *name, const char *config)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    if (config != NULL)
        hf_test_write_file(path, "config.json", config);
}

static void
test_whole_checkpoints_are_listed_by_their_places_names(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    Place place;
    place_set_up(&place, "runc");
    write_checkpoint(dir, "two", CONTAINERD);
    write_checkpoint(dir, "one", CONTAINERD);
    write_checkpoint(dir, ".three.new", CONTAINERD);
    write_checkpoint(dir, "torn", "{\"cre");
    write_checkpoint(dir, "images-only", NULL);
    hf_test_write_file(dir, "file", "");
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    g_assert_cmpint(symlink("one", link), ==, 0);

    g_autoptr(GPtrArray) list = hf_container_list_checkpoints(place.container, dir, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(list->len, ==, 2);
    g_assert_cmpstr(hf_checkpoint_get_name(g_ptr_array_index(list, 0)), ==, "one");
    g_assert_cmpstr(hf_checkpoint_get_name(g_ptr_array_index(list, 1)), ==, "two");
    place_tear_down(&place);
    hf_test_remove_dir(dir);
}

static void
test_no_directory_is_an_empty_list(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    place_set_up(&place, "runc");

    g_autoptr(GPtrArray) list =
        hf_container_list_checkpoints(place.container, "/nowhere/at/all", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(list->len, ==, 0);
    place_tear_down(&place);
}

static void
test_deleting_removes_one_and_what_is_not_there_is_told(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    Place place;
    place_set_up(&place, "runc");
    write_checkpoint(dir, "one", CONTAINERD);
    write_checkpoint(dir, "two", CONTAINERD);

    g_assert_true(hf_container_delete_checkpoint(place.container, "one", dir, &error));
    g_assert_no_error(error);
    g_assert_false(hf_container_delete_checkpoint(place.container, "one", dir, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_false(hf_test_file_exists(dir, "one"));
    g_assert_true(hf_test_file_exists(dir, "two"));
    place_tear_down(&place);
    hf_test_remove_dir(dir);
}

static void
test_name_that_leaves_the_directory_is_refused(void)
{
    static const char *const names[] = {"..", "../x", "", ".hidden", "a/b"};
    Place place;

    place_set_up(&place, "runc");
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GError) other = NULL;
        g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_new(names[i]);

        g_assert_false(hf_container_delete_checkpoint(place.container, names[i], "/tmp", &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_false(hf_container_checkpoint(place.container, checkpoint, "/tmp", NULL, &other));
        g_assert_error(other, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
    place_tear_down(&place);
}

static void
test_container_that_does_not_run_is_not_checkpointed(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_new("one");
    char *dir = hf_test_make_dir();
    Place place;
    place_set_up(&place, "runc");

    g_assert_false(hf_container_checkpoint(place.container, checkpoint, dir, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    g_assert_nonnull(strstr(error->message, "it is new"));
    g_assert_false(hf_test_file_exists(dir, "one"));
    place_tear_down(&place);
    hf_test_remove_dir(dir);
}

#define ADD(name, function) hf_test_add("/library/checkpoint-config/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-written-is-read-again", test_what_is_written_is_read_again);
    ADD("options-that-are-off-stay-off", test_options_that_are_off_stay_off);
    ADD("each-option-has-containerds-key", test_each_option_has_containerds_key);
    ADD("containerds-own-file-is-read", test_containerds_own_file_is_read);
    ADD("missing-null-and-unknown-keys-are-passed-over",
        test_missing_null_and_unknown_keys_are_passed_over);
    ADD("every-torn-length-is-an-error", test_every_torn_length_is_an_error);
    ADD("wrong-types-are-named", test_wrong_types_are_named);
    ADD("whole-checkpoints-are-listed-by-their-places-names",
        test_whole_checkpoints_are_listed_by_their_places_names);
    ADD("no-directory-is-an-empty-list", test_no_directory_is_an_empty_list);
    ADD("deleting-removes-one-and-what-is-not-there-is-told",
        test_deleting_removes_one_and_what_is_not_there_is_told);
    ADD("name-that-leaves-the-directory-is-refused",
        test_name_that_leaves_the_directory_is_refused);
    ADD("container-that-does-not-run-is-not-checkpointed",
        test_container_that_does_not_run_is_not_checkpointed);
    return g_test_run();
}
