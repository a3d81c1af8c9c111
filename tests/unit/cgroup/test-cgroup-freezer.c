/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-freezer.h"
#include "test-kit.h"

typedef struct {
    const char *first;  /* v1: freezer.state, v2: cgroup.freeze; NULL: no such file */
    const char *second; /* v1: freezer.self_freezing, v2: cgroup.events */
    HfCgroupFreezerState state;
    bool is_paused;
} FreezerCase;

static char *
make_dir(HfCgroupVersion version, const char *first, const char *second)
{
    char *dir = hf_test_make_dir();
    bool is_v1 = version == HF_CGROUP_V1;

    hf_test_write_file(dir, "cgroup.procs", "");
    if (first != NULL)
        hf_test_write_file(dir, is_v1 ? "freezer.state" : "cgroup.freeze", first);
    if (second != NULL)
        hf_test_write_file(dir, is_v1 ? "freezer.self_freezing" : "cgroup.events", second);
    return dir;
}

static gboolean
read_state(HfCgroupVersion version, char *dir, HfCgroupFreezerState *out_state, GError **error)
{
    HfCgroupDirs dirs = {0};

    if (version == HF_CGROUP_V1)
        dirs.v1[HF_CGROUP_FREEZER] = dir;
    else
        dirs.unified = dir;
    return hf_cgroup_freezer_read(&dirs, out_state, error);
}

static void
check_cases(HfCgroupVersion version, const FreezerCase *cases, guint count)
{
    for (guint i = 0; i < count; i++) {
        char *dir = make_dir(version, cases[i].first, cases[i].second);
        HfCgroupFreezerState state = (HfCgroupFreezerState)9;
        g_autoptr(GError) error = NULL;

        g_test_message("case %u", i);
        g_assert_true(read_state(version, dir, &state, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(hf_cgroup_freezer_state_to_string(state), ==,
                        hf_cgroup_freezer_state_to_string(cases[i].state));
        g_assert_cmpint(hf_cgroup_freezer_is_paused(state), ==, cases[i].is_paused);
        hf_test_remove_dir(dir);
    }
}

static void
test_v1_states(void)
{
    static const FreezerCase cases[] = {
        {"THAWED\n", "0\n", HF_CGROUP_THAWED, false},
        {"FREEZING\n", "1\n", HF_CGROUP_FREEZING, true},
        {"FROZEN\n", "1\n", HF_CGROUP_FROZEN, true},
        {"FROZEN\n", "0\n", HF_CGROUP_FROZEN_BY_ANCESTOR, false},
        {"FREEZING\n", "0\n", HF_CGROUP_FROZEN_BY_ANCESTOR, false},
        {"FROZEN\n", NULL, HF_CGROUP_FROZEN, true},
        {"THAWED\n", NULL, HF_CGROUP_THAWED, false},
    };

    check_cases(HF_CGROUP_V1, cases, G_N_ELEMENTS(cases));
}

static void
test_v2_states(void)
{
    static const FreezerCase cases[] = {
        {"0\n", "populated 1\nfrozen 0\n", HF_CGROUP_THAWED, false},
        {"1\n", "populated 1\nfrozen 0\n", HF_CGROUP_FREEZING, true},
        {"1\n", "populated 1\nfrozen 1\n", HF_CGROUP_FROZEN, true},
        {"0\n", "populated 1\nfrozen 1\n", HF_CGROUP_FROZEN_BY_ANCESTOR, false},
    };

    check_cases(HF_CGROUP_V2, cases, G_N_ELEMENTS(cases));
}

static void
test_what_cannot_be_told_is_an_error(void)
{
    static const struct {
        HfCgroupVersion version;
        const char *first;
        const char *second;
        HfError code;
    } cases[] = {
        {HF_CGROUP_V1, NULL, NULL, HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V1, "MELTED\n", "0\n", HF_ERROR_PROTOCOL},
        {HF_CGROUP_V1, "", "0\n", HF_ERROR_PROTOCOL},
        {HF_CGROUP_V1, "FROZEN\n", "yes\n", HF_ERROR_PROTOCOL},
        {HF_CGROUP_V2, NULL, "populated 1\n", HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V2, "0\n", "populated 1\n", HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V2, "x\n", "frozen 0\n", HF_ERROR_PROTOCOL},
        {HF_CGROUP_V2, "1\n", "frozen\n", HF_ERROR_PROTOCOL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *dir = make_dir(cases[i].version, cases[i].first, cases[i].second);
        HfCgroupFreezerState state = HF_CGROUP_FROZEN;
        g_autoptr(GError) error = NULL;

        g_test_message("case %u", i);
        g_assert_false(read_state(cases[i].version, dir, &state, &error));
        g_assert_error(error, HF_ERROR, (int)cases[i].code);
        g_assert_cmpint((int)state, ==, (int)HF_CGROUP_FROZEN);
        hf_test_remove_dir(dir);
    }
}

static void
test_v1_freezer_comes_before_the_unified_one(void)
{
    char *v1 = make_dir(HF_CGROUP_V1, "FROZEN\n", "1\n");
    char *v2 = make_dir(HF_CGROUP_V2, "0\n", "frozen 0\n");
    HfCgroupDirs dirs = {.v1 = {[HF_CGROUP_FREEZER] = v1}, .unified = v2};
    HfCgroupFreezerState state = HF_CGROUP_THAWED;
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_cgroup_freezer_read(&dirs, &state, &error));

    g_assert_cmpint((int)state, ==, (int)HF_CGROUP_FROZEN);
    hf_test_remove_dir(v1);
    hf_test_remove_dir(v2);
}

static void
test_no_freezer_at_all_is_not_supported(void)
{
    HfCgroupDirs dirs = {.v1 = {[HF_CGROUP_MEMORY] = (char *)"/cg"}};
    HfCgroupFreezerState state = HF_CGROUP_THAWED;
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_cgroup_freezer_read(&dirs, &state, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED);
}

static void
test_cgroup_that_is_gone_is_not_found(void)
{
    HfCgroupDirs dirs = {.unified = (char *)"/nonexistent/cgroup"};
    HfCgroupFreezerState state = HF_CGROUP_THAWED;
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_cgroup_freezer_read(&dirs, &state, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
}

static void
test_directory_without_processes_is_gone(void)
{
    char *dir = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = dir};
    HfCgroupFreezerState state = HF_CGROUP_THAWED;
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_cgroup_freezer_read(&dirs, &state, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-freezer/v1-states", test_v1_states);
    hf_test_add("/cgroup/cgroup-freezer/v2-states", test_v2_states);
    hf_test_add("/cgroup/cgroup-freezer/what-cannot-be-told-is-an-error",
                test_what_cannot_be_told_is_an_error);
    hf_test_add("/cgroup/cgroup-freezer/v1-freezer-comes-before-the-unified-one",
                test_v1_freezer_comes_before_the_unified_one);
    hf_test_add("/cgroup/cgroup-freezer/no-freezer-at-all-is-not-supported",
                test_no_freezer_at_all_is_not_supported);
    hf_test_add("/cgroup/cgroup-freezer/cgroup-that-is-gone-is-not-found",
                test_cgroup_that_is_gone_is_not_found);
    hf_test_add("/cgroup/cgroup-freezer/directory-without-processes-is-gone",
                test_directory_without_processes_is_gone);
    return g_test_run();
}
