/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the tests of the OOM watch share: a record of what it told, and watches of directories. */

#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/oom-watch.h"

typedef struct {
    guint calls;
    guint64 kills;
} OomKitTold;

static inline void
oom_kit_on_oom(guint64 kills, gpointer user_data)
{
    OomKitTold *told = user_data;

    told->calls++;
    told->kills = kills;
}

static inline bool
oom_kit_was_told(gpointer user_data)
{
    const OomKitTold *told = user_data;

    return told->calls > 0;
}

/* Rewrites in place, so that a descriptor that is open sees it. */
static inline void
oom_kit_rewrite(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    FILE *file = fopen(path, "we");

    g_assert_nonnull(file);
    g_assert_cmpint(fputs(text, file), >=, 0);
    g_assert_cmpint(fclose(file), ==, 0);
}

static inline HfOomWatch *
oom_kit_watch_dir(const char *dir, HfCgroupVersion version, OomKitTold *told)
{
    g_autoptr(GError) error = NULL;
    HfOomWatch *watch = hf_oom_watch_new_for_path(NULL, dir, version, oom_kit_on_oom, told, &error);

    g_assert_no_error(error);
    g_assert_nonnull(watch);
    return watch;
}

static inline void
oom_kit_check(HfOomWatch *watch)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_oom_watch_check(watch, &error));
    g_assert_no_error(error);
}

static inline void
oom_kit_assert_check_fails(HfOomWatch *watch, HfError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_oom_watch_check(watch, &error));
    g_assert_error(error, HF_ERROR, (int)code);
}

/* Whether the default context would sleep for ever. */
static inline bool
oom_kit_is_idle(void)
{
    GPollFD fds[8];
    int timeout_ms = 0;
    int priority = 0;
    GMainContext *context = g_main_context_default();

    g_assert_true(g_main_context_acquire(context));
    bool is_ready = g_main_context_prepare(context, &priority);
    (void)g_main_context_query(context, priority, &timeout_ms, fds, G_N_ELEMENTS(fds));
    g_main_context_release(context);
    return !is_ready && timeout_ms < 0;
}
