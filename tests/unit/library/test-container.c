/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <holdfast/container.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "test-kit.h"

#define CONFIG "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"}}"

typedef struct {
    char *dir;
    char *root;
    char *bundle;
} Place;

static void
set_up(Place *place)
{
    place->dir = hf_test_make_dir();
    place->root = g_build_filename(place->dir, "root", NULL);
    place->bundle = g_build_filename(place->dir, "bundle", NULL);
    g_assert_cmpint(mkdir(place->bundle, 0755), ==, 0);
    hf_test_write_file(place->bundle, "config.json", CONFIG);
}

static void
tear_down(Place *place)
{
    hf_test_remove_dir(place->dir);
    g_free(place->root);
    g_free(place->bundle);
}

/* The names in the root, with blanks between them. */
static char *
list_root(const Place *place)
{
    g_autoptr(GDir) dir = g_dir_open(place->root, 0, NULL);
    g_autoptr(GString) names = g_string_new(NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", name);
    return g_strdup(names->str);
}

static void
test_defaults_are_runc_and_fifteen_seconds(void)
{
    g_autoptr(HfContainerOptions) options = hf_container_options_new();
    g_autofree char *runtime = NULL;
    g_autofree char *shim = NULL;
    g_auto(GStrv) labels = NULL;
    guint timeout_ms = 0;

    g_object_get(options, "runtime", &runtime, "shim", &shim, "labels", &labels, "start-timeout-ms",
                 &timeout_ms, NULL);

    g_assert_cmpstr(runtime, ==, "runc");
    g_assert_null(shim);
    g_assert_null(labels);
    g_assert_cmpuint(timeout_ms, ==, 15000);
}

static void
test_container_is_on_disk(void)
{
    g_autoptr(GError) error = NULL;
    struct stat status;
    Place place;
    set_up(&place);

    g_autoptr(HfContainer) container =
        hf_container_new(place.root, "web", place.bundle, NULL, &error);

    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(place.root, "web", NULL);
    g_autofree char *names = list_root(&place);
    g_assert_cmpstr(names, ==, "web");
    g_assert_cmpstr(hf_container_get_id(container), ==, "web");
    g_assert_cmpstr(hf_container_get_path(container), ==, path);
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmphex(status.st_mode & 07777, ==, 0700);
    g_autofree char *json = hf_test_read_file(path, "state.json");
    g_assert_nonnull(strstr(json, "\"runtime\":\"runc\",\"runtimeArgs\":null,\"shim\":\"\""));
    tear_down(&place);
}

static void
test_mode_does_not_depend_on_the_umask(void)
{
    g_autoptr(GError) error = NULL;
    struct stat status;
    Place place;
    set_up(&place);
    mode_t before = umask(0277);

    g_autoptr(HfContainer) container =
        hf_container_new(place.dir, "web", place.bundle, NULL, &error);

    umask(before);
    g_assert_no_error(error);
    g_assert_cmpint(stat(hf_container_get_path(container), &status), ==, 0);
    g_assert_cmphex(status.st_mode & 07777, ==, 0700);
    tear_down(&place);
}

static void
test_what_was_chosen_is_loaded(void)
{
    const char *const labels[] = {"app=web", "note=a \"b\"\n\xC3\xA4=c", NULL};
    const char *const runtime_args[] = {"--debug", "--log-format=json", NULL};
    g_autoptr(HfContainerOptions) options = hf_container_options_new();
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    g_object_set(options, "runtime", "/opt/../bin/crun", "runtime-args", runtime_args, "labels",
                 labels, NULL);
    g_autoptr(HfContainer) made =
        hf_container_new(place.root, "web", place.bundle, options, &error);
    g_assert_no_error(error);

    g_autoptr(HfContainer) container = hf_container_load(place.root, "web", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(hf_container_get_bundle(container), ==, place.bundle);
    g_assert_cmpstr(hf_container_get_runtime(container), ==, "/bin/crun");
    g_assert_cmpstrv(hf_container_get_labels(container), labels);
    g_assert_cmpstrv(hf_container_get_runtime_args(container), runtime_args);
    tear_down(&place);
}

static void
test_relative_paths_become_absolute(void)
{
    g_autofree char *here = g_get_current_dir();
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    g_assert_cmpint(chdir(place.dir), ==, 0);

    g_autoptr(HfContainer) container = hf_container_new("root", "web", "bundle/.", NULL, &error);

    g_assert_cmpint(chdir(here), ==, 0);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(place.root, "web", NULL);
    g_assert_cmpstr(hf_container_get_path(container), ==, path);
    g_assert_cmpstr(hf_container_get_bundle(container), ==, place.bundle);
    tear_down(&place);
}

static void
test_time_of_creation_is_kept(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    gint64 before_us = g_get_real_time();
    g_autoptr(HfContainer) made = hf_container_new(place.root, "web", place.bundle, NULL, &error);
    gint64 after_us = g_get_real_time();
    g_autoptr(HfContainer) container = hf_container_load(place.root, "web", &error);
    g_assert_no_error(error);

    g_autoptr(GDateTime) created = hf_container_dup_created(container);

    gint64 created_us =
        g_date_time_to_unix(created) * G_USEC_PER_SEC + g_date_time_get_microsecond(created);
    g_assert_cmpint(created_us, >=, before_us);
    g_assert_cmpint(created_us, <=, after_us);
    tear_down(&place);
}

static void
test_id_is_taken_once(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    g_autoptr(HfContainer) first = hf_container_new(place.root, "web", place.bundle, NULL, &error);
    g_assert_no_error(error);

    g_autoptr(HfContainer) second = hf_container_new(place.root, "web", place.bundle, NULL, &error);

    g_assert_null(second);
    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    g_assert_cmpstr(error->message, ==, "container 'web': there is one of that id");
    g_autofree char *names = list_root(&place);
    g_assert_cmpstr(names, ==, "web");
    tear_down(&place);
}

static void
test_file_of_that_name_is_not_replaced(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    g_assert_cmpint(mkdir(place.root, 0700), ==, 0);
    hf_test_write_file(place.root, "web", "kept");

    g_assert_null(hf_container_new(place.root, "web", place.bundle, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    g_autofree char *text = hf_test_read_file(place.root, "web");
    g_assert_cmpstr(text, ==, "kept");
    tear_down(&place);
}

typedef struct {
    const Place *place;
    GError *error;
    gboolean is_made;
} Rival;

static gpointer
make_one(gpointer user_data)
{
    Rival *rival = user_data;
    g_autoptr(HfContainer) container =
        hf_container_new(rival->place->root, "web", rival->place->bundle, NULL, &rival->error);

    rival->is_made = container != NULL;
    return NULL;
}

static void
test_one_of_many_at_once_gets_the_id(void)
{
    Rival rivals[8] = {0};
    GThread *threads[G_N_ELEMENTS(rivals)];
    guint made = 0;
    Place place;
    set_up(&place);

    for (guint i = 0; i < G_N_ELEMENTS(rivals); i++) {
        rivals[i].place = &place;
        threads[i] = g_thread_new("rival", make_one, &rivals[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(rivals); i++) {
        g_thread_join(threads[i]);
        made += rivals[i].is_made;
        if (!rivals[i].is_made)
            g_assert_error(rivals[i].error, HF_ERROR, HF_ERROR_EXISTS);
        g_clear_error(&rivals[i].error);
    }

    g_assert_cmpuint(made, ==, 1);
    g_autofree char *names = list_root(&place);
    g_assert_cmpstr(names, ==, "web");
    tear_down(&place);
}

static void
assert_nothing_is_made(const Place *place, const char *id, const char *bundle,
                       HfContainerOptions *options, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *names = NULL;

    g_assert_null(hf_container_new(place->root, id, bundle, options, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    g_assert_true(g_pattern_match_simple(message, error->message));
    names = list_root(place);
    g_assert_cmpstr(names, ==, "");
}

static void
test_bad_ids_are_refused(void)
{
    static const char *const ids[] = {"", ".", "..", "a/b", ".new-a", "\xff"};
    Place place;
    set_up(&place);

    for (guint i = 0; i < G_N_ELEMENTS(ids); i++)
        assert_nothing_is_made(&place, ids[i], place.bundle, NULL, "the container id*");

    tear_down(&place);
}

static void
test_bundles_without_a_usable_configuration_are_refused(void)
{
    Place place;
    set_up(&place);

    assert_nothing_is_made(&place, "web", place.dir, NULL,
                           "container 'web': bundle '*': there is no config.json");
    assert_nothing_is_made(&place, "web", "/nowhere", NULL,
                           "container 'web': bundle '/nowhere': there is no such directory");
    hf_test_write_file(place.bundle, "config.json", "{\"process\":{\"args\":[1]}}");
    assert_nothing_is_made(&place, "web", place.bundle, NULL,
                           "container 'web': bundle '*': config.json: process.args[0]: a string "
                           "is expected, this is a number");
    assert_nothing_is_made(&place, "web", "/tmp/\xff", NULL,
                           "container 'web': the bundle '/tmp/\\377' is not UTF-8");

    tear_down(&place);
}

static void
test_bad_options_are_refused(void)
{
    static const struct {
        const char *property;
        const char *text;
        bool is_list;
        const char *message;
    } cases[] = {
        {"runtime", "", false, "container 'web': no OCI runtime is named"},
        {"runtime", NULL, false, "container 'web': no OCI runtime is named"},
        {"runtime", "\xff", false, "container 'web': the runtime '\\377' is not UTF-8"},
        {"shim", "\xff", false, "container 'web': the shim '\\377' is not UTF-8"},
        {"runtime-args", "\xff", true, "container 'web': the runtime's argument*not UTF-8"},
        {"labels", "a=\xff", true, "container 'web': the label*not UTF-8"},
        {"labels", "a", true, "container 'web': the label 'a' is not NAME=VALUE"},
        {"labels", "=a", true, "container 'web': the label '=a' is not NAME=VALUE"},
    };
    Place place;
    set_up(&place);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(HfContainerOptions) options = hf_container_options_new();
        const char *const list[] = {cases[i].text, NULL};

        g_object_set(options, cases[i].property,
                     cases[i].is_list ? (gconstpointer)list : cases[i].text, NULL);
        assert_nothing_is_made(&place, "web", place.bundle, options, cases[i].message);
    }

    tear_down(&place);
}

static void
test_root_that_is_no_directory_of_ours_is_refused(void)
{
    g_autoptr(GError) file_error = NULL;
    g_autoptr(GError) open_error = NULL;
    Place place;
    set_up(&place);
    g_autofree char *file = g_build_filename(place.bundle, "config.json", NULL);
    g_assert_cmpint(mkdir(place.root, 0700), ==, 0);
    g_assert_cmpint(chmod(place.root, 0777), ==, 0);

    g_assert_null(hf_container_new(file, "web", place.bundle, NULL, &file_error));
    g_assert_null(hf_container_new(place.root, "web", place.bundle, NULL, &open_error));

    g_assert_error(file_error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    g_assert_error(open_error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    tear_down(&place);
}

static int
make_without_room(gpointer user_data)
{
    const Place *place = user_data;
    const struct rlimit none = {0, 0};
    g_autoptr(GError) error = NULL;

    (void)sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    if (setrlimit(RLIMIT_FSIZE, &none) < 0)
        return 1;
    if (hf_container_new(place->root, "web", place->bundle, NULL, &error) != NULL)
        return 2;
    return error->domain == G_FILE_ERROR ? 0 : 3;
}

static void
test_nothing_is_left_when_the_disk_is_full(void)
{
    Place place;

    if (hf_test_skip_under_valgrind("limit the size of files"))
        return;
    set_up(&place);

    g_assert_cmpint(hf_test_run_in_child(make_without_room, &place), ==, 0);

    g_autofree char *names = list_root(&place);
    g_assert_cmpstr(names, ==, "");
    tear_down(&place);
}

/* What one who was killed leaves, @age_s old. */
static void
make_leftover(const Place *place, const char *name, time_t age_s)
{
    g_autofree char *path = g_build_filename(place->root, name, NULL);
    struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    hf_test_write_file(path, "state.json", "{");
    g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static void
test_old_leftovers_are_removed(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    make_leftover(&place, ".new-web-00000001", 120);
    make_leftover(&place, ".new-other-00000002", 3600);
    make_leftover(&place, ".new-young-00000003", 0);
    make_leftover(&place, ".different", 3600);

    g_autoptr(HfContainer) container =
        hf_container_new(place.root, "web", place.bundle, NULL, &error);

    g_assert_no_error(error);
    g_assert_true(hf_test_file_exists(place.root, "web"));
    g_assert_false(hf_test_file_exists(place.root, ".new-web-00000001"));
    g_assert_false(hf_test_file_exists(place.root, ".new-other-00000002"));
    g_assert_true(hf_test_file_exists(place.root, ".new-young-00000003"));
    g_assert_true(hf_test_file_exists(place.root, ".different"));
    tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/container/defaults-are-runc-and-fifteen-seconds",
                test_defaults_are_runc_and_fifteen_seconds);
    hf_test_add("/library/container/container-is-on-disk", test_container_is_on_disk);
    hf_test_add("/library/container/mode-does-not-depend-on-the-umask",
                test_mode_does_not_depend_on_the_umask);
    hf_test_add("/library/container/what-was-chosen-is-loaded", test_what_was_chosen_is_loaded);
    hf_test_add("/library/container/relative-paths-become-absolute",
                test_relative_paths_become_absolute);
    hf_test_add("/library/container/time-of-creation-is-kept", test_time_of_creation_is_kept);
    hf_test_add("/library/container/id-is-taken-once", test_id_is_taken_once);
    hf_test_add("/library/container/file-of-that-name-is-not-replaced",
                test_file_of_that_name_is_not_replaced);
    hf_test_add("/library/container/one-of-many-at-once-gets-the-id",
                test_one_of_many_at_once_gets_the_id);
    hf_test_add("/library/container/bad-ids-are-refused", test_bad_ids_are_refused);
    hf_test_add("/library/container/bundles-without-a-usable-configuration-are-refused",
                test_bundles_without_a_usable_configuration_are_refused);
    hf_test_add("/library/container/bad-options-are-refused", test_bad_options_are_refused);
    hf_test_add("/library/container/root-that-is-no-directory-of-ours-is-refused",
                test_root_that_is_no_directory_of_ours_is_refused);
    hf_test_add("/library/container/nothing-is-left-when-the-disk-is-full",
                test_nothing_is_left_when_the_disk_is_full);
    hf_test_add("/library/container/old-leftovers-are-removed", test_old_leftovers_are_removed);
    return g_test_run();
}
