/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "cgroup/cgroup-stats-json.h"
#include "protocol/json-string.h"

static void
append_numbers(GString *json, const char *key, const GArray *numbers)
{
    g_string_append_printf(json, "\"%s\":[", key);
    for (guint i = 0; i < numbers->len; i++)
        g_string_append_printf(json, "%s%" G_GUINT64_FORMAT, i == 0 ? "" : ",",
                               g_array_index(numbers, guint64, i));
    g_string_append_c(json, ']');
}

static void
append_places(GString *json, const char *key, const GArray *places)
{
    g_string_append_printf(json, "\"%s\":[", key);
    for (guint i = 0; i < places->len; i++)
        g_string_append_printf(json, "%s%u", i == 0 ? "" : ",", g_array_index(places, guint16, i));
    g_string_append(json, "],");
}

/* With a point, whatever the locale has. */
static void
append_share(GString *json, const char *key, double share)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf(json, "\"%s\":%s,", key,
                           g_ascii_formatd(text, sizeof text, "%.2f", share));
}

static void
append_stall(GString *json, const char *key, const HfCgroupStall *stall)
{
    g_string_append_printf(json, "\"%s\":{", key);
    append_share(json, "avg10", stall->avg10);
    append_share(json, "avg60", stall->avg60);
    append_share(json, "avg300", stall->avg300);
    g_string_append_printf(json, "\"total\":%" G_GUINT64_FORMAT "}", stall->total_us);
}

static void
append_pressure(GString *json, const HfCgroupPressure *pressure)
{
    if (!pressure->is_known)
        return;
    g_string_append(json, ",\"psi\":{");
    append_stall(json, "some", &pressure->some);
    g_string_append_c(json, ',');
    append_stall(json, "full", &pressure->full);
    g_string_append_c(json, '}');
}

static void
append_cpu(GString *json, const HfCgroupCpuStats *cpu)
{
    g_string_append_printf(json,
                           "\"cpu\":{\"usage\":{\"total\":%" G_GUINT64_FORMAT
                           ",\"kernel\":%" G_GUINT64_FORMAT ",\"user\":%" G_GUINT64_FORMAT ",",
                           cpu->total_ns, cpu->kernel_ns, cpu->user_ns);
    append_numbers(json, "percpu", cpu->percpu_ns);
    g_string_append_c(json, ',');
    append_numbers(json, "percpu_kernel", cpu->percpu_kernel_ns);
    g_string_append_c(json, ',');
    append_numbers(json, "percpu_user", cpu->percpu_user_ns);
    g_string_append_printf(json,
                           "},\"throttling\":{\"periods\":%" G_GUINT64_FORMAT
                           ",\"throttledPeriods\":%" G_GUINT64_FORMAT
                           ",\"throttledTime\":%" G_GUINT64_FORMAT "}",
                           cpu->periods, cpu->throttled_periods, cpu->throttled_ns);
    append_pressure(json, &cpu->pressure);
    g_string_append_c(json, '}');
}

static void
append_cpuset(GString *json, const HfCgroupCpusetStats *cpuset)
{
    g_string_append(json, ",\"cpuset\":{");
    append_places(json, "cpus", cpuset->cpus);
    append_places(json, "mems", cpuset->mems);
    g_string_append_printf(
        json,
        "\"cpu_exclusive\":%" G_GUINT64_FORMAT ",\"mem_hardwall\":%" G_GUINT64_FORMAT
        ",\"mem_exclusive\":%" G_GUINT64_FORMAT ",\"memory_migrate\":%" G_GUINT64_FORMAT
        ",\"memory_spread_page\":%" G_GUINT64_FORMAT ",\"memory_spread_slab\":%" G_GUINT64_FORMAT
        ",\"memory_pressure\":%" G_GUINT64_FORMAT ",\"sched_load_balance\":%" G_GUINT64_FORMAT
        ",\"sched_relax_domain_level\":%" G_GINT64_FORMAT "}",
        cpuset->cpu_exclusive, cpuset->mem_hardwall, cpuset->mem_exclusive, cpuset->memory_migrate,
        cpuset->memory_spread_page, cpuset->memory_spread_slab, cpuset->memory_pressure,
        cpuset->sched_load_balance, cpuset->sched_relax_domain_level);
}

static void
append_usage(GString *json, const char *key, const HfCgroupMemoryUsage *usage)
{
    g_string_append_printf(json,
                           "\"%s\":{\"limit\":%" G_GUINT64_FORMAT ",\"usage\":%" G_GUINT64_FORMAT
                           ",\"max\":%" G_GUINT64_FORMAT ",\"failcnt\":%" G_GUINT64_FORMAT "},",
                           key, usage->limit_bytes, usage->usage_bytes, usage->max_bytes,
                           usage->fail_count);
}

static void
append_memory(GString *json, const HfCgroupMemoryStats *memory)
{
    g_autoptr(GString) key = g_string_new(NULL);

    g_string_append_printf(json, ",\"memory\":{\"cache\":%" G_GUINT64_FORMAT ",",
                           memory->cache_bytes);
    append_usage(json, "usage", &memory->usage);
    append_usage(json, "swap", &memory->swap);
    append_usage(json, "kernel", &memory->kernel);
    append_usage(json, "kernelTCP", &memory->kernel_tcp);
    g_string_append(json, "\"raw\":{");
    for (guint i = 0; i < memory->raw->len; i++) {
        const HfCgroupPair *pair = &g_array_index(memory->raw, HfCgroupPair, i);

        g_string_truncate(key, 0);
        hf_json_string_append(key, pair->key, strlen(pair->key));
        g_string_append_printf(json, "%s\"%s\":%" G_GUINT64_FORMAT, i == 0 ? "" : ",", key->str,
                               pair->value);
    }
    g_string_append_c(json, '}');
    append_pressure(json, &memory->pressure);
    g_string_append_c(json, '}');
}

static void
append_entries(GString *json, const char *key, const GArray *entries, bool is_first)
{
    g_string_append_printf(json, "%s\"%s\":[", is_first ? "" : ",", key);
    for (guint i = 0; i < entries->len; i++) {
        const HfCgroupBlkioEntry *entry = &g_array_index(entries, HfCgroupBlkioEntry, i);

        g_string_append_printf(json,
                               "%s{\"major\":%" G_GUINT64_FORMAT ",\"minor\":%" G_GUINT64_FORMAT
                               ",\"op\":\"%s\",\"value\":%" G_GUINT64_FORMAT "}",
                               i == 0 ? "" : ",", entry->major, entry->minor, entry->op,
                               entry->value);
    }
    g_string_append_c(json, ']');
}

static void
append_blkio(GString *json, const HfCgroupBlkioStats *blkio)
{
    g_string_append(json, ",\"blkio\":{");
    append_entries(json, "ioServiceBytesRecursive", blkio->service_bytes, true);
    append_entries(json, "ioServicedRecursive", blkio->serviced, false);
    append_entries(json, "ioQueueRecursive", blkio->queued, false);
    append_entries(json, "ioServiceTimeRecursive", blkio->service_time, false);
    append_entries(json, "ioWaitTimeRecursive", blkio->wait_time, false);
    append_entries(json, "ioMergedRecursive", blkio->merged, false);
    append_entries(json, "ioTimeRecursive", blkio->time, false);
    append_entries(json, "sectorsRecursive", blkio->sectors, false);
    append_pressure(json, &blkio->pressure);
    g_string_append_c(json, '}');
}

char *
hf_cgroup_stats_to_json(const HfCgroupStats *stats)
{
    GString *json = g_string_new(NULL);

    g_string_append_c(json, '{');
    append_cpu(json, &stats->cpu);
    append_cpuset(json, &stats->cpuset);
    append_memory(json, &stats->memory);
    g_string_append_printf(
        json, ",\"pids\":{\"current\":%" G_GUINT64_FORMAT ",\"limit\":%" G_GUINT64_FORMAT "}",
        stats->pids.current, stats->pids.limit);
    append_blkio(json, &stats->blkio);
    g_string_append(json, ",\"hugetlb\":{");
    for (guint i = 0; i < stats->hugetlb->len; i++) {
        const HfCgroupHugetlbStats *size = &g_array_index(stats->hugetlb, HfCgroupHugetlbStats, i);

        g_string_append_printf(json,
                               "%s\"%s\":{\"usage\":%" G_GUINT64_FORMAT
                               ",\"max\":%" G_GUINT64_FORMAT ",\"failcnt\":%" G_GUINT64_FORMAT "}",
                               i == 0 ? "" : ",", size->page_size, size->usage_bytes,
                               size->max_bytes, size->fail_count);
    }
    g_string_append(json, "}}");
    return g_string_free(json, FALSE);
}
