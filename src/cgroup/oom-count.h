/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The kernel's count of OOM kills in a cgroup: the number `oom_kill` of memory.events (v2) or
 * memory.oom_control (v1). */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef enum {
    HF_OOM_COUNT_FOUND,
    HF_OOM_COUNT_MISSING, /* kernels before 4.13 have no such number */
    HF_OOM_COUNT_GARBAGE,
} HfOomCountResult;

/* The number of the line "oom_kill N". A pure function over any bytes. */
HfOomCountResult hf_oom_count_parse(const char *text, size_t length, guint64 *out_count);

/* Reads the open file from its start. Gives FOUND or MISSING. HF_ERROR_NOT_FOUND if the cgroup has
 * been removed, HF_ERROR_PROTOCOL for garbage. */
gboolean hf_oom_count_read(int counter_fd, HfOomCountResult *out_result, guint64 *out_count,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* v1: the sum over the cgroups below @dir_fd, without its own. False, and no sum, where one of them
 * cannot be read or there are thousands: a sum that lacks one would rise again later, and look like
 * kills. */
bool hf_oom_count_try_sum_below(int dir_fd, guint64 *out_sum);

/* HF_ERROR_NOT_FOUND, in the words that conmon uses. Always FALSE. */
gboolean hf_oom_count_throw_removed(GError **error);
