/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/container.h>
#include <holdfast/process.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "test-kit.h"

#define STATE "{\"bundle\":\"/b\",\"runtime\":\"runc\"}\n"
#define PROCESS "{\"args\":[\"sh\"]}\n"

static char *
make_dir(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_cmpint(mkdir(path, 0700), ==, 0);
    return path;
}

static void
make_container(const char *root, const char *id, const char *state)
{
    g_autofree char *path = make_dir(root, id);

    if (state != NULL)
        hf_test_write_file(path, "state.json", state);
}

static void
make_process(const char *root, const char *id, const char *process_id, const char *text)
{
    g_autofree char *container = g_build_filename(root, id, NULL);
    g_autofree char *path = make_dir(container, process_id);

    if (text != NULL)
        hf_test_write_file(path, "process.json", text);
}

static HfContainer *
load(const char *root, const char *id)
{
    g_autoptr(GError) error = NULL;
    HfContainer *container = hf_container_load(root, id, &error);

    g_assert_no_error(error);
    return container;
}

static void
copy_file(const char *from_dir, const char *to_dir, const char *name)
{
    g_autofree char *text = hf_test_read_file(from_dir, name);

    hf_test_write_file(to_dir, name, text);
}

static void
test_containerds_container_is_loaded(void)
{
    g_autofree char *from =
        g_test_build_filename(G_TEST_DIST, "unit", "state", "containerd-0.2.8", "c1", NULL);
    g_autofree char *from_init = g_build_filename(from, "init", NULL);
    char *root = hf_test_make_dir();
    g_autofree char *path = make_dir(root, "c1");
    g_autofree char *init = make_dir(path, "init");
    copy_file(from, path, "state.json");
    copy_file(from_init, init, "process.json");
    copy_file(from_init, init, "pid");
    copy_file(from_init, init, "starttime");

    g_autoptr(HfContainer) container = load(root, "c1");
    g_autoptr(GError) error = NULL;
    g_autoptr(HfProcess) process = hf_container_get_process(container, "init", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(hf_container_get_bundle(container), ==, "/bundles/c1");
    g_assert_cmpstr(hf_container_get_labels(container)[0], ==, "a=b");
    g_assert_cmpstr(hf_container_get_problems(container)[0], ==, NULL);
    g_assert_cmpstr(hf_process_get_id(process), ==, "init");
    g_assert_cmpstr(hf_stdio_get_stdout(hf_process_get_stdio(process)), ==, "/fifos/stdout");
    g_assert_cmpuint(g_strv_length((char **)hf_stdio_get_logs(hf_process_get_stdio(process))), ==,
                     0);
    hf_test_remove_dir(root);
}

static void
test_file_tells_when_containerds_was_made(void)
{
    char *root = hf_test_make_dir();
    struct stat status;
    make_container(root, "c", STATE);
    g_autofree char *path = g_build_filename(root, "c", "state.json", NULL);
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_autoptr(HfContainer) container = load(root, "c");

    g_autoptr(GDateTime) created = hf_container_dup_created(container);

    g_assert_cmpint(g_date_time_to_unix(created), ==, status.st_mtim.tv_sec);
    g_assert_cmpint(g_date_time_get_microsecond(created), ==, status.st_mtim.tv_nsec / 1000);
    hf_test_remove_dir(root);
}

static void
test_missing_container_is_not_found(void)
{
    char *root = hf_test_make_dir();
    g_autofree char *no_root = g_build_filename(root, "none", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) root_error = NULL;

    g_assert_null(hf_container_load(root, "c", &error));
    g_assert_null(hf_container_load(no_root, "c", &root_error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_error(root_error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_false(hf_test_file_exists(root, "none"));
    hf_test_remove_dir(root);
}

static void
test_broken_container_is_told(void)
{
    static const struct {
        const char *state;
        const char *message;
    } cases[] = {
        {NULL, "container 'c': state.json: there is no 'state.json'"},
        {"", "container 'c': state.json: the text is empty"},
        {"{\"bundle\":", "container 'c': state.json: the text ends in its middle"},
        {"{\"bundle\":7}",
         "container 'c': state.json: bundle: a string is expected, this is a number"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *root = hf_test_make_dir();
        g_autoptr(GError) error = NULL;
        make_container(root, "c", cases[i].state);

        g_assert_null(hf_container_load(root, "c", &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, cases[i].message);
        hf_test_remove_dir(root);
    }
}

static void
test_links_are_not_followed(void)
{
    char *root = hf_test_make_dir();
    char *elsewhere = hf_test_make_dir();
    g_autofree char *link = g_build_filename(root, "link", NULL);
    g_autofree char *target = g_build_filename(elsewhere, "c", NULL);
    g_autofree char *state_link = g_build_filename(root, "inside", "state.json", NULL);
    g_autofree char *state = g_build_filename(target, "state.json", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) inside_error = NULL;
    make_container(elsewhere, "c", STATE);
    make_container(root, "inside", NULL);
    g_assert_cmpint(symlink(target, link), ==, 0);
    g_assert_cmpint(symlink(state, state_link), ==, 0);

    g_assert_null(hf_container_load(root, "link", &error));
    g_assert_null(hf_container_load(root, "inside", &inside_error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    g_assert_nonnull(inside_error);
    hf_test_remove_dir(root);
    hf_test_remove_dir(elsewhere);
}

static void
test_all_are_loaded_by_id(void)
{
    char *root = hf_test_make_dir();
    g_auto(GStrv) problems = NULL;
    g_autoptr(GError) error = NULL;
    make_container(root, "b", STATE);
    make_container(root, "a", STATE);
    make_container(root, "a10", STATE);
    make_container(root, ".new-x-00000000", STATE);
    hf_test_write_file(root, "events.log", "");

    g_autoptr(GPtrArray) containers = hf_container_load_all(root, &problems, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(containers->len, ==, 3);
    g_assert_cmpstr(hf_container_get_id(containers->pdata[0]), ==, "a");
    g_assert_cmpstr(hf_container_get_id(containers->pdata[1]), ==, "a10");
    g_assert_cmpstr(hf_container_get_id(containers->pdata[2]), ==, "b");
    g_assert_cmpuint(g_strv_length(problems), ==, 0);
    hf_test_remove_dir(root);
}

static void
test_broken_ones_do_not_hide_the_others(void)
{
    char *root = hf_test_make_dir();
    g_auto(GStrv) problems = NULL;
    g_autoptr(GError) error = NULL;
    make_container(root, "a", STATE);
    make_container(root, "empty", NULL);
    make_container(root, "torn", "{\"bundle\"");
    make_container(root, "has blank", STATE);
    make_container(root, "z", STATE);

    g_autoptr(GPtrArray) containers = hf_container_load_all(root, &problems, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(containers->len, ==, 2);
    g_assert_cmpuint(g_strv_length(problems), ==, 3);
    g_assert_cmpstr(problems[0], ==, "container 'empty': state.json: there is no 'state.json'");
    g_assert_true(g_str_has_prefix(problems[1], "the container id 'has blank' "));
    g_assert_cmpstr(problems[2], ==, "container 'torn': state.json: the text ends in its middle");
    hf_test_remove_dir(root);
}

static void
test_missing_root_has_no_containers(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *root = g_build_filename(dir, "none", NULL);
    g_auto(GStrv) problems = NULL;
    g_autoptr(GError) error = NULL;

    g_autoptr(GPtrArray) containers = hf_container_load_all(root, &problems, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(containers->len, ==, 0);
    g_assert_cmpuint(g_strv_length(problems), ==, 0);
    g_assert_false(hf_test_file_exists(dir, "none"));
    hf_test_remove_dir(dir);
}

static void
test_root_that_is_a_file_is_an_error(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *root = g_build_filename(dir, "file", NULL);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(dir, "file", "");

    g_assert_null(hf_container_load_all(root, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    hf_test_remove_dir(dir);
}

static void
test_processes_are_listed_first_one_first(void)
{
    char *root = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    make_container(root, "c", STATE);
    make_process(root, "c", "zsh", PROCESS);
    make_process(root, "c", "init", PROCESS);
    make_process(root, "c", "ash", PROCESS);
    make_process(root, "c", ".new", PROCESS);
    g_autoptr(HfContainer) container = load(root, "c");

    g_autoptr(GPtrArray) processes = hf_container_list_processes(container, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(processes->len, ==, 3);
    g_assert_cmpstr(hf_process_get_id(processes->pdata[0]), ==, "init");
    g_assert_cmpstr(hf_process_get_id(processes->pdata[1]), ==, "ash");
    g_assert_cmpstr(hf_process_get_id(processes->pdata[2]), ==, "zsh");
    hf_test_remove_dir(root);
}

static void
test_broken_processes_are_told_and_the_others_load(void)
{
    char *root = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    make_container(root, "c", STATE);
    make_process(root, "c", "init", PROCESS);
    make_process(root, "c", "empty", NULL);
    make_process(root, "c", "wrong", "{\"args\":[1]}");
    g_autoptr(HfContainer) container = load(root, "c");

    g_autoptr(GPtrArray) processes = hf_container_list_processes(container, &error);
    const char *const *problems = hf_container_get_problems(container);

    g_assert_no_error(error);
    g_assert_cmpuint(processes->len, ==, 1);
    g_assert_cmpuint(g_strv_length((char **)problems), ==, 2);
    g_assert_cmpstr(problems[0], ==,
                    "container 'c', process 'empty': process.json: there is no 'process.json'");
    g_assert_cmpstr(problems[1], ==,
                    "container 'c', process 'wrong': process.json: args[0]: a string is expected, "
                    "this is a number");
    hf_test_remove_dir(root);
}

static void
test_container_that_was_never_started_has_no_first_process(void)
{
    char *root = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) exec_error = NULL;
    g_autoptr(GError) id_error = NULL;
    make_container(root, "c", STATE);
    g_autoptr(HfContainer) container = load(root, "c");

    g_assert_null(hf_container_get_process(container, "init", &error));
    g_assert_null(hf_container_get_process(container, "sh", &exec_error));
    g_assert_null(hf_container_get_process(container, "../c", &id_error));

    g_assert_error(error, HF_ERROR, HF_ERROR_CONTAINER_NOT_STARTED);
    g_assert_error(exec_error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_error(id_error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    hf_test_remove_dir(root);
}

static void
test_deleted_container_says_so(void)
{
    char *root = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    make_container(root, "c", STATE);
    g_autoptr(HfContainer) container = load(root, "c");
    g_autofree char *gone = g_build_filename(root, "gone", NULL);
    g_assert_cmpint(rename(hf_container_get_path(container), gone), ==, 0);

    g_assert_null(hf_container_list_processes(container, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    hf_test_remove_dir(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/container-load/containerds-container-is-loaded",
                test_containerds_container_is_loaded);
    hf_test_add("/library/container-load/file-tells-when-containerds-was-made",
                test_file_tells_when_containerds_was_made);
    hf_test_add("/library/container-load/missing-container-is-not-found",
                test_missing_container_is_not_found);
    hf_test_add("/library/container-load/broken-container-is-told", test_broken_container_is_told);
    hf_test_add("/library/container-load/links-are-not-followed", test_links_are_not_followed);
    hf_test_add("/library/container-load/all-are-loaded-by-id", test_all_are_loaded_by_id);
    hf_test_add("/library/container-load/broken-ones-do-not-hide-the-others",
                test_broken_ones_do_not_hide_the_others);
    hf_test_add("/library/container-load/missing-root-has-no-containers",
                test_missing_root_has_no_containers);
    hf_test_add("/library/container-load/root-that-is-a-file-is-an-error",
                test_root_that_is_a_file_is_an_error);
    hf_test_add("/library/container-load/processes-are-listed-first-one-first",
                test_processes_are_listed_first_one_first);
    hf_test_add("/library/container-load/broken-processes-are-told-and-the-others-load",
                test_broken_processes_are_told_and_the_others_load);
    hf_test_add("/library/container-load/container-that-was-never-started-has-no-first-process",
                test_container_that_was_never_started_has_no_first_process);
    hf_test_add("/library/container-load/deleted-container-says-so",
                test_deleted_container_says_so);
    return g_test_run();
}
