/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Collects every child that ends, so that none stays a zombie, and tells who asked for it.
 *
 * The monitor is a subreaper: processes of the container and of the runtime become its children
 * when their parents end, known to it or not. */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#include "base/process-ref.h"

typedef struct HfReaper HfReaper;

/* @is_known is false if the process has ended but its wait status could not be learnt. */
typedef void (*HfReaperFunc)(pid_t pid, int wait_status, bool is_known, gpointer user_data);

/* SIGCHLD must be blocked in this process. */
HfReaper *hf_reaper_new(GMainContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_reaper_free(HfReaper *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfReaper, hf_reaper_free)

/* Calls @on_exit from the main loop once @pid, a child, has ended. A child that was reaped before
 * anybody watched it is remembered, so that nothing is lost to the order of things; a process that
 * is not a child at all is told by its pidfd. Watch a pid once. */
void hf_reaper_watch(HfReaper *self, pid_t pid, HfReaperFunc on_exit, gpointer user_data);

/* The same for a child that this program has just made, which nobody can have reaped: SIGCHLD alone
 * tells, and no pidfd is opened. */
void hf_reaper_watch_child(HfReaper *self, pid_t pid, HfReaperFunc on_exit, gpointer user_data);

/* The same for a process that is no child of this program, by what names it. @ref is borrowed until
 * @on_exit comes. */
void hf_reaper_watch_ref(HfReaper *self, HfProcessRef *ref, HfReaperFunc on_exit,
                         gpointer user_data);

/* Nothing is told of @pid any more. Harmless if it is not watched. */
void hf_reaper_unwatch(HfReaper *self, pid_t pid);

/* From now on children that nobody watches are not remembered: every pid of interest is known. */
void hf_reaper_forget_strangers(HfReaper *self);
