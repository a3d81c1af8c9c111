/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "cgroup/cgroup-procs.h"
#include "cgroup/cgroup-stats-private.h"

#define NS_PER_US 1000

/* cpu.stat is there without the cpu controller, too, and has then no periods. */
gboolean
hf_cgroup_stats_v2_cpu(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupCpuStats *cpu = &stats->cpu;
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();

    if (!hf_cgroup_dir_read(dir, "cpu.stat", hf_cgroup_parse_pairs, pairs, NULL, error))
        return FALSE;
    cpu->periods = hf_cgroup_pairs_get(pairs, "nr_periods", NULL);
    cpu->throttled_periods = hf_cgroup_pairs_get(pairs, "nr_throttled", NULL);
    cpu->throttled_ns =
        hf_cgroup_stats_scale(hf_cgroup_pairs_get(pairs, "throttled_usec", NULL), NS_PER_US);
    return TRUE;
}

gboolean
hf_cgroup_stats_v2_cpuacct(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupCpuStats *cpu = &stats->cpu;
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();

    if (!hf_cgroup_dir_read(dir, "cpu.stat", hf_cgroup_parse_pairs, pairs, NULL, error))
        return FALSE;
    cpu->total_ns =
        hf_cgroup_stats_scale(hf_cgroup_pairs_get(pairs, "usage_usec", &cpu->is_known), NS_PER_US);
    cpu->user_ns = hf_cgroup_stats_scale(hf_cgroup_pairs_get(pairs, "user_usec", NULL), NS_PER_US);
    cpu->kernel_ns =
        hf_cgroup_stats_scale(hf_cgroup_pairs_get(pairs, "system_usec", NULL), NS_PER_US);
    return TRUE;
}

static guint64
add_or_max(guint64 a, guint64 b)
{
    guint64 sum = 0;

    return g_uint64_checked_add(&sum, a, b) ? sum : G_MAXUINT64;
}

gboolean
hf_cgroup_stats_v2_memory(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupMemoryStats *memory = &stats->memory;
    guint64 swap_bytes = 0;
    guint64 swap_limit = 0;

    if (!hf_cgroup_dir_read(dir, "memory.stat", hf_cgroup_parse_pairs, memory->raw,
                            &memory->is_known, error) ||
        !hf_cgroup_dir_read(dir, "memory.current", hf_cgroup_parse_number,
                            &memory->usage.usage_bytes, NULL, error) ||
        !hf_cgroup_dir_read(dir, "memory.max", hf_cgroup_parse_number, &memory->usage.limit_bytes,
                            NULL, error) ||
        !hf_cgroup_dir_read(dir, "memory.peak", hf_cgroup_parse_number, &memory->usage.max_bytes,
                            NULL, error) ||
        !hf_cgroup_dir_read(dir, "memory.swap.current", hf_cgroup_parse_number, &swap_bytes, NULL,
                            error) ||
        !hf_cgroup_dir_read(dir, "memory.swap.max", hf_cgroup_parse_number, &swap_limit, NULL,
                            error))
        return FALSE;
    memory->cache_bytes = hf_cgroup_pairs_get(memory->raw, "file", NULL);
    /* v1 counts memory in its swap, v2 does not. */
    memory->swap.usage_bytes = add_or_max(memory->usage.usage_bytes, swap_bytes);
    memory->swap.limit_bytes = add_or_max(memory->usage.limit_bytes, swap_limit);
    return TRUE;
}

/* Without the controller: the processes of the cgroup itself, as runc counts them. */
static gboolean
count_processes(const HfCgroupDir *dir, HfCgroupPidsStats *pids, GError **error)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(guint32));

    if (!hf_cgroup_dir_read(dir, "cgroup.procs", hf_cgroup_procs_parse, list, &pids->is_known,
                            error) ||
        (!pids->is_known && !hf_cgroup_dir_read(dir, "cgroup.threads", hf_cgroup_procs_parse, list,
                                                &pids->is_known, error)))
        return FALSE;
    pids->current = list->len;
    return TRUE;
}

gboolean
hf_cgroup_stats_v2_pids(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    return hf_cgroup_stats_v1_pids(dir, stats, error) &&
           (stats->pids.is_known || count_processes(dir, &stats->pids, error));
}

gboolean
hf_cgroup_stats_v2_blkio(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    HfCgroupIoStat io = {stats->blkio.service_bytes, stats->blkio.serviced};

    return hf_cgroup_dir_read(dir, "io.stat", hf_cgroup_parse_io_stat, &io, &stats->blkio.is_known,
                              error);
}

/* hugetlb.SIZE.events */
static gboolean
parse_fail_count(const char *text, size_t length, gpointer out, GError **error)
{
    guint64 *out_count = out;
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();

    if (!hf_cgroup_parse_pairs(text, length, pairs, error))
        return FALSE;
    *out_count = hf_cgroup_pairs_get(pairs, "max", NULL);
    return TRUE;
}

gboolean
hf_cgroup_stats_v2_hugetlb(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    if (!hf_cgroup_stats_find_hugetlb(dir, ".current", stats->hugetlb, error))
        return FALSE;
    for (guint i = 0; i < stats->hugetlb->len; i++) {
        HfCgroupHugetlbStats *size = &g_array_index(stats->hugetlb, HfCgroupHugetlbStats, i);

        if (!hf_cgroup_stats_read_hugetlb(dir, size, ".current", hf_cgroup_parse_number,
                                          &size->usage_bytes, error) ||
            !hf_cgroup_stats_read_hugetlb(dir, size, ".events", parse_fail_count, &size->fail_count,
                                          error))
            return FALSE;
    }
    return TRUE;
}

gboolean
hf_cgroup_stats_v2_pressure(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error)
{
    return hf_cgroup_dir_read(dir, "cpu.pressure", hf_cgroup_parse_pressure, &stats->cpu.pressure,
                              NULL, error) &&
           hf_cgroup_dir_read(dir, "memory.pressure", hf_cgroup_parse_pressure,
                              &stats->memory.pressure, NULL, error) &&
           hf_cgroup_dir_read(dir, "io.pressure", hf_cgroup_parse_pressure, &stats->blkio.pressure,
                              NULL, error);
}
