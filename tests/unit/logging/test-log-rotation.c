/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <sys/stat.h>

#include <glib.h>

#include "base/error.h"
#include "logging/log-rotation.h"
#include "test-kit.h"

static void
assert_file(const char *dir, const char *name, const char *expected)
{
    g_autofree char *text = hf_test_read_file(dir, name);

    g_assert_cmpstr(text, ==, expected);
}

static gboolean
shift(const char *dir, guint files_max, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "log", NULL);

    return hf_log_rotation_shift(path, files_max, error);
}

static void
test_first_full_file_becomes_number_one(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "a");
    gboolean ok = shift(dir, 3, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_false(hf_test_file_exists(dir, "log"));
    assert_file(dir, "log.1", "a");
    hf_test_remove_dir(dir);
}

static void
test_older_files_move_up(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "c");
    hf_test_write_file(dir, "log.1", "b");
    hf_test_write_file(dir, "log.2", "a");
    g_assert_true(shift(dir, 5, &error));

    g_assert_no_error(error);
    assert_file(dir, "log.1", "c");
    assert_file(dir, "log.2", "b");
    assert_file(dir, "log.3", "a");
    hf_test_remove_dir(dir);
}

static void
test_oldest_file_beyond_the_limit_is_replaced(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "c");
    hf_test_write_file(dir, "log.1", "b");
    hf_test_write_file(dir, "log.2", "a");
    g_assert_true(shift(dir, 2, &error));

    g_assert_no_error(error);
    assert_file(dir, "log.1", "c");
    assert_file(dir, "log.2", "b");
    g_assert_false(hf_test_file_exists(dir, "log.3"));
    hf_test_remove_dir(dir);
}

static void
test_limit_of_one_replaces_number_one(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "b");
    hf_test_write_file(dir, "log.1", "a");
    g_assert_true(shift(dir, 1, &error));

    g_assert_no_error(error);
    assert_file(dir, "log.1", "b");
    g_assert_false(hf_test_file_exists(dir, "log.2"));
    hf_test_remove_dir(dir);
}

static void
test_files_behind_a_gap_stay(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "c");
    hf_test_write_file(dir, "log.1", "b");
    hf_test_write_file(dir, "log.3", "a");
    g_assert_true(shift(dir, 9, &error));

    g_assert_no_error(error);
    assert_file(dir, "log.1", "c");
    assert_file(dir, "log.2", "b");
    assert_file(dir, "log.3", "a");
    hf_test_remove_dir(dir);
}

static void
test_missing_file_is_no_error(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    gboolean ok = shift(dir, 2, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    hf_test_remove_dir(dir);
}

static void
test_file_that_cannot_be_renamed_stays(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    g_autofree char *obstacle = g_build_filename(dir, "log.1", NULL);

    hf_test_write_file(dir, "log", "a");
    g_assert_no_errno(mkdir(obstacle, 0700));
    gboolean ok = shift(dir, 1, &error);

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    g_assert_false(ok);
    assert_file(dir, "log", "a");
    hf_test_remove_dir(dir);
}

static void
test_undo_gives_the_name_back(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "log", NULL);

    hf_test_write_file(dir, "log", "a");
    g_assert_true(hf_log_rotation_shift(path, 1, &error));
    gboolean ok = hf_log_rotation_undo(path, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    assert_file(dir, "log", "a");
    g_assert_false(hf_test_file_exists(dir, "log.1"));
    hf_test_remove_dir(dir);
}

static void
test_undo_spares_a_new_file(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "log", NULL);

    hf_test_write_file(dir, "log.1", "a");
    hf_test_write_file(dir, "log", "new");
    gboolean ok = hf_log_rotation_undo(path, &error);

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
    g_assert_false(ok);
    assert_file(dir, "log", "new");
    hf_test_remove_dir(dir);
}

static void
test_compressed_files_move_with_the_others(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "d");
    hf_test_write_file(dir, "log.1", "c");
    hf_test_write_file(dir, "log.2.gz", "b");
    hf_test_write_file(dir, "log.3.gz", "a");
    g_assert_true(shift(dir, 5, &error));

    g_assert_no_error(error);
    assert_file(dir, "log.1", "d");
    assert_file(dir, "log.2", "c");
    assert_file(dir, "log.3.gz", "b");
    assert_file(dir, "log.4.gz", "a");
    g_assert_false(hf_test_file_exists(dir, "log.2.gz"));
    hf_test_remove_dir(dir);
}

static void
test_oldest_file_is_replaced_whatever_its_form(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "log", "c");
    hf_test_write_file(dir, "log.1", "b");
    hf_test_write_file(dir, "log.2.gz", "a");
    g_assert_true(shift(dir, 2, &error));

    g_assert_no_error(error);
    assert_file(dir, "log.1", "c");
    assert_file(dir, "log.2", "b");
    g_assert_false(hf_test_file_exists(dir, "log.2.gz"));
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/log-rotation/first-full-file-becomes-number-one",
                test_first_full_file_becomes_number_one);
    hf_test_add("/logging/log-rotation/older-files-move-up", test_older_files_move_up);
    hf_test_add("/logging/log-rotation/oldest-file-beyond-the-limit-is-replaced",
                test_oldest_file_beyond_the_limit_is_replaced);
    hf_test_add("/logging/log-rotation/limit-of-one-replaces-number-one",
                test_limit_of_one_replaces_number_one);
    hf_test_add("/logging/log-rotation/files-behind-a-gap-stay", test_files_behind_a_gap_stay);
    hf_test_add("/logging/log-rotation/missing-file-is-no-error", test_missing_file_is_no_error);
    hf_test_add("/logging/log-rotation/file-that-cannot-be-renamed-stays",
                test_file_that_cannot_be_renamed_stays);
    hf_test_add("/logging/log-rotation/undo-gives-the-name-back", test_undo_gives_the_name_back);
    hf_test_add("/logging/log-rotation/undo-spares-a-new-file", test_undo_spares_a_new_file);
    hf_test_add("/logging/log-rotation/compressed-files-move-with-the-others",
                test_compressed_files_move_with_the_others);
    hf_test_add("/logging/log-rotation/oldest-file-is-replaced-whatever-its-form",
                test_oldest_file_is_replaced_whatever_its_form);
    return g_test_run();
}
