/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <sys/stat.h>
#include <unistd.h>

#include "library/io-private.h"
#include "test-kit.h"

static HfFifoSet *
make_set(const char *parent, gboolean has_terminal)
{
    g_autoptr(GError) error = NULL;
    HfFifoSet *set = hf_fifo_set_new(parent, "init", has_terminal, &error);

    g_assert_no_error(error);
    g_assert_nonnull(set);
    return set;
}

static void
assert_fifo(const char *path, const char *end)
{
    struct stat status;

    g_assert_true(g_str_has_suffix(path, end));
    g_assert_cmpint(lstat(path, &status), ==, 0);
    g_assert_true(S_ISFIFO(status.st_mode));
    g_assert_cmpuint(status.st_mode & 07777, ==, 0600);
}

static void
assert_is_empty(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

    g_assert_nonnull(dir);
    g_assert_null(g_dir_read_name(dir));
}

static void
test_three_fifos_are_in_a_directory_of_their_own(void)
{
    char *parent = hf_test_make_dir();
    struct stat status;

    g_autoptr(HfFifoSet) set = make_set(parent, FALSE);

    assert_fifo(set->paths[HF_FIFO_STDIN], "/init-stdin");
    assert_fifo(set->paths[HF_FIFO_STDOUT], "/init-stdout");
    assert_fifo(set->paths[HF_FIFO_STDERR], "/init-stderr");
    g_assert_true(g_str_has_prefix(set->directory, parent));
    g_assert_cmpint(lstat(set->directory, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07777, ==, 0700);
    hf_test_remove_dir(parent);
}

static void
test_terminal_has_no_fifo_for_standard_error(void)
{
    char *parent = hf_test_make_dir();

    g_autoptr(HfFifoSet) set = make_set(parent, TRUE);
    g_autoptr(HfStdio) stdio = hf_fifo_set_dup_stdio(set);

    g_assert_true(hf_fifo_set_get_has_terminal(set));
    g_assert_null(set->paths[HF_FIFO_STDERR]);
    g_assert_cmpstr(hf_stdio_get_stdout(stdio), ==, set->paths[HF_FIFO_STDOUT]);
    g_assert_cmpstr(hf_stdio_get_stderr(stdio), ==, "/dev/null");
    hf_test_remove_dir(parent);
}

static void
test_removal_leaves_nothing_and_may_be_repeated(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autoptr(HfFifoSet) set = make_set(parent, FALSE);

    g_assert_true(hf_fifo_set_remove(set, &error));
    assert_is_empty(parent);
    g_assert_true(hf_fifo_set_remove(set, &error));

    g_assert_no_error(error);
    hf_test_remove_dir(parent);
}

static void
test_fifos_outlive_the_object(void)
{
    char *parent = hf_test_make_dir();
    HfFifoSet *set = make_set(parent, FALSE);
    g_autofree char *path = g_strdup(set->paths[HF_FIFO_STDIN]);

    g_object_unref(set);

    assert_fifo(path, "/init-stdin");
    hf_test_remove_dir(parent);
}

static void
test_foreign_file_beside_the_fifos_is_kept(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autoptr(HfFifoSet) set = make_set(parent, FALSE);
    hf_test_write_file(set->directory, "mine", "kept");

    g_assert_false(hf_fifo_set_remove(set, &error));

    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, set->directory));
    g_assert_true(hf_test_file_exists(set->directory, "mine"));
    hf_test_remove_dir(parent);
}

static void
test_missing_parent_is_named(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autofree char *missing = g_build_filename(parent, "missing", NULL);

    g_autoptr(HfFifoSet) set = hf_fifo_set_new(missing, "init", FALSE, &error);

    g_assert_null(set);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_nonnull(strstr(error->message, missing));
    hf_test_remove_dir(parent);
}

static void
test_name_that_is_too_long_leaves_nothing(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autofree char *id = g_strnfill(300, 'a');

    g_autoptr(HfFifoSet) set = hf_fifo_set_new(parent, id, FALSE, &error);

    g_assert_null(set);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG);
    assert_is_empty(parent);
    hf_test_remove_dir(parent);
}

static void
test_paths_are_absolute_below_a_relative_parent(void)
{
    char *parent = hf_test_make_dir();
    g_autofree char *before = g_get_current_dir();
    g_assert_cmpint(chdir(parent), ==, 0);

    g_autoptr(HfFifoSet) set = make_set(".", FALSE);

    g_assert_true(g_path_is_absolute(set->paths[HF_FIFO_STDIN]));
    g_assert_cmpint(chdir(before), ==, 0);
    assert_fifo(set->paths[HF_FIFO_STDIN], "/init-stdin");
    hf_test_remove_dir(parent);
}

static void
test_set_of_a_loaded_process_has_its_paths_and_removes_nothing(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autoptr(HfFifoSet) made = make_set(parent, FALSE);
    g_autoptr(HfStdio) stdio = hf_stdio_new(made->paths[HF_FIFO_STDIN], NULL, "/dev/null");

    g_autoptr(HfFifoSet) set = hf_fifo_set_new_for_stdio(stdio, FALSE);

    g_assert_cmpstr(set->paths[HF_FIFO_STDIN], ==, made->paths[HF_FIFO_STDIN]);
    g_assert_null(set->paths[HF_FIFO_STDOUT]);
    g_assert_null(set->paths[HF_FIFO_STDERR]);
    g_assert_true(hf_fifo_set_remove(set, &error));
    g_assert_no_error(error);
    assert_fifo(made->paths[HF_FIFO_STDIN], "/init-stdin");
    hf_test_remove_dir(parent);
}

#define ADD(name, function) hf_test_add("/library/fifo-set/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("three-fifos-are-in-a-directory-of-their-own",
        test_three_fifos_are_in_a_directory_of_their_own);
    ADD("terminal-has-no-fifo-for-standard-error", test_terminal_has_no_fifo_for_standard_error);
    ADD("removal-leaves-nothing-and-may-be-repeated",
        test_removal_leaves_nothing_and_may_be_repeated);
    ADD("fifos-outlive-the-object", test_fifos_outlive_the_object);
    ADD("foreign-file-beside-the-fifos-is-kept", test_foreign_file_beside_the_fifos_is_kept);
    ADD("missing-parent-is-named", test_missing_parent_is_named);
    ADD("name-that-is-too-long-leaves-nothing", test_name_that_is_too_long_leaves_nothing);
    ADD("paths-are-absolute-below-a-relative-parent",
        test_paths_are_absolute_below_a_relative_parent);
    ADD("set-of-a-loaded-process-has-its-paths-and-removes-nothing",
        test_set_of_a_loaded_process_has_its_paths_and_removes_nothing);
    return g_test_run();
}
