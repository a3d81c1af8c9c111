/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-stats-json.h"
#include "test-kit.h"

typedef struct {
    const char *name;
    const char *text;
} File;

/* (transfer full) */
static char *
json_of(const File *files, guint count)
{
    char *dir = hf_test_make_dir();
    HfCgroupDirs dirs = {.unified = dir};
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCgroupStats) stats = NULL;

    for (guint i = 0; i < count; i++)
        hf_test_write_file(dir, files[i].name, files[i].text);
    stats = hf_cgroup_stats_read(&dirs, &error);
    g_assert_no_error(error);
    hf_test_remove_dir(dir);
    return hf_cgroup_stats_to_json(stats);
}

#define NO_USAGE "{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0}"
#define NO_CPUSET                                                                 \
    "\"cpuset\":{\"cpus\":[],\"mems\":[],\"cpu_exclusive\":0,\"mem_hardwall\":0," \
    "\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"          \
    "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"    \
    "\"sched_relax_domain_level\":0}"
#define NO_OTHER_BLKIO                                                                  \
    "\"ioQueueRecursive\":[],\"ioServiceTimeRecursive\":[],\"ioWaitTimeRecursive\":[]," \
    "\"ioMergedRecursive\":[],\"ioTimeRecursive\":[],\"sectorsRecursive\":[]"

static void
test_nothing_is_left_out(void)
{
    static const File files[] = {{"cgroup.procs", ""}};
    g_autofree char *json = json_of(files, G_N_ELEMENTS(files));

    g_assert_cmpstr(json, ==,
                    "{\"cpu\":{\"usage\":{\"total\":0,\"kernel\":0,\"user\":0,\"percpu\":[],"
                    "\"percpu_kernel\":[],\"percpu_user\":[]},\"throttling\":{\"periods\":0,"
                    "\"throttledPeriods\":0,\"throttledTime\":0}}," NO_CPUSET
                    ",\"memory\":{\"cache\":0,\"usage\":" NO_USAGE ",\"swap\":" NO_USAGE
                    ",\"kernel\":" NO_USAGE ",\"kernelTCP\":" NO_USAGE ",\"raw\":{}},"
                    "\"pids\":{\"current\":0,\"limit\":0},"
                    "\"blkio\":{\"ioServiceBytesRecursive\":[],\"ioServicedRecursive\":"
                    "[]," NO_OTHER_BLKIO "},\"hugetlb\":{}}");
}

static void
assert_has(const char *json, const char *part)
{
    if (strstr(json, part) == NULL)
        g_error("no %s in %s", part, json);
}

static void
test_each_group_has_its_numbers(void)
{
    static const File files[] = {
        {"cgroup.procs", ""},
        {"cpu.stat", "usage_usec 5\nsystem_usec 2\nuser_usec 3\nnr_periods 7\n"},
        {"cpu.pressure", "some avg10=2.94 avg60=1.17 avg300=0.00 total=875272\n"},
        {"memory.stat", "anon 1\nfile 2\n"},
        {"memory.current", "4395008\n"},
        {"memory.max", "max\n"},
        {"pids.current", "4\n"},
        {"pids.max", "50\n"},
        {"io.stat", "7:0 rbytes=1 rios=3\n7:1 wbytes=2\n"},
        {"hugetlb.1GB.current", "8\n"},
        {"hugetlb.2MB.current", "9\n"},
    };
    g_autofree char *json = json_of(files, G_N_ELEMENTS(files));

    assert_has(json, "\"usage\":{\"total\":5000,\"kernel\":2000,\"user\":3000,");
    assert_has(json, "\"throttling\":{\"periods\":7,\"throttledPeriods\":0,\"throttledTime\":0},"
                     "\"psi\":{\"some\":{\"avg10\":2.94,\"avg60\":1.17,\"avg300\":0.00,"
                     "\"total\":875272},\"full\":{\"avg10\":0.00,");
    assert_has(json, "\"usage\":{\"limit\":18446744073709551615,\"usage\":4395008,\"max\":0,");
    assert_has(json, "\"cache\":2,");
    assert_has(json, "\"raw\":{\"anon\":1,\"file\":2}");
    assert_has(json, "\"pids\":{\"current\":4,\"limit\":50}");
    assert_has(json, "\"ioServiceBytesRecursive\":["
                     "{\"major\":7,\"minor\":0,\"op\":\"Read\",\"value\":1},"
                     "{\"major\":7,\"minor\":1,\"op\":\"Write\",\"value\":2}],"
                     "\"ioServicedRecursive\":["
                     "{\"major\":7,\"minor\":0,\"op\":\"Read\",\"value\":3}]");
    assert_has(json, "\"hugetlb\":{\"1GB\":{\"usage\":8,\"max\":0,\"failcnt\":0},"
                     "\"2MB\":{\"usage\":9,\"max\":0,\"failcnt\":0}}");
}

static void
test_odd_keys_are_escaped(void)
{
    static const File files[] = {{"cgroup.procs", ""}, {"memory.stat", "a\"b\\\xff 1\n"}};
    g_autofree char *json = json_of(files, G_N_ELEMENTS(files));

    g_assert_true(g_utf8_validate(json, -1, NULL));
    assert_has(json, "\"raw\":{\"a\\\"b\\\\\xef\xbf\xbd\":1}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-stats-json/nothing-is-left-out", test_nothing_is_left_out);
    hf_test_add("/cgroup/cgroup-stats-json/each-group-has-its-numbers",
                test_each_group_has_its_numbers);
    hf_test_add("/cgroup/cgroup-stats-json/odd-keys-are-escaped", test_odd_keys_are_escaped);
    return g_test_run();
}
