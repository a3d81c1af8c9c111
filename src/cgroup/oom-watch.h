/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Counts the processes that the kernel's OOM killer took from a container's memory cgroup.
 *
 * cgroup v2: memory.events, `oom_kill`. cgroup v1: memory.oom_control, `oom_kill`, woken by an
 * eventfd; the same eventfd fires when the cgroup is removed, which is no OOM. The file is opened
 * at the start and kept, because the cgroup may be gone when the last look is taken. */

#pragma once

#include <sys/types.h>

#include <glib.h>

typedef struct HfOomWatch HfOomWatch;

/* @kills is the number of processes killed since the watch was made, always more than last time. */
typedef void (*HfOomFunc)(guint64 kills, gpointer user_data);

/* Watches the memory cgroup that process @pid is in. HF_ERROR_NOT_SUPPORTED where there is no
 * memory controller or the root cgroup; a watch is then not possible, and that is not fatal for
 * anybody. */
HfOomWatch *hf_oom_watch_new(GMainContext *context, pid_t pid, HfOomFunc on_oom, gpointer user_data,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A look at once, for the moment before an ended process is reaped; may call on_oom. */
void hf_oom_watch_check(HfOomWatch *self);

/* Not from within on_oom. */
void hf_oom_watch_free(HfOomWatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfOomWatch, hf_oom_watch_free)
