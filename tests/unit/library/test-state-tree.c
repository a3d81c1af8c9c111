/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/state-dir.h"
#include "test-kit.h"

static int
open_test_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
test_names_are_listed_in_order(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(dir, "b", "");
    hf_test_write_file(dir, ".hidden", "");
    g_assert_cmpint(mkdirat(fd, "a", 0700), ==, 0);

    /* Twice: the first pass leaves the descriptor's position alone. */
    for (guint pass = 0; pass < 2; pass++) {
        g_autoptr(GPtrArray) names = hf_state_list_names(fd, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(names->len, ==, 3);
        g_assert_cmpstr(names->pdata[0], ==, ".hidden");
        g_assert_cmpstr(names->pdata[1], ==, "a");
        g_assert_cmpstr(names->pdata[2], ==, "b");
    }

    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_tree_is_removed(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autofree char *deep = g_build_filename(dir, "tree", "a", "b", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(g_mkdir_with_parents(deep, 0700), ==, 0);
    hf_test_write_file(deep, "file", "");
    g_assert_cmpint(mkfifoat(fd, "tree/fifo", 0600), ==, 0);
    hf_test_write_file(dir, "other", "");

    g_assert_true(hf_state_remove_tree(fd, "tree", &error));

    g_assert_no_error(error);
    g_assert_false(hf_test_file_exists(dir, "tree"));
    g_assert_true(hf_test_file_exists(dir, "other"));
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_what_is_gone_already_is_no_error(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_state_remove_tree(fd, "tree", &error));

    g_assert_no_error(error);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_links_are_removed_and_not_followed(void)
{
    char *dir = hf_test_make_dir();
    char *outside = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(outside, "kept", "");
    g_assert_cmpint(mkdirat(fd, "tree", 0700), ==, 0);
    g_assert_cmpint(symlinkat(outside, fd, "tree/link"), ==, 0);
    g_assert_cmpint(symlinkat(outside, fd, "link"), ==, 0);

    g_assert_true(hf_state_remove_tree(fd, "tree", &error));
    g_assert_true(hf_state_remove_tree(fd, "link", &error));

    g_assert_no_error(error);
    g_assert_true(hf_test_file_exists(outside, "kept"));
    g_assert_false(hf_test_file_exists(dir, "tree"));
    g_assert_false(hf_test_file_exists(dir, "link"));
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
    hf_test_remove_dir(outside);
}

static void
test_depth_has_a_bound(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GString) path = g_string_new(dir);
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < 40; i++)
        g_string_append(path, "/d");
    g_assert_cmpint(g_mkdir_with_parents(path->str, 0700), ==, 0);

    g_assert_false(hf_state_remove_tree(fd, "d", &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    g_assert_true(g_str_has_prefix(error->message, "'d': 'd': "));
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

#define NO_NAMESPACE 77

/* In a mount namespace of its own, which ends with the process. 0: the mount was not entered. */
static int
remove_below_mount(gpointer user_data)
{
    const char *dir = user_data;
    g_autofree char *source = g_build_filename(dir, "source", NULL);
    g_autofree char *target = g_build_filename(dir, "tree", "target", NULL);
    g_autoptr(GError) error = NULL;
    hf_autofd fd = -1;

    if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(source, target, "none", MS_BIND, NULL) < 0)
        return NO_NAMESPACE;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (hf_state_remove_tree(fd, "tree", &error))
        return 1;
    if (!g_error_matches(error, HF_ERROR, HF_ERROR_INVALID_STATE))
        return 2;
    return hf_test_file_exists(source, "kept") ? 0 : 3;
}

static void
test_mounts_are_not_entered(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *source = g_build_filename(dir, "source", NULL);
    g_autofree char *target = g_build_filename(dir, "tree", "target", NULL);
    g_assert_cmpint(g_mkdir_with_parents(source, 0700), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(target, 0700), ==, 0);
    hf_test_write_file(source, "kept", "");

    int result = hf_test_run_in_child(remove_below_mount, dir);

    if (result == NO_NAMESPACE)
        g_test_skip("this machine lets this user make no mounts");
    else
        g_assert_cmpint(result, ==, 0);
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/state-tree/names-are-listed-in-order", test_names_are_listed_in_order);
    hf_test_add("/library/state-tree/tree-is-removed", test_tree_is_removed);
    hf_test_add("/library/state-tree/what-is-gone-already-is-no-error",
                test_what_is_gone_already_is_no_error);
    hf_test_add("/library/state-tree/links-are-removed-and-not-followed",
                test_links_are_removed_and_not_followed);
    hf_test_add("/library/state-tree/depth-has-a-bound", test_depth_has_a_bound);
    hf_test_add("/library/state-tree/mounts-are-not-entered", test_mounts_are_not_entered);
    return g_test_run();
}
