/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "cgroup/oom-count.h"
#include "test-kit.h"

static void
test_parse(void)
{
    static const struct {
        const char *text;
        HfOomCountResult result;
        guint64 count;
    } cases[] = {
        {"low 0\noom 3\noom_kill 2\noom_group_kill 1\n", HF_OOM_COUNT_FOUND, 2},
        {"oom_kill 18446744073709551615\n", HF_OOM_COUNT_FOUND, G_MAXUINT64},
        {"oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", HF_OOM_COUNT_FOUND, 0},
        {"oom_kill_disable 0\nunder_oom 0\n", HF_OOM_COUNT_MISSING, 7},
        {"oom_group_kill 3\nxoom_kill 2\n", HF_OOM_COUNT_MISSING, 7},
        {"", HF_OOM_COUNT_MISSING, 7},
        {"oom", HF_OOM_COUNT_MISSING, 7},
        {"oom_kill 18446744073709551616\n", HF_OOM_COUNT_GARBAGE, 7},
        {"oom_kill -1\n", HF_OOM_COUNT_GARBAGE, 7},
        {"oom_kill\n", HF_OOM_COUNT_GARBAGE, 7},
        {"oom_kill \n", HF_OOM_COUNT_GARBAGE, 7},
        {"oom_kill 7 7\n", HF_OOM_COUNT_GARBAGE, 7},
        {"oom_kill 3", HF_OOM_COUNT_GARBAGE, 7},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 count = 7;

        g_test_message("case %u", i);
        g_assert_cmpint((int)hf_oom_count_parse(cases[i].text, strlen(cases[i].text), &count), ==,
                        (int)cases[i].result);
        g_assert_cmpuint(count, ==, cases[i].count);
    }
}

static void
add_cgroup(const char *top, const char *name, const char *oom_control)
{
    g_autofree char *path = g_build_filename(top, name, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    if (oom_control != NULL)
        hf_test_write_file(path, "memory.oom_control", oom_control);
}

static bool
sum_below(const char *top, guint64 *out_sum)
{
    hf_autofd fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return hf_oom_count_try_sum_below(fd, out_sum);
}

static void
test_sum_is_of_those_below(void)
{
    char *top = hf_test_make_dir();
    guint64 sum = 7;

    add_cgroup(top, ".", "oom_kill 100\n");
    add_cgroup(top, "a", "oom_kill 1\n");
    add_cgroup(top, "a/b", "oom_kill 2\n");
    add_cgroup(top, "c", "oom_kill 4\n");
    add_cgroup(top, "without", NULL);
    g_assert_true(sum_below(top, &sum));

    g_assert_cmpuint(sum, ==, 7);
    hf_test_remove_dir(top);
}

static void
test_sum_of_no_cgroups_is_none(void)
{
    char *top = hf_test_make_dir();
    guint64 sum = 7;

    add_cgroup(top, ".", "oom_kill 100\n");
    g_assert_true(sum_below(top, &sum));

    g_assert_cmpuint(sum, ==, 0);
    hf_test_remove_dir(top);
}

static void
test_sum_with_garbage_is_none(void)
{
    char *top = hf_test_make_dir();
    guint64 sum = 7;

    add_cgroup(top, ".", "oom_kill 0\n");
    add_cgroup(top, "a", "oom_kill 1\n");
    add_cgroup(top, "b", "oom_kill x\n");
    g_assert_false(sum_below(top, &sum));

    g_assert_cmpuint(sum, ==, 7);
    hf_test_remove_dir(top);
}

static void
test_sum_that_is_too_large_is_none(void)
{
    char *top = hf_test_make_dir();
    guint64 sum = 7;

    add_cgroup(top, "a", "oom_kill 18446744073709551615\n");
    add_cgroup(top, "b", "oom_kill 1\n");
    g_assert_false(sum_below(top, &sum));

    g_assert_cmpuint(sum, ==, 7);
    hf_test_remove_dir(top);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/oom-count/parse", test_parse);
    hf_test_add("/cgroup/oom-count/sum-is-of-those-below", test_sum_is_of_those_below);
    hf_test_add("/cgroup/oom-count/sum-of-no-cgroups-is-none", test_sum_of_no_cgroups_is_none);
    hf_test_add("/cgroup/oom-count/sum-with-garbage-is-none", test_sum_with_garbage_is_none);
    hf_test_add("/cgroup/oom-count/sum-that-is-too-large-is-none",
                test_sum_that_is_too_large_is_none);
    return g_test_run();
}
