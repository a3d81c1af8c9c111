/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "cgroup/cgroup-tree.h"
#include "test-kit.h"

typedef struct {
    GString *names; /* what the file "name" of each directory holds, in the order of the visits */
    const char *removes; /* a directory that goes when the first is visited; NULL for none */
    const char *fails_at;
} Visits;

static void
add_cgroup(const char *top, const char *name)
{
    g_autofree char *path = g_build_filename(top, name, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    hf_test_write_file(path, "name", name);
}

static gboolean
on_visit(int dir_fd, gpointer user_data, GError **error)
{
    Visits *visits = user_data;
    hf_autofd fd = openat(dir_fd, "name", O_RDONLY | O_CLOEXEC);
    char name[64] = "";

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(read(fd, name, sizeof name - 1), >=, 0);
    if (g_strcmp0(name, visits->fails_at) == 0)
        return hf_throw(error, HF_ERROR_FAILED, "asked for");
    g_string_append_printf(visits->names, "%s%s", visits->names->len == 0 ? "" : " ", name);
    if (visits->removes != NULL)
        hf_test_remove_dir(g_strdup(g_steal_pointer(&visits->removes)));
    return TRUE;
}

static gboolean
walk(const char *top, guint max, Visits *visits, GError **error)
{
    hf_autofd fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return hf_cgroup_tree_walk(fd, max, on_visit, visits, error);
}

static void
test_parents_come_before_their_children(void)
{
    char *top = hf_test_make_dir();
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names};

    add_cgroup(top, ".");
    add_cgroup(top, "a");
    add_cgroup(top, "a/b b");
    add_cgroup(top, "a/b b/c:c");
    g_assert_true(walk(top, 10, &visits, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(names->str, ==, ". a a/b b a/b b/c:c");
    hf_test_remove_dir(top);
}

static void
test_siblings_are_all_visited(void)
{
    char *top = hf_test_make_dir();
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names};

    add_cgroup(top, ".");
    add_cgroup(top, "a");
    add_cgroup(top, "b");
    g_assert_true(walk(top, 3, &visits, &error));

    g_assert_true(strcmp(names->str, ". a b") == 0 || strcmp(names->str, ". b a") == 0);
    hf_test_remove_dir(top);
}

static void
test_links_are_no_cgroups(void)
{
    char *top = hf_test_make_dir();
    g_autofree char *link_path = g_build_filename(top, "link", NULL);
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names};

    add_cgroup(top, ".");
    add_cgroup(top, "a");
    g_assert_cmpint(symlink("a", link_path), ==, 0);
    g_assert_true(walk(top, 10, &visits, &error));

    g_assert_cmpstr(names->str, ==, ". a");
    hf_test_remove_dir(top);
}

static void
test_more_than_the_limit_is_an_error(void)
{
    char *top = hf_test_make_dir();
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names};

    add_cgroup(top, ".");
    add_cgroup(top, "a");
    add_cgroup(top, "b");
    g_assert_false(walk(top, 2, &visits, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    hf_test_remove_dir(top);
}

#define DEEP 20

/* Deeper than a path can name, so that the removal has to climb, too. */
static void
add_deep(const char *top, const char *name, int fds[DEEP + 1])
{
    fds[0] = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEEP; i++) {
        hf_autofd file = openat(fds[i], "name", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        g_assert_cmpint(file, >=, 0);
        g_assert_cmpint(mkdirat(fds[i], name, 0700), ==, 0);
        fds[i + 1] = openat(fds[i], name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(fds[i + 1], >=, 0);
    }
}

static void
remove_deep(const char *name, int fds[DEEP + 1])
{
    for (int i = DEEP; i-- > 0;) {
        hf_close_fd(&fds[i + 1]);
        g_assert_cmpint(unlinkat(fds[i], name, AT_REMOVEDIR), ==, 0);
        g_assert_cmpint(unlinkat(fds[i], "name", 0), ==, 0);
    }
    hf_close_fd(&fds[0]);
}

static void
test_too_deep_is_an_error(void)
{
    char *top = hf_test_make_dir();
    g_autofree char *name = g_strnfill(250, 'x');
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names};
    int fds[DEEP + 1];

    add_deep(top, name, fds);
    g_assert_false(walk(top, 100, &visits, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    remove_deep(name, fds);
    hf_test_remove_dir(top);
}

static void
test_cgroup_that_goes_away_is_passed_over(void)
{
    char *top = hf_test_make_dir();
    g_autofree char *doomed = g_build_filename(top, "a/b", NULL);
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names};

    add_cgroup(top, ".");
    add_cgroup(top, "a");
    add_cgroup(top, "a/b");
    visits.removes = doomed;
    g_assert_true(walk(top, 10, &visits, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(names->str, ==, ". a");
    hf_test_remove_dir(top);
}

static void
test_visit_that_fails_ends_the_walk(void)
{
    char *top = hf_test_make_dir();
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Visits visits = {.names = names, .fails_at = "a"};

    add_cgroup(top, ".");
    add_cgroup(top, "a");
    add_cgroup(top, "a/b");
    g_assert_false(walk(top, 10, &visits, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_FAILED);
    g_assert_cmpstr(names->str, ==, ".");
    hf_test_remove_dir(top);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-tree/parents-come-before-their-children",
                test_parents_come_before_their_children);
    hf_test_add("/cgroup/cgroup-tree/siblings-are-all-visited", test_siblings_are_all_visited);
    hf_test_add("/cgroup/cgroup-tree/links-are-no-cgroups", test_links_are_no_cgroups);
    hf_test_add("/cgroup/cgroup-tree/more-than-the-limit-is-an-error",
                test_more_than_the_limit_is_an_error);
    hf_test_add("/cgroup/cgroup-tree/too-deep-is-an-error", test_too_deep_is_an_error);
    hf_test_add("/cgroup/cgroup-tree/cgroup-that-goes-away-is-passed-over",
                test_cgroup_that_goes_away_is_passed_over);
    hf_test_add("/cgroup/cgroup-tree/visit-that-fails-ends-the-walk",
                test_visit_that_fails_ends_the_walk);
    return g_test_run();
}
