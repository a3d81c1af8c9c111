/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Counts the processes that the kernel's OOM killer took from a container's memory cgroup.
 *
 * Kills in cgroups below it count as well.
 *
 * cgroup v2: memory.events, `oom_kill`. cgroup v1: memory.oom_control, `oom_kill`, woken by an
 * eventfd; the same eventfd fires when the cgroup is removed, which is no OOM. The file is opened
 * at the start and kept, because the cgroup may be gone when the last look is taken. */

#pragma once

#include <sys/types.h>

#include <glib.h>

#include "base/saved-state.h"
#include "cgroup/cgroup-path.h"

typedef struct HfOomWatch HfOomWatch;

/* @kills is the number of processes killed since the watch was made, as the kernel counts (a group
 * kill may have one twice), always more than last time. */
typedef void (*HfOomFunc)(guint64 kills, gpointer user_data);

/* Watches the memory cgroup that process @pid is in. HF_ERROR_NOT_SUPPORTED where there is no
 * memory controller, or the process is in the root cgroup; HF_ERROR_NOT_FOUND if the cgroup is gone
 * already. A watch is then not possible, and that is not fatal for anybody. Where the kernel has
 * the count but no event for it (v1 with PREEMPT_RT), hf_oom_watch_check() alone finds kills.
 * @context outlives the watch. */
HfOomWatch *hf_oom_watch_new(GMainContext *context, pid_t pid, HfOomFunc on_oom, gpointer user_data,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a cgroup's directory. */
HfOomWatch *hf_oom_watch_new_for_path(GMainContext *context, const char *directory,
                                      HfCgroupVersion version, HfOomFunc on_oom, gpointer user_data,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A look at once, for the moment before an ended process is reaped; may call on_oom. FALSE if
 * nothing could be learnt: HF_ERROR_NOT_FOUND when the cgroup has been removed, which is worth a
 * debug message. */
gboolean hf_oom_watch_check(HfOomWatch *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The directory below which files are opened at each look (v1), borrowed; -1: none are. */
int hf_oom_watch_get_directory_fd(const HfOomWatch *self);

/* The kernel's count when the watch was made: kills are counted from there. */
guint64 hf_oom_watch_get_base(const HfOomWatch *self);

/* Goes on as a watch would that had @base and has told of @told kills; the next look tells what has
 * come since. */
void hf_oom_watch_resume(HfOomWatch *self, guint64 base, guint64 told);

/* Not from within on_oom. */
void hf_oom_watch_free(HfOomWatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfOomWatch, hf_oom_watch_free)

/* For a watch in another program that goes on with the descriptors and the count. */
void hf_oom_watch_save(const HfOomWatch *self, HfStateWriter *writer);
HfOomWatch *hf_oom_watch_new_saved(GMainContext *context, HfStateReader *reader, HfOomFunc on_oom,
                                   gpointer user_data);
