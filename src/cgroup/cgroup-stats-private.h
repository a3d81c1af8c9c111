/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The readers of one controller's files each, for cgroup-stats.c. What is absent is left alone. */

#pragma once

#include <glib.h>

#include "cgroup/cgroup-read.h"
#include "cgroup/cgroup-stats.h"

typedef gboolean (*HfCgroupStatsReader)(const HfCgroupDir *dir, HfCgroupStats *stats,
                                        GError **error);

gboolean hf_cgroup_stats_v1_cpu(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v1_cpuacct(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v1_cpuset(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v1_memory(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v1_pids(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v1_blkio(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v1_hugetlb(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);

gboolean hf_cgroup_stats_v2_cpu(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v2_cpuacct(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v2_memory(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v2_pids(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v2_blkio(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v2_hugetlb(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);
gboolean hf_cgroup_stats_v2_pressure(const HfCgroupDir *dir, HfCgroupStats *stats, GError **error);

/* Appends a HfCgroupHugetlbStats with nothing but the page size for each file "hugetlb.SIZE" +
 * @suffix, by name. */
gboolean hf_cgroup_stats_find_hugetlb(const HfCgroupDir *dir, const char *suffix, GArray *hugetlb,
                                      GError **error);

/* Reads "hugetlb.SIZE" + @suffix. */
gboolean hf_cgroup_stats_read_hugetlb(const HfCgroupDir *dir, const HfCgroupHugetlbStats *size,
                                      const char *suffix, HfCgroupParser parse, gpointer out,
                                      GError **error);

/* @value times @factor, at most 2^64-1. */
guint64 hf_cgroup_stats_scale(guint64 value, guint64 factor);
