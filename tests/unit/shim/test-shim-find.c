/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/error.h"
#include "shim/shim-find.h"
#include "test-kit.h"

static void
test_runtime_is_looked_for_in_path(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *expected = g_build_filename(dir, "some-runtime", NULL);
    g_autofree char *old_path = g_strdup(g_getenv("PATH"));
    g_autoptr(GError) error = NULL;

    hf_test_write_file(dir, "some-runtime", "");
    g_assert_cmpint(chmod(expected, 0700), ==, 0);
    g_assert_true(g_setenv("PATH", dir, TRUE));
    g_autofree char *found = hf_shim_find_runtime("some-runtime", &error);
    g_assert_true(g_setenv("PATH", old_path, TRUE));

    g_assert_no_error(error);
    g_assert_cmpstr(found, ==, expected);
    hf_test_remove_dir(dir);
}

static void
test_runtime_that_is_a_path_is_taken_as_it_is(void)
{
    g_autofree char *found = hf_shim_find_runtime("/no/such/runc", NULL);

    g_assert_cmpstr(found, ==, "/no/such/runc");
}

static void
test_runtime_that_is_nowhere(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_shim_find_runtime("no-such-runtime", &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "executable file not found"));
}

static void
test_monitor_can_be_named(void)
{
    g_assert_true(g_setenv("HOLDFAST_MONITOR", "/some/monitor", TRUE));

    g_autofree char *found = hf_shim_find_monitor(NULL);

    g_assert_cmpstr(found, ==, "/some/monitor");
    g_unsetenv("HOLDFAST_MONITOR");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/shim/shim-find/runtime-is-looked-for-in-path",
                test_runtime_is_looked_for_in_path);
    hf_test_add("/shim/shim-find/runtime-that-is-a-path-is-taken-as-it-is",
                test_runtime_that_is_a_path_is_taken_as_it_is);
    hf_test_add("/shim/shim-find/runtime-that-is-nowhere", test_runtime_that_is_nowhere);
    hf_test_add("/shim/shim-find/monitor-can-be-named", test_monitor_can_be_named);
    return g_test_run();
}
