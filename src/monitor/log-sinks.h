/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* From the command line to sinks. */

#pragma once

#include "logging/log-router.h"
#include "monitor/crash-journal.h"
#include "monitor/options.h"

/* Somebody wants to know when a full file was put aside. */
typedef struct {
    void (*on_rotated)(const char *path, gpointer user_data); /* nullable */
    gpointer user_data;
    HfCrashJournal *journal; /* NULL: none */
    HfStateReader *saved;    /* NULL, or what hf_log_router_save() put: nothing is opened */
} HfLogSinksWatcher;

/* Opens every log of the command line and gives it to @router. */
gboolean hf_log_sinks_open(const HfOptions *options, HfLogRouter *router,
                           const HfLogSinksWatcher *watcher,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
