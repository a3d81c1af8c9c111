/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "process-place.h"

/* A place whose container was never started: the runtime is not asked for anything. */
static void
set_up_new(Place *place)
{
    place_set_up(place, "/bin/false");
    g_assert_cmpint(unlinkat(place->dir_fd, "process.json", 0), ==, 0);
    g_assert_cmpint(rmdir(place->path), ==, 0);
}

static void
assert_is_refused(const Place *place, int code, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_container_delete(place->container, FALSE, NULL, &error));
    g_assert_error(error, HF_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_true(hf_test_file_exists(place->container_path, "state.json"));
}

static void
test_new_container_is_removed(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up_new(&place);

    g_assert_true(hf_container_delete(place.container, FALSE, NULL, &error));

    g_assert_no_error(error);
    g_assert_false(hf_test_file_exists(place.root, "c"));
    place_tear_down(&place);
}

static void
test_second_deletion_finds_nothing(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up_new(&place);
    g_assert_true(hf_container_delete(place.container, FALSE, NULL, NULL));

    g_assert_false(hf_container_delete(place.container, FALSE, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    place_tear_down(&place);
}

static void
test_living_process_is_refused(void)
{
    Place place;
    place_set_up(&place, "/bin/false");
    place_write_process(&place, getpid());

    assert_is_refused(&place, HF_ERROR_INVALID_STATE, "container 'c': process 'init' runs");
    place_tear_down(&place);
}

static void
test_process_that_is_being_started_is_refused(void)
{
    Place place;
    place_set_up(&place, "/bin/false");
    hf_autofd lock_fd = place_lock(&place);

    assert_is_refused(&place, HF_ERROR_INVALID_STATE,
                      "container 'c': process 'init' is being started");
    hf_close_fd(&lock_fd);
    place_tear_down(&place);
}

static void
test_what_a_killed_deleter_left_is_removed(void)
{
    g_autofree char *hidden = NULL;
    Place place;
    set_up_new(&place);
    hidden = g_build_filename(place.root, ".deleted-x-00000000", "init", NULL);
    g_assert_cmpint(g_mkdir_with_parents(hidden, 0700), ==, 0);

    g_assert_true(hf_container_delete(place.container, FALSE, NULL, NULL));

    g_assert_false(hf_test_file_exists(place.root, ".deleted-x-00000000"));
    place_tear_down(&place);
}

/* Its lock goes with it to the hidden name. */
static void
test_deleter_at_work_is_left_alone(void)
{
    g_autoptr(GError) error = NULL;
    const char *const name = ".deleted-x-00000000";
    g_autofree char *hidden = NULL;
    hf_autofd hidden_fd = -1, lock_fd = -1;
    Place place;
    set_up_new(&place);
    hidden = g_build_filename(place.root, name, NULL);
    g_assert_cmpint(g_mkdir_with_parents(hidden, 0700), ==, 0);
    hidden_fd = open(hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    lock_fd = hf_container_lock_take(hidden_fd, name, HF_CONTAINER_LOCK_EXCLUSIVE, 0, NULL, &error);
    g_assert_no_error(error);

    g_assert_true(hf_container_delete(place.container, FALSE, NULL, NULL));

    g_assert_true(hf_test_file_exists(hidden, "lock"));
    hf_close_fd(&hidden_fd);
    hf_close_fd(&lock_fd);
    place_tear_down(&place);
}

static void
make_exec(const Place *place, const char *id)
{
    g_autofree char *path = g_build_filename(place->container_path, id, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    hf_test_write_file(path, "exitStatus", "0");
}

static void
test_ended_exec_is_removed_alone(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    place_set_up(&place, "/bin/false");
    make_exec(&place, "e1");

    g_assert_true(hf_container_remove_process(place.container, "e1", &error));

    g_assert_no_error(error);
    g_assert_false(hf_test_file_exists(place.container_path, "e1"));
    g_assert_true(hf_test_file_exists(place.path, "process.json"));
    place_tear_down(&place);
}

static void
test_first_process_is_not_removed_alone(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    place_set_up(&place, "/bin/false");

    g_assert_false(hf_container_remove_process(place.container, "init", &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    place_tear_down(&place);
}

static void
test_names_that_are_no_processes_are_refused(void)
{
    static const struct {
        const char *id;
        int code;
    } cases[] = {
        {"state.json", HF_ERROR_NOT_FOUND}, {"none", HF_ERROR_NOT_FOUND},
        {"..", HF_ERROR_INVALID_ARGUMENT},  {"", HF_ERROR_INVALID_ARGUMENT},
        {"a/b", HF_ERROR_INVALID_ARGUMENT},
    };
    Place place;
    place_set_up(&place, "/bin/false");

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_container_remove_process(place.container, cases[i].id, &error));
        g_assert_error(error, HF_ERROR, cases[i].code);
    }
    place_tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/library/container-delete/new-container-is-removed",
                test_new_container_is_removed);
    hf_test_add("/library/container-delete/second-deletion-finds-nothing",
                test_second_deletion_finds_nothing);
    hf_test_add("/library/container-delete/living-process-is-refused",
                test_living_process_is_refused);
    hf_test_add("/library/container-delete/process-that-is-being-started-is-refused",
                test_process_that_is_being_started_is_refused);
    hf_test_add("/library/container-delete/what-a-killed-deleter-left-is-removed",
                test_what_a_killed_deleter_left_is_removed);
    hf_test_add("/library/container-delete/deleter-at-work-is-left-alone",
                test_deleter_at_work_is_left_alone);
    hf_test_add("/library/container-delete/ended-exec-is-removed-alone",
                test_ended_exec_is_removed_alone);
    hf_test_add("/library/container-delete/first-process-is-not-removed-alone",
                test_first_process_is_not_removed_alone);
    hf_test_add("/library/container-delete/names-that-are-no-processes-are-refused",
                test_names_that_are_no_processes_are_refused);
    return g_test_run();
}
