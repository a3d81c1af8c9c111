/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * Block I/O has its numbers in files that depend on the I/O scheduler: BFQ's, with more of them in
 * a kernel that debugs it, CFQ's of kernels before 5.0, and those of throttling, which count for
 * every scheduler. They are tried in this order, and the first family whose first file names a
 * device is the one; a file without a device says only that its scheduler is not in use. */

#include <unistd.h>

#include <glib.h>

#include "cgroup/cgroup-stats-private.h"

#define NS_PER_SECOND G_GUINT64_CONSTANT(1000000000)

gboolean
hf_cgroup_stats_v1_cpu(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();

    if (!hf_cgroup_dir_read(dir, "cpu.stat", hf_cgroup_parse_pairs, pairs, NULL, error))
        return FALSE;
    stats->cpu.periods = hf_cgroup_pairs_get(pairs, "nr_periods", NULL);
    stats->cpu.throttled_periods = hf_cgroup_pairs_get(pairs, "nr_throttled", NULL);
    stats->cpu.throttled_ns = hf_cgroup_pairs_get(pairs, "throttled_time", NULL);
    return TRUE;
}

static guint64
ticks_to_ns(guint64 ticks)
{
    long per_second = sysconf(_SC_CLK_TCK);

    return hf_cgroup_stats_scale(ticks, NS_PER_SECOND / (per_second > 0 ? per_second : 100));
}

gboolean
hf_cgroup_stats_v1_cpuacct(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupCpuStats *cpu = &stats->cpu;
    HfCgroupCpuModes modes = {cpu->percpu_user_ns, cpu->percpu_kernel_ns};
    g_autoptr(GArray) ticks = hf_cgroup_pairs_new();

    if (!hf_cgroup_dir_read(dir, "cpuacct.stat", hf_cgroup_parse_pairs, ticks, NULL, error) ||
        !hf_cgroup_dir_read(dir, "cpuacct.usage", hf_cgroup_parse_number, &cpu->total_ns,
                            &cpu->is_known, error) ||
        !hf_cgroup_dir_read(dir, "cpuacct.usage_percpu", hf_cgroup_parse_numbers, cpu->percpu_ns,
                            NULL, error) ||
        !hf_cgroup_dir_read(dir, "cpuacct.usage_all", hf_cgroup_parse_usage_all, &modes, NULL,
                            error))
        return FALSE;
    cpu->user_ns = ticks_to_ns(hf_cgroup_pairs_get(ticks, "user", NULL));
    cpu->kernel_ns = ticks_to_ns(hf_cgroup_pairs_get(ticks, "system", NULL));
    return TRUE;
}

gboolean
hf_cgroup_stats_v1_cpuset(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupCpusetStats *cpuset = &stats->cpuset;
    const struct {
        const char *name;
        guint64 *value;
    } flags[] = {
        {"cpuset.cpu_exclusive", &cpuset->cpu_exclusive},
        {"cpuset.mem_hardwall", &cpuset->mem_hardwall},
        {"cpuset.mem_exclusive", &cpuset->mem_exclusive},
        {"cpuset.memory_migrate", &cpuset->memory_migrate},
        {"cpuset.memory_spread_page", &cpuset->memory_spread_page},
        {"cpuset.memory_spread_slab", &cpuset->memory_spread_slab},
        {"cpuset.memory_pressure", &cpuset->memory_pressure},
        {"cpuset.sched_load_balance", &cpuset->sched_load_balance},
    };

    for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
        if (!hf_cgroup_dir_read(dir, flags[i].name, hf_cgroup_parse_number, flags[i].value, NULL,
                                error))
            return FALSE;
    return hf_cgroup_dir_read(dir, "cpuset.cpus", hf_cgroup_parse_ranges, cpuset->cpus,
                              &cpuset->is_known, error) &&
           hf_cgroup_dir_read(dir, "cpuset.mems", hf_cgroup_parse_ranges, cpuset->mems, NULL,
                              error) &&
           hf_cgroup_dir_read(dir, "cpuset.sched_relax_domain_level", hf_cgroup_parse_signed,
                              &cpuset->sched_relax_domain_level, NULL, error);
}

/* The files of @module: "memory", "memory.memsw" and so on. */
static gboolean
read_usage(const HfCgroupDir *dir, const char *module, HfCgroupMemoryUsage *usage, GError **error)
{
    const struct {
        const char *suffix;
        guint64 *value;
    } files[] = {
        {".usage_in_bytes", &usage->usage_bytes},
        {".max_usage_in_bytes", &usage->max_bytes},
        {".failcnt", &usage->fail_count},
        {".limit_in_bytes", &usage->limit_bytes},
    };

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *name = g_strconcat(module, files[i].suffix, NULL);
        bool is_there = false;

        if (!hf_cgroup_dir_read(dir, name, hf_cgroup_parse_number, files[i].value, &is_there,
                                error))
            return FALSE;
        /* A kernel without this accounting has none of the files. */
        if (i == 0 && !is_there)
            return TRUE;
    }
    return TRUE;
}

gboolean
hf_cgroup_stats_v1_memory(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupMemoryStats *memory = &stats->memory;

    if (!hf_cgroup_dir_read(dir, "memory.stat", hf_cgroup_parse_pairs, memory->raw,
                            &memory->is_known, error))
        return FALSE;
    memory->cache_bytes = hf_cgroup_pairs_get(memory->raw, "cache", NULL);
    return read_usage(dir, "memory", &memory->usage, error) &&
           read_usage(dir, "memory.memsw", &memory->swap, error) &&
           read_usage(dir, "memory.kmem", &memory->kernel, error) &&
           read_usage(dir, "memory.kmem.tcp", &memory->kernel_tcp, error);
}

gboolean
hf_cgroup_stats_v1_pids(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupPidsStats *pids = &stats->pids;

    if (!hf_cgroup_dir_read(dir, "pids.current", hf_cgroup_parse_number, &pids->current,
                            &pids->is_known, error) ||
        !hf_cgroup_dir_read(dir, "pids.max", hf_cgroup_parse_number, &pids->limit, NULL, error))
        return FALSE;
    if (pids->limit == G_MAXUINT64)
        pids->limit = 0;
    return TRUE;
}

typedef struct {
    const char *name;
    GArray *entries; /* borrowed */
} BlkioFile;

/* *@out_is_used: the first file names a device, and all have been read. */
static gboolean
read_blkio_family(const HfCgroupDir *dir, const char *prefix, const BlkioFile *files, guint count,
                  bool *out_is_used, GError **error)
{
    *out_is_used = false;
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = g_strconcat(prefix, files[i].name, NULL);

        if (!hf_cgroup_dir_read(dir, name, hf_cgroup_parse_blkio, files[i].entries, NULL, error))
            return FALSE;
        if (i == 0 && files[i].entries->len == 0)
            return TRUE;
    }
    *out_is_used = true;
    return TRUE;
}

gboolean
hf_cgroup_stats_v1_blkio(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupBlkioStats *blkio = &stats->blkio;
    const BlkioFile all[] = {
        {"sectors_recursive", blkio->sectors},
        {"io_service_time_recursive", blkio->service_time},
        {"io_wait_time_recursive", blkio->wait_time},
        {"io_merged_recursive", blkio->merged},
        {"io_queued_recursive", blkio->queued},
        {"time_recursive", blkio->time},
        {"io_serviced_recursive", blkio->serviced},
        {"io_service_bytes_recursive", blkio->service_bytes},
    };
    const BlkioFile local[] = {
        {"io_serviced", blkio->serviced},
        {"io_service_bytes", blkio->service_bytes},
    };
    const BlkioFile *basic = all + G_N_ELEMENTS(all) - 2;
    const struct {
        const char *prefix;
        const BlkioFile *files;
        guint count;
    } families[] = {
        {"blkio.bfq.", all, G_N_ELEMENTS(all)}, {"blkio.bfq.", basic, 2},
        {"blkio.", all, G_N_ELEMENTS(all)},     {"blkio.throttle.", basic, 2},
        {"blkio.throttle.", local, 2},
    };
    bool is_used = false;

    blkio->is_known = true;
    for (guint i = 0; i < G_N_ELEMENTS(families) && !is_used; i++)
        if (!read_blkio_family(dir, families[i].prefix, families[i].files, families[i].count,
                               &is_used, error))
            return FALSE;
    return TRUE;
}

gboolean
hf_cgroup_stats_v1_hugetlb(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    if (!hf_cgroup_stats_find_hugetlb(dir, ".usage_in_bytes", stats->hugetlb, error))
        return FALSE;
    for (guint i = 0; i < stats->hugetlb->len; i++) {
        HfCgroupHugetlbStats *size = &g_array_index(stats->hugetlb, HfCgroupHugetlbStats, i);

        if (!hf_cgroup_stats_read_hugetlb(dir, size, ".usage_in_bytes", hf_cgroup_parse_number,
                                          &size->usage_bytes, error) ||
            !hf_cgroup_stats_read_hugetlb(dir, size, ".max_usage_in_bytes", hf_cgroup_parse_number,
                                          &size->max_bytes, error) ||
            !hf_cgroup_stats_read_hugetlb(dir, size, ".failcnt", hf_cgroup_parse_number,
                                          &size->fail_count, error))
            return FALSE;
    }
    return TRUE;
}
