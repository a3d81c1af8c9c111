/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a monitor says of a start: one line on the sync pipe, or files, or nothing. */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef enum {
    HF_MONITOR_REPLY_NONE, /* the pipe's end */
    HF_MONITOR_REPLY_STARTED,
    HF_MONITOR_REPLY_FAILED,
} HfMonitorReplyKind;

typedef struct {
    HfMonitorReplyKind kind;
    int pid;       /* STARTED */
    char *message; /* FAILED, may be NULL */
} HfMonitorReply;

void hf_monitor_reply_clear(HfMonitorReply *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfMonitorReply, hf_monitor_reply_clear)

/* Reads one line from @fd (non-blocking) until @deadline_us of monotonic time.
 * HF_ERROR_START_TIMED_OUT, HF_ERROR_PROTOCOL, G_IO_ERROR_CANCELLED. */
gboolean hf_monitor_reply_read(int fd, gint64 deadline_us, GCancellable *cancellable,
                               HfMonitorReply *out_reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from the line's text. Pure. */
gboolean hf_monitor_reply_parse(const char *line, gsize length, HfMonitorReply *out_reply,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The error for a start that failed: @runtime_log and @monitor_log are the contents of log.json and
 * shim-log.json, NULL if there is none. Pure. Always FALSE. */
gboolean hf_monitor_reply_throw(const HfMonitorReply *self, const char *runtime_log,
                                const char *monitor_log, GError **error);
