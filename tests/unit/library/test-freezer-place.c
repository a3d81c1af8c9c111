/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <unistd.h>

#include "library/freezer-place.h"
#include "test-kit.h"

static void
test_cgroup_of_the_freezer_is_found(void)
{
    static const struct {
        const char *text;
        const char *path;
        HfCgroupVersion version;
    } cases[] = {
        {"0::/machine/c1\n", "/machine/c1", HF_CGROUP_V2},
        {"0::/\n", "/", HF_CGROUP_V2},
        {"0::/a:b\n", "/a:b", HF_CGROUP_V2},
        {"7:freezer:/c1\n0::/unified\n", "/c1", HF_CGROUP_V1},
        {"0::/unified\n7:freezer:/c1\n", "/c1", HF_CGROUP_V1},
        {"7:cpu,freezer,memory:/c1\n", "/c1", HF_CGROUP_V1},
        {"8:name=freezer:/no\n7:freezers:/no\n0::/c1\n", "/c1", HF_CGROUP_V2},
        {"0::/c1", "/c1", HF_CGROUP_V2},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        HfCgroupVersion version = cases[i].version == HF_CGROUP_V1 ? HF_CGROUP_V2 : HF_CGROUP_V1;
        g_autofree char *path = hf_freezer_place_parse(cases[i].text, &version);

        g_assert_cmpstr(path, ==, cases[i].path);
        g_assert_cmpint(version, ==, cases[i].version);
    }
}

static void
test_cgroup_out_of_sight_is_none(void)
{
    static const char *const texts[] = {
        "",         "\n",        "garbage\n",          "0:\n",
        "0::\n",    "0::c1\n",   "0::/../elsewhere\n", "7:memory:/c1\n",
        "7:cpu:/x", "freezer\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        HfCgroupVersion version;

        g_assert_null(hf_freezer_place_parse(texts[i], &version));
    }
}

/* Whatever is mounted here: the quick way finds what the thorough one does, or nothing. */
static void
test_both_ways_find_the_same(void)
{
    g_autoptr(HfCgroupDirs) quick = hf_freezer_place_find(getpid());
    g_autoptr(HfCgroupDirs) thorough = hf_cgroup_dirs_new_for_process(getpid(), NULL);
    HfCgroupVersion quick_version;
    HfCgroupVersion version;

    if (quick == NULL || thorough == NULL) {
        g_test_skip("this machine has its cgroups in other places");
        return;
    }
    g_autofree char *quick_path =
        g_canonicalize_filename(hf_cgroup_dirs_find(quick, HF_CGROUP_FREEZER, &quick_version), "/");
    g_autofree char *path =
        g_canonicalize_filename(hf_cgroup_dirs_find(thorough, HF_CGROUP_FREEZER, &version), "/");
    g_assert_cmpstr(quick_path, ==, path);
    g_assert_cmpint(quick_version, ==, version);
}

static void
test_process_that_is_gone_is_nowhere(void)
{
    /* Larger than the kernel's largest pid. */
    g_assert_null(hf_freezer_place_find(1 << 30));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/freezer-place/cgroup-of-the-freezer-is-found",
                test_cgroup_of_the_freezer_is_found);
    hf_test_add("/library/freezer-place/cgroup-out-of-sight-is-none",
                test_cgroup_out_of_sight_is_none);
    hf_test_add("/library/freezer-place/both-ways-find-the-same", test_both_ways_find_the_same);
    hf_test_add("/library/freezer-place/process-that-is-gone-is-nowhere",
                test_process_that_is_gone_is_nowhere);
    return g_test_run();
}
