/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Directories with files as a kernel shows them; the numbers are from containers of runc 1.1.5. */

#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-stats.h"
#include "test-kit.h"

typedef struct {
    const char *name;
    const char *text;
} File;

static const File v1_files[] = {
    {"cgroup.procs", "7036\n"},
    {"cpu.stat", "nr_periods 23\nnr_throttled 20\nthrottled_time 921631000\nnr_bursts 0\n"},
    {"cpuacct.stat", "user 2\nsystem 1\n"},
    {"cpuacct.usage", "24449255\n"},
    {"cpuacct.usage_percpu", "24055402 393853 \n"},
    {"cpuacct.usage_all", "cpu user system\n0 20000000 4000000\n1 0 1\n"},
    {"cpuset.cpus", "0-1\n"},
    {"cpuset.mems", "0\n"},
    {"cpuset.cpu_exclusive", "1\n"},
    {"cpuset.mem_hardwall", "2\n"},
    {"cpuset.mem_exclusive", "3\n"},
    {"cpuset.memory_migrate", "4\n"},
    {"cpuset.memory_spread_page", "5\n"},
    {"cpuset.memory_spread_slab", "6\n"},
    {"cpuset.memory_pressure", "7\n"},
    {"cpuset.sched_load_balance", "8\n"},
    {"cpuset.sched_relax_domain_level", "-1\n"},
    {"memory.stat", "cache 4194304\nrss 53248\ntotal_cache 9\n"},
    {"memory.usage_in_bytes", "4816896\n"},
    {"memory.max_usage_in_bytes", "6250496\n"},
    {"memory.failcnt", "3\n"},
    {"memory.limit_in_bytes", "67108864\n"},
    {"memory.memsw.usage_in_bytes", "4816897\n"},
    {"memory.memsw.max_usage_in_bytes", "6250497\n"},
    {"memory.memsw.failcnt", "4\n"},
    {"memory.memsw.limit_in_bytes", "67108865\n"},
    {"memory.kmem.usage_in_bytes", "233472\n"},
    {"memory.kmem.max_usage_in_bytes", "593920\n"},
    {"memory.kmem.failcnt", "5\n"},
    {"memory.kmem.limit_in_bytes", "9223372036854771712\n"},
    {"pids.current", "2\n"},
    {"pids.max", "50\n"},
    {"blkio.bfq.io_serviced_recursive", "Total 0\n"},
    {"blkio.throttle.io_serviced_recursive", "7:0 Read 2\n7:0 Discard 1\n7:0 Total 3\nTotal 3\n"},
    {"blkio.throttle.io_service_bytes_recursive", "7:0 Read 65536\nTotal 65536\n"},
    {"blkio.throttle.io_serviced", "7:0 Read 999\nTotal 999\n"},
    {"hugetlb.2MB.usage_in_bytes", "4194304\n"},
    {"hugetlb.2MB.max_usage_in_bytes", "6291456\n"},
    {"hugetlb.2MB.failcnt", "1\n"},
    {"hugetlb.2MB.limit_in_bytes", "9223372036852678656\n"},
    {"hugetlb.2MB.rsvd.usage_in_bytes", "77\n"},
    {"hugetlb.1GB.usage_in_bytes", "0\n"},
    {"hugetlb.1GB.max_usage_in_bytes", "0\n"},
    {"hugetlb.1GB.failcnt", "0\n"},
};

static const File v2_files[] = {
    {"cgroup.procs", "176\n"},
    {"cpu.stat", "usage_usec 1385089\nuser_usec 834143\nsystem_usec 550946\nnr_periods 23\n"
                 "nr_throttled 20\nthrottled_usec 921631\nnr_bursts 0\nburst_usec 0\n"},
    {"cpu.pressure", "some avg10=2.94 avg60=1.17 avg300=0.27 total=875272\n"
                     "full avg10=2.74 avg60=1.08 avg300=0.25 total=811697\n"},
    {"memory.stat", "anon 57344\nfile 4206592\nkernel 131072\n"},
    {"memory.current", "4395008\n"},
    {"memory.max", "67108864\n"},
    {"memory.peak", "5869568\n"},
    {"memory.swap.current", "4096\n"},
    {"memory.swap.max", "1048576\n"},
    {"memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"},
    {"io.stat", "254:0 rbytes=131072 wbytes=196608 rios=2 wios=3 dbytes=65536 dios=1\n"},
    {"io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2\n"},
    {"pids.current", "1\n"},
    {"pids.max", "max\n"},
    {"hugetlb.2MB.current", "2097152\n"},
    {"hugetlb.2MB.events", "max 4\n"},
    {"hugetlb.2MB.max", "max\n"},
    {"hugetlb.2MB.rsvd.current", "77\n"},
};

/* @changed: a file with another text, or with none (NULL) not there at all. */
static char *
make_dir(const File *files, guint count, const File *changed)
{
    char *dir = hf_test_make_dir();

    for (guint i = 0; i < count; i++) {
        bool is_changed = changed != NULL && strcmp(files[i].name, changed->name) == 0;
        const char *text = is_changed ? changed->text : files[i].text;

        if (text != NULL)
            hf_test_write_file(dir, files[i].name, text);
    }
    return dir;
}

static HfCgroupStats *
read_all(const HfCgroupDirs *dirs)
{
    g_autoptr(GError) error = NULL;
    HfCgroupStats *stats = hf_cgroup_stats_read(dirs, &error);

    g_assert_no_error(error);
    g_assert_nonnull(stats);
    return stats;
}

/* All controllers in one directory, which no kernel forbids. */
static HfCgroupDirs
v1_dirs(char *dir)
{
    HfCgroupDirs dirs = {0};

    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        dirs.v1[i] = dir;
    return dirs;
}

static HfCgroupStats *
read_changed(HfCgroupVersion version, const File *changed)
{
    bool is_v1 = version == HF_CGROUP_V1;
    char *dir = is_v1 ? make_dir(v1_files, G_N_ELEMENTS(v1_files), changed)
                      : make_dir(v2_files, G_N_ELEMENTS(v2_files), changed);
    HfCgroupDirs dirs = is_v1 ? v1_dirs(dir) : (HfCgroupDirs){.unified = dir};
    HfCgroupStats *stats = read_all(&dirs);

    hf_test_remove_dir(dir);
    return stats;
}

static void
assert_numbers(const GArray *numbers, guint64 first, guint64 second)
{
    g_assert_cmpuint(numbers->len, ==, 2);
    g_assert_cmpuint(g_array_index(numbers, guint64, 0), ==, first);
    g_assert_cmpuint(g_array_index(numbers, guint64, 1), ==, second);
}

static void
assert_usage(const HfCgroupMemoryUsage *usage, guint64 limit, guint64 used, guint64 max,
             guint64 failed)
{
    g_assert_cmpuint(usage->limit_bytes, ==, limit);
    g_assert_cmpuint(usage->usage_bytes, ==, used);
    g_assert_cmpuint(usage->max_bytes, ==, max);
    g_assert_cmpuint(usage->fail_count, ==, failed);
}

static void
assert_entry(const GArray *entries, guint index, const char *op, guint64 value)
{
    const HfCgroupBlkioEntry *entry = &g_array_index(entries, HfCgroupBlkioEntry, index);

    g_assert_cmpuint(index, <, entries->len);
    g_assert_cmpstr(entry->op, ==, op);
    g_assert_cmpuint(entry->value, ==, value);
}

static void
test_v1_cpu(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, NULL);

    g_assert_true(stats->cpu.is_known);
    g_assert_cmpuint(stats->cpu.total_ns, ==, 24449255);
    g_assert_cmpuint(stats->cpu.user_ns, ==, 2 * (1000000000 / sysconf(_SC_CLK_TCK)));
    g_assert_cmpuint(stats->cpu.kernel_ns, ==, 1000000000 / sysconf(_SC_CLK_TCK));
    assert_numbers(stats->cpu.percpu_ns, 24055402, 393853);
    assert_numbers(stats->cpu.percpu_user_ns, 20000000, 0);
    assert_numbers(stats->cpu.percpu_kernel_ns, 4000000, 1);
    g_assert_cmpuint(stats->cpu.periods, ==, 23);
    g_assert_cmpuint(stats->cpu.throttled_periods, ==, 20);
    g_assert_cmpuint(stats->cpu.throttled_ns, ==, 921631000);
    g_assert_false(stats->cpu.pressure.is_known);
}

static void
test_v1_cpuset(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, NULL);
    const HfCgroupCpusetStats *cpuset = &stats->cpuset;

    g_assert_true(cpuset->is_known);
    g_assert_cmpuint(cpuset->cpus->len, ==, 2);
    g_assert_cmpuint(g_array_index(cpuset->cpus, guint16, 1), ==, 1);
    g_assert_cmpuint(cpuset->mems->len, ==, 1);
    g_assert_cmpuint(cpuset->cpu_exclusive, ==, 1);
    g_assert_cmpuint(cpuset->mem_hardwall, ==, 2);
    g_assert_cmpuint(cpuset->mem_exclusive, ==, 3);
    g_assert_cmpuint(cpuset->memory_migrate, ==, 4);
    g_assert_cmpuint(cpuset->memory_spread_page, ==, 5);
    g_assert_cmpuint(cpuset->memory_spread_slab, ==, 6);
    g_assert_cmpuint(cpuset->memory_pressure, ==, 7);
    g_assert_cmpuint(cpuset->sched_load_balance, ==, 8);
    g_assert_cmpint(cpuset->sched_relax_domain_level, ==, -1);
}

static void
test_v1_memory(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, NULL);
    const HfCgroupMemoryStats *memory = &stats->memory;

    g_assert_true(memory->is_known);
    g_assert_cmpuint(memory->cache_bytes, ==, 4194304);
    assert_usage(&memory->usage, 67108864, 4816896, 6250496, 3);
    assert_usage(&memory->swap, 67108865, 4816897, 6250497, 4);
    assert_usage(&memory->kernel, G_GUINT64_CONSTANT(9223372036854771712), 233472, 593920, 5);
    /* A kernel without it. */
    assert_usage(&memory->kernel_tcp, 0, 0, 0, 0);
    g_assert_cmpuint(memory->raw->len, ==, 3);
    g_assert_cmpuint(hf_cgroup_pairs_get(memory->raw, "rss", NULL), ==, 53248);
}

static void
test_v1_pids_and_no_limit(void)
{
    static const File unlimited = {"pids.max", "max\n"};
    g_autoptr(HfCgroupStats) limited = read_changed(HF_CGROUP_V1, NULL);
    g_autoptr(HfCgroupStats) free_of_limit = read_changed(HF_CGROUP_V1, &unlimited);

    g_assert_true(limited->pids.is_known);
    g_assert_cmpuint(limited->pids.current, ==, 2);
    g_assert_cmpuint(limited->pids.limit, ==, 50);
    g_assert_cmpuint(free_of_limit->pids.limit, ==, 0);
}

static void
test_v1_blkio_of_throttling(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, NULL);
    const HfCgroupBlkioStats *blkio = &stats->blkio;

    g_assert_true(blkio->is_known);
    g_assert_cmpuint(blkio->serviced->len, ==, 3);
    assert_entry(blkio->serviced, 0, "Read", 2);
    assert_entry(blkio->serviced, 1, "Discard", 1);
    assert_entry(blkio->serviced, 2, "Total", 3);
    g_assert_cmpuint(blkio->service_bytes->len, ==, 1);
    assert_entry(blkio->service_bytes, 0, "Read", 65536);
    g_assert_cmpuint(blkio->sectors->len, ==, 0);
}

static void
test_v1_blkio_of_older_kernels(void)
{
    static const File none = {"blkio.throttle.io_serviced_recursive", NULL};
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, &none);

    g_assert_cmpuint(stats->blkio.serviced->len, ==, 1);
    assert_entry(stats->blkio.serviced, 0, "Read", 999);
}

static void
test_v1_blkio_of_bfq_comes_first(void)
{
    static const File bfq = {"blkio.bfq.io_serviced_recursive", "7:0 Read 5\nTotal 5\n"};
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, &bfq);

    g_assert_cmpuint(stats->blkio.serviced->len, ==, 1);
    assert_entry(stats->blkio.serviced, 0, "Read", 5);
    g_assert_cmpuint(stats->blkio.service_bytes->len, ==, 0);
}

static void
test_v1_blkio_of_cfq_has_all_lists(void)
{
    static const File cfq[] = {
        {"cgroup.procs", ""},
        {"blkio.sectors_recursive", "8:0 1\n"},
        {"blkio.io_service_time_recursive", "8:0 Read 2\n"},
        {"blkio.io_wait_time_recursive", "8:0 Read 3\n"},
        {"blkio.io_merged_recursive", "8:0 Read 4\n"},
        {"blkio.io_queued_recursive", "8:0 Read 5\n"},
        {"blkio.time_recursive", "8:0 6\n"},
        {"blkio.io_serviced_recursive", "8:0 Read 7\n"},
        {"blkio.io_service_bytes_recursive", "8:0 Read 8\n"},
    };
    char *dir = make_dir(cfq, G_N_ELEMENTS(cfq), NULL);
    HfCgroupDirs dirs = {.v1 = {[HF_CGROUP_BLKIO] = dir}};
    g_autoptr(HfCgroupStats) stats = read_all(&dirs);

    assert_entry(stats->blkio.sectors, 0, "", 1);
    assert_entry(stats->blkio.service_time, 0, "Read", 2);
    assert_entry(stats->blkio.wait_time, 0, "Read", 3);
    assert_entry(stats->blkio.merged, 0, "Read", 4);
    assert_entry(stats->blkio.queued, 0, "Read", 5);
    assert_entry(stats->blkio.time, 0, "", 6);
    assert_entry(stats->blkio.serviced, 0, "Read", 7);
    assert_entry(stats->blkio.service_bytes, 0, "Read", 8);
    hf_test_remove_dir(dir);
}

static void
test_v1_hugetlb_by_page_size(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V1, NULL);
    const HfCgroupHugetlbStats *sizes = (const HfCgroupHugetlbStats *)stats->hugetlb->data;

    g_assert_cmpuint(stats->hugetlb->len, ==, 2);
    g_assert_cmpstr(sizes[0].page_size, ==, "1GB");
    g_assert_cmpstr(sizes[1].page_size, ==, "2MB");
    g_assert_cmpuint(sizes[1].usage_bytes, ==, 4194304);
    g_assert_cmpuint(sizes[1].max_bytes, ==, 6291456);
    g_assert_cmpuint(sizes[1].fail_count, ==, 1);
}

static void
test_v2_cpu(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, NULL);

    g_assert_true(stats->cpu.is_known);
    g_assert_cmpuint(stats->cpu.total_ns, ==, 1385089000);
    g_assert_cmpuint(stats->cpu.user_ns, ==, 834143000);
    g_assert_cmpuint(stats->cpu.kernel_ns, ==, 550946000);
    g_assert_cmpuint(stats->cpu.percpu_ns->len, ==, 0);
    g_assert_cmpuint(stats->cpu.periods, ==, 23);
    g_assert_cmpuint(stats->cpu.throttled_periods, ==, 20);
    g_assert_cmpuint(stats->cpu.throttled_ns, ==, 921631000);
    g_assert_false(stats->cpuset.is_known);
}

static void
test_v2_time_stops_at_the_largest_number(void)
{
    static const File huge = {"cpu.stat", "usage_usec 18446744073709551615\n"};
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, &huge);

    g_assert_cmpuint(stats->cpu.total_ns, ==, G_MAXUINT64);
}

static void
test_v2_memory_and_swap_together(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, NULL);

    g_assert_true(stats->memory.is_known);
    g_assert_cmpuint(stats->memory.cache_bytes, ==, 4206592);
    assert_usage(&stats->memory.usage, 67108864, 4395008, 5869568, 0);
    assert_usage(&stats->memory.swap, 67108864 + 1048576, 4395008 + 4096, 0, 0);
    assert_usage(&stats->memory.kernel, 0, 0, 0, 0);
    g_assert_cmpuint(stats->memory.raw->len, ==, 3);
}

static void
test_v2_no_limit_is_the_largest_number(void)
{
    static const File no_swap_limit = {"memory.swap.max", "max\n"};
    static const File no_limit = {"memory.max", "max\n"};
    g_autoptr(HfCgroupStats) swap = read_changed(HF_CGROUP_V2, &no_swap_limit);
    g_autoptr(HfCgroupStats) memory = read_changed(HF_CGROUP_V2, &no_limit);

    g_assert_cmpuint(swap->memory.swap.limit_bytes, ==, G_MAXUINT64);
    g_assert_cmpuint(memory->memory.usage.limit_bytes, ==, G_MAXUINT64);
    g_assert_cmpuint(memory->memory.swap.limit_bytes, ==, G_MAXUINT64);
}

static void
test_v2_without_swap_accounting(void)
{
    char *dir = make_dir(v2_files, G_N_ELEMENTS(v2_files), NULL);
    g_autofree char *current = g_build_filename(dir, "memory.swap.current", NULL);
    g_autofree char *max = g_build_filename(dir, "memory.swap.max", NULL);
    HfCgroupDirs dirs = {.unified = dir};

    g_assert_cmpint(unlink(current), ==, 0);
    g_assert_cmpint(unlink(max), ==, 0);
    g_autoptr(HfCgroupStats) stats = read_all(&dirs);

    assert_usage(&stats->memory.swap, 67108864, 4395008, 0, 0);
    hf_test_remove_dir(dir);
}

static void
test_v2_pids(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, NULL);

    g_assert_true(stats->pids.is_known);
    g_assert_cmpuint(stats->pids.current, ==, 1);
    g_assert_cmpuint(stats->pids.limit, ==, 0);
}

static void
test_v2_without_the_pids_controller_counts_processes(void)
{
    static const File files[] = {{"cgroup.procs", "1\n2\n3\n"}};
    char *dir = make_dir(files, G_N_ELEMENTS(files), NULL);
    HfCgroupDirs dirs = {.unified = dir};
    g_autoptr(HfCgroupStats) stats = read_all(&dirs);

    g_assert_true(stats->pids.is_known);
    g_assert_cmpuint(stats->pids.current, ==, 3);
    hf_test_remove_dir(dir);
}

static void
test_v2_blkio(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, NULL);

    g_assert_true(stats->blkio.is_known);
    g_assert_cmpuint(stats->blkio.service_bytes->len, ==, 2);
    assert_entry(stats->blkio.service_bytes, 0, "Read", 131072);
    assert_entry(stats->blkio.service_bytes, 1, "Write", 196608);
    assert_entry(stats->blkio.serviced, 0, "Read", 2);
    assert_entry(stats->blkio.serviced, 1, "Write", 3);
}

static void
test_v2_hugetlb(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, NULL);
    const HfCgroupHugetlbStats *sizes = (const HfCgroupHugetlbStats *)stats->hugetlb->data;

    g_assert_cmpuint(stats->hugetlb->len, ==, 1);
    g_assert_cmpstr(sizes[0].page_size, ==, "2MB");
    g_assert_cmpuint(sizes[0].usage_bytes, ==, 2097152);
    g_assert_cmpuint(sizes[0].fail_count, ==, 4);
}

static void
test_v2_pressure(void)
{
    g_autoptr(HfCgroupStats) stats = read_changed(HF_CGROUP_V2, NULL);

    g_assert_cmpuint(stats->cpu.pressure.some.total_us, ==, 875272);
    g_assert_cmpuint(stats->memory.pressure.some.total_us, ==, 1);
    g_assert_cmpuint(stats->blkio.pressure.some.total_us, ==, 2);
}

static void
test_hybrid_takes_each_controller_where_it_is(void)
{
    char *v1 = make_dir(v1_files, G_N_ELEMENTS(v1_files), NULL);
    char *v2 = make_dir(v2_files, G_N_ELEMENTS(v2_files), NULL);
    HfCgroupDirs dirs = {.v1 = {[HF_CGROUP_MEMORY] = v1}, .unified = v2};
    g_autoptr(HfCgroupStats) stats = read_all(&dirs);

    g_assert_cmpuint(stats->memory.usage.usage_bytes, ==, 4816896);
    g_assert_cmpuint(stats->cpu.total_ns, ==, 1385089000);
    g_assert_true(stats->cpu.pressure.is_known);
    hf_test_remove_dir(v1);
    hf_test_remove_dir(v2);
}

static void
test_what_is_absent_is_not_known(void)
{
    static const File files[] = {{"cgroup.procs", ""}};
    char *dir = make_dir(files, G_N_ELEMENTS(files), NULL);
    HfCgroupDirs dirs = v1_dirs(dir);
    g_autoptr(HfCgroupStats) stats = read_all(&dirs);

    g_assert_false(stats->cpu.is_known);
    g_assert_false(stats->cpuset.is_known);
    g_assert_false(stats->memory.is_known);
    g_assert_false(stats->pids.is_known);
    g_assert_cmpuint(stats->hugetlb->len, ==, 0);
    g_assert_cmpuint(stats->memory.usage.limit_bytes, ==, 0);
    hf_test_remove_dir(dir);
}

static void
assert_fails(const HfCgroupDirs *dirs, HfError code, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_stats_read(dirs, &error));
    g_assert_error(error, HF_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_garbage_in_any_file_is_an_error_that_names_it(void)
{
    static const char *const unread[] = {
        /* Another kind of huge page, a limit, and a family that another one comes before. */
        "cgroup.procs",
        "hugetlb.2MB.rsvd.usage_in_bytes",
        "hugetlb.2MB.limit_in_bytes",
        "hugetlb.2MB.max",
        "hugetlb.2MB.rsvd.current",
        "blkio.throttle.io_serviced",
        NULL,
    };

    for (guint i = 0; i < G_N_ELEMENTS(v1_files) + G_N_ELEMENTS(v2_files); i++) {
        bool is_v1 = i < G_N_ELEMENTS(v1_files);
        const char *name = is_v1 ? v1_files[i].name : v2_files[i - G_N_ELEMENTS(v1_files)].name;
        File changed = {name, "\xff garbage\n\xfe\n"};
        char *dir;
        HfCgroupDirs dirs;

        if (g_strv_contains(unread, name))
            continue;
        g_test_message("%s", name);
        dir = is_v1 ? make_dir(v1_files, G_N_ELEMENTS(v1_files), &changed)
                    : make_dir(v2_files, G_N_ELEMENTS(v2_files), &changed);
        dirs = is_v1 ? v1_dirs(dir) : (HfCgroupDirs){.unified = dir};
        assert_fails(&dirs, HF_ERROR_PROTOCOL, name);
        hf_test_remove_dir(dir);
    }
}

static void
test_cgroup_that_is_gone_is_an_error(void)
{
    HfCgroupDirs v1 = v1_dirs((char *)"/nonexistent/cgroup");
    HfCgroupDirs v2 = {.unified = (char *)"/nonexistent/cgroup"};

    assert_fails(&v1, HF_ERROR_NOT_FOUND, "/nonexistent/cgroup");
    assert_fails(&v2, HF_ERROR_NOT_FOUND, "/nonexistent/cgroup");
}

/* A removed cgroup's directory, held open, has no files. */
static void
test_directory_without_processes_is_gone(void)
{
    char *dir = hf_test_make_dir();
    HfCgroupDirs v1 = v1_dirs(dir);
    HfCgroupDirs v2 = {.unified = dir};

    assert_fails(&v1, HF_ERROR_NOT_FOUND, dir);
    assert_fails(&v2, HF_ERROR_NOT_FOUND, dir);
    hf_test_remove_dir(dir);
}

static void
test_free_accepts_null(void)
{
    hf_cgroup_stats_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-stats/v1-cpu", test_v1_cpu);
    hf_test_add("/cgroup/cgroup-stats/v1-cpuset", test_v1_cpuset);
    hf_test_add("/cgroup/cgroup-stats/v1-memory", test_v1_memory);
    hf_test_add("/cgroup/cgroup-stats/v1-pids-and-no-limit", test_v1_pids_and_no_limit);
    hf_test_add("/cgroup/cgroup-stats/v1-blkio-of-throttling", test_v1_blkio_of_throttling);
    hf_test_add("/cgroup/cgroup-stats/v1-blkio-of-older-kernels", test_v1_blkio_of_older_kernels);
    hf_test_add("/cgroup/cgroup-stats/v1-blkio-of-bfq-comes-first",
                test_v1_blkio_of_bfq_comes_first);
    hf_test_add("/cgroup/cgroup-stats/v1-blkio-of-cfq-has-all-lists",
                test_v1_blkio_of_cfq_has_all_lists);
    hf_test_add("/cgroup/cgroup-stats/v1-hugetlb-by-page-size", test_v1_hugetlb_by_page_size);
    hf_test_add("/cgroup/cgroup-stats/v2-cpu", test_v2_cpu);
    hf_test_add("/cgroup/cgroup-stats/v2-time-stops-at-the-largest-number",
                test_v2_time_stops_at_the_largest_number);
    hf_test_add("/cgroup/cgroup-stats/v2-memory-and-swap-together",
                test_v2_memory_and_swap_together);
    hf_test_add("/cgroup/cgroup-stats/v2-no-limit-is-the-largest-number",
                test_v2_no_limit_is_the_largest_number);
    hf_test_add("/cgroup/cgroup-stats/v2-without-swap-accounting", test_v2_without_swap_accounting);
    hf_test_add("/cgroup/cgroup-stats/v2-pids", test_v2_pids);
    hf_test_add("/cgroup/cgroup-stats/v2-without-the-pids-controller-counts-processes",
                test_v2_without_the_pids_controller_counts_processes);
    hf_test_add("/cgroup/cgroup-stats/v2-blkio", test_v2_blkio);
    hf_test_add("/cgroup/cgroup-stats/v2-hugetlb", test_v2_hugetlb);
    hf_test_add("/cgroup/cgroup-stats/v2-pressure", test_v2_pressure);
    hf_test_add("/cgroup/cgroup-stats/hybrid-takes-each-controller-where-it-is",
                test_hybrid_takes_each_controller_where_it_is);
    hf_test_add("/cgroup/cgroup-stats/what-is-absent-is-not-known",
                test_what_is_absent_is_not_known);
    hf_test_add("/cgroup/cgroup-stats/garbage-in-any-file-is-an-error-that-names-it",
                test_garbage_in_any_file_is_an_error_that_names_it);
    hf_test_add("/cgroup/cgroup-stats/cgroup-that-is-gone-is-an-error",
                test_cgroup_that_is_gone_is_an_error);
    hf_test_add("/cgroup/cgroup-stats/directory-without-processes-is-gone",
                test_directory_without_processes_is_gone);
    hf_test_add("/cgroup/cgroup-stats/free-accepts-null", test_free_accepts_null);
    return g_test_run();
}
