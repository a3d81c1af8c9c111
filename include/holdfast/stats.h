/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

#define HF_TYPE_STATS (hf_stats_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfStats, hf_stats, HF, STATS, GObject)

/**
 * HfStats:
 *
 * What a container uses, at one moment, from its cgroup. What the kernel does not tell is 0.
 */

/**
 * hf_stats_to_json:
 *
 * Returns: (transfer full): the "data" object of "runc events --stats"
 */
HF_PUBLIC
char *hf_stats_to_json(HfStats *self);

/**
 * hf_stats_get_time_us:
 *
 * Returns: when it was read, in microseconds of g_get_monotonic_time()
 */
HF_PUBLIC
gint64 hf_stats_get_time_us(HfStats *self);

/**
 * hf_stats_get_cpu_ns:
 *
 * Returns: CPU time used, in nanoseconds
 */
HF_PUBLIC
guint64 hf_stats_get_cpu_ns(HfStats *self);

/**
 * hf_stats_get_throttled_ns:
 *
 * Returns: how long it was throttled, in nanoseconds
 */
HF_PUBLIC
guint64 hf_stats_get_throttled_ns(HfStats *self);

/**
 * hf_stats_get_memory_usage:
 *
 * Returns: bytes
 */
HF_PUBLIC
guint64 hf_stats_get_memory_usage(HfStats *self);

/**
 * hf_stats_get_memory_limit:
 *
 * Returns: bytes; %G_MAXUINT64 without a limit
 */
HF_PUBLIC
guint64 hf_stats_get_memory_limit(HfStats *self);

/**
 * hf_stats_get_pids:
 *
 * Returns: the number of processes and threads
 */
HF_PUBLIC
guint64 hf_stats_get_pids(HfStats *self);

/**
 * hf_stats_get_block_read:
 *
 * Returns: bytes read from block devices
 */
HF_PUBLIC
guint64 hf_stats_get_block_read(HfStats *self);

/**
 * hf_stats_get_block_written:
 *
 * Returns: bytes written to block devices
 */
HF_PUBLIC
guint64 hf_stats_get_block_written(HfStats *self);

G_END_DECLS
