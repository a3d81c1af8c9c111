/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* GSource helpers: a source is owned by the object whose field holds it.
 *
 * The priorities of the whole program stand here: what ends or controls a container comes before
 * what is typed into it, and that before what it prints. */

#pragma once

#include <glib-unix.h>
#include <glib.h>

#define HF_PRIORITY_CHILD (-200)
#define HF_PRIORITY_CONTROL (-100)
#define HF_PRIORITY_INPUT (-50)
#define HF_PRIORITY_OUTPUT 0

/* A source attached to @context (NULL: the default one) that calls @callback while @fd has any of
 * @condition. @fd stays the caller's, who clears the source before he closes it. (transfer full) */
GSource *hf_source_watch_fd(GMainContext *context, int fd, GIOCondition condition, int priority,
                            const char *name, GUnixFDSourceFunc callback, gpointer user_data);

/* A source that calls @callback once @delay_ms from now has passed, and again while it returns
 * G_SOURCE_CONTINUE. (transfer full) */
GSource *hf_source_after(GMainContext *context, guint delay_ms, int priority, const char *name,
                         GSourceFunc callback, gpointer user_data);

/* The same, with a timer of the kernel: it is set once for all its calls, where the other one is
 * set and taken back with each poll(2) of the loop, which costs most when it is the next of its
 * processor to run out. For a short delay while much goes on; needs a descriptor, and is like the
 * other one where there is none. */
GSource *hf_source_after_busy(GMainContext *context, guint delay_ms, int priority, const char *name,
                              GSourceFunc callback, gpointer user_data);

/* Detaches *@source, drops it, and sets it to NULL. Harmless when it is NULL already. */
void hf_source_clear(GSource **source);
