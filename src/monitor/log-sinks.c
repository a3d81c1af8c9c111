/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "logging/cri-file.h"
#include "logging/journal-sink.h"
#include "logging/json-file.h"
#include "logging/raw-file.h"
#include "logging/syslog-sink.h"
#include "monitor/log-sinks.h"

static HfLogSink *
open_journal(const HfOptions *o, HfStateReader *saved, GError **error)
{
    const HfJournalOptions journal = {
        .container_id = o->container_id,
        .container_name = o->container_name,
        .tag = o->log_tag,
        .labels = (const char *const *)o->log_labels,
        .mark_partial = !o->no_partial_mark,
        .priority_prefix = o->log_priority_prefix,
        .saved = saved,
    };

    return hf_journal_sink_new(&journal, error);
}

static HfLogSink *
open_syslog(const HfOptions *o, const char *address, HfStateReader *saved, GError **error)
{
    const HfSyslogOptions options = {
        .address = address,
        .container_id = o->container_id,
        .container_name = o->container_name,
        .tag = o->log_tag,
        .is_utc = o->log_utc,
        .saved = saved,
    };

    return hf_syslog_sink_new(&options, error);
}

static HfLogSink *
open_file(const HfOptions *o, const HfLogSpec *spec, const HfLogSinksWatcher *watcher, guint number,
          HfStateReader *saved, GError **error)
{
    HfCrashJournal *journal = watcher->journal;
    const HfFileSinkOptions file = {
        .path = spec->path,
        .size_max = o->log_size_max,
        .files_max = o->log_rotate ? (guint)o->log_files_max : 1,
        .global_size_max = o->log_global_size_max,
        .pending_max = hf_options_is_lossy(o, spec->driver) ? 2 * o->log_buffer_max : 0,
        .is_utc = o->log_utc,
        .is_fifo = spec->driver == HF_LOG_DRIVER_FIFO,
        .on_rotated = watcher->on_rotated,
        .user_data = watcher->user_data,
        .mark = journal != NULL ? hf_crash_journal_get_mark(journal, number) : NULL,
        .handed = journal != NULL && hf_crash_journal_is_left(journal)
                      ? hf_crash_journal_get_handed(journal)
                      : NULL,
        .saved = saved,
    };
    HfLogSink *sink = NULL;

    if (spec->driver == HF_LOG_DRIVER_JSON_FILE)
        sink = hf_json_file_new(&file, o->log_tag, (const char *const *)o->log_labels, error);
    else if (spec->driver == HF_LOG_DRIVER_K8S_FILE)
        sink = hf_cri_file_new(&file, error);
    else
        sink = hf_raw_file_new(&file, error);
    if (sink == NULL)
        g_prefix_error(error, "Failed to open log file %s: ", spec->path);
    return sink;
}

static HfLogSink *
open_sink(const HfOptions *o, const HfLogSpec *spec, const HfLogSinksWatcher *watcher, guint number,
          HfStateReader *saved, GError **error)
{
    if (spec->driver == HF_LOG_DRIVER_JOURNALD)
        return open_journal(o, saved, error);
    if (spec->driver == HF_LOG_DRIVER_SYSLOG)
        return open_syslog(o, spec->path, saved, error);
    return open_file(o, spec, watcher, number, saved, error);
}

gboolean
hf_log_sinks_open(const HfOptions *options, HfLogRouter *router, const HfLogSinksWatcher *watcher,
                  GError **error)
{
    guint count = 0;

    for (guint i = 0; i < options->log_specs->len; i++) {
        const HfLogSpec *spec = &g_array_index(options->log_specs, HfLogSpec, i);
        const HfLogPolicy policy = {
            .is_lossy = hf_options_is_lossy(options, spec->driver),
            .buffer_max = options->log_buffer_max,
        };

        if (spec->driver == HF_LOG_DRIVER_NONE || spec->driver == HF_LOG_DRIVER_PASSTHROUGH)
            continue;
        HfStateReader *saved =
            watcher->saved != NULL ? hf_log_router_open_saved_sink(watcher->saved, count++) : NULL;
        HfLogSink *sink = open_sink(options, spec, watcher, i, saved, error);
        if (sink == NULL)
            return FALSE;
        hf_log_router_take_sink_with_policy(router, sink, &policy);
    }
    return TRUE;
}
