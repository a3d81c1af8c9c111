/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a container uses, read straight from cgroupfs: v1, v2 and hybrids, controller by controller.
 *
 * Each field is what `runc events --stats` of runc 1.1.5 prints. Where that differs between the
 * versions of cgroups it is said here: what v2 does not have is 0 or empty, and what only newer
 * releases of runc print is marked (+). */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "cgroup/cgroup-dirs.h"
#include "cgroup/cgroup-parse-io.h"
#include "cgroup/cgroup-parse.h"

typedef struct {
    bool is_known; /* false: the kernel has no such counters for the container, all is 0 */
    guint64 total_ns;
    guint64 kernel_ns; /* v1: in steps of a clock tick, so that it and user_ns are no exact parts */
    guint64 user_ns;
    GArray *percpu_ns;        /* of guint64, by cpu; empty on v2 */
    GArray *percpu_kernel_ns; /* of guint64, by cpu; empty on v2 */
    GArray *percpu_user_ns;   /* of guint64, by cpu; empty on v2 */
    guint64 periods;          /* of the cpu quota, that began */
    guint64 throttled_periods;
    guint64 throttled_ns;
    HfCgroupPressure pressure; /* (+) v2 */
} HfCgroupCpuStats;

/* v1 only. */
typedef struct {
    bool is_known;
    GArray *cpus; /* of guint16 */
    GArray *mems; /* of guint16 */
    guint64 cpu_exclusive;
    guint64 mem_hardwall;
    guint64 mem_exclusive;
    guint64 memory_migrate;
    guint64 memory_spread_page;
    guint64 memory_spread_slab;
    guint64 memory_pressure;
    guint64 sched_load_balance;
    gint64 sched_relax_domain_level;
} HfCgroupCpusetStats;

typedef struct {
    guint64 limit_bytes; /* no limit: 2^64-1 on v2, 2^63 without the last page on v1 */
    guint64 usage_bytes;
    guint64 max_bytes;  /* v2 (+): memory.peak (Linux 5.19) */
    guint64 fail_count; /* how often the limit was hit; 0 on v2 */
} HfCgroupMemoryUsage;

typedef struct {
    bool is_known;
    guint64 cache_bytes; /* `cache` of memory.stat (v1), `file` (v2) */
    HfCgroupMemoryUsage usage;
    HfCgroupMemoryUsage swap;       /* memory and swap together, also on v2; max_bytes 0 there */
    HfCgroupMemoryUsage kernel;     /* 0 on v2 */
    HfCgroupMemoryUsage kernel_tcp; /* 0 on v2 */
    GArray *raw;                    /* of HfCgroupPair: memory.stat as it stands */
    HfCgroupPressure pressure;      /* (+) v2 */
} HfCgroupMemoryStats;

typedef struct {
    bool is_known;
    guint64 current; /* threads count; processes where v2 has no pids controller */
    guint64 limit;   /* 0: none */
} HfCgroupPidsStats;

/* GArrays of HfCgroupBlkioEntry, each with what happened in cgroups below. v2 has the first two,
 * with Read and Write alone; v1 has those two for most devices, and all with CFQ or a kernel that
 * debugs BFQ. */
typedef struct {
    bool is_known;
    GArray *service_bytes;
    GArray *serviced;
    GArray *queued;
    GArray *service_time; /* ns */
    GArray *wait_time;    /* ns */
    GArray *merged;
    GArray *time;              /* ms */
    GArray *sectors;           /* of 512 bytes */
    HfCgroupPressure pressure; /* (+) v2 */
} HfCgroupBlkioStats;

typedef struct {
    char *page_size; /* as the kernel names it: "2MB" */
    guint64 usage_bytes;
    guint64 max_bytes; /* 0 on v2 */
    guint64 fail_count;
} HfCgroupHugetlbStats;

typedef struct {
    HfCgroupCpuStats cpu;
    HfCgroupCpusetStats cpuset;
    HfCgroupMemoryStats memory;
    HfCgroupPidsStats pids;
    HfCgroupBlkioStats blkio;
    GArray *hugetlb; /* of HfCgroupHugetlbStats, by name */
} HfCgroupStats;

/* Reads all of it. HF_ERROR_NOT_FOUND if a cgroup is gone, also if it goes in the meantime;
 * HF_ERROR_PROTOCOL for garbage, naming the file. (transfer full) */
HfCgroupStats *hf_cgroup_stats_read(const HfCgroupDirs *dirs,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_cgroup_stats_free(HfCgroupStats *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfCgroupStats, hf_cgroup_stats_free)
