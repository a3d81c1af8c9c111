/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* shim-log.json: what the monitor says of itself, for whoever looks into the process directory. A
 * line of JSON for each message: {"level":"error","msg":"...","time":"..."}. */

#pragma once

#include <glib.h>

#include "base/diag.h"
#include "base/saved-state.h"

/* The file does not grow beyond this and one line more that says so. */
#define HF_MONITOR_LOG_MAX (1024 * 1024)

typedef struct HfMonitorLog HfMonitorLog;

/* Opens the file below @dir_fd, made if it is missing, to append to. */
HfMonitorLog *hf_monitor_log_new(int dir_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_monitor_log_free(HfMonitorLog *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfMonitorLog, hf_monitor_log_free)

/* A HfDiagSink; @user_data is the log. A line that cannot be written whole is left out. */
void hf_monitor_log_write(HfDiagLevel level, const char *text, gpointer user_data);

/* For another program that goes on with the file. */
void hf_monitor_log_save(const HfMonitorLog *self, HfStateWriter *writer);
HfMonitorLog *hf_monitor_log_new_saved(HfStateReader *reader);
