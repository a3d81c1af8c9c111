/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: the system log, as messages of RFC 5424. */

#pragma once

#include "logging/log-sink.h"

typedef struct {
    const char *address;        /* see syslog-socket.h; "": /dev/log */
    const char *container_id;   /* its first 12 characters are the PROCID */
    const char *container_name; /* nullable */
    const char *tag;            /* nullable */
    bool is_utc;
    HfStateReader *saved; /* NULL, or what a sink's save() put */
} HfSyslogOptions;

/* Each record is a message of the facility daemon, of the severity info (stdout) or err (stderr),
 * with the stream as MSGID and the tag, else the name, else the short id as APP-NAME. Records too
 * long for a datagram are split. Works without a system log: it is connected to when records come,
 * and again, less and less often, when it is gone. HF_ERROR_INVALID_ARGUMENT for an address that
 * is none. What the options point to is borrowed during the call. */
HfLogSink *hf_syslog_sink_new(const HfSyslogOptions *options,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What waits for a connection that is still being made. */
#define HF_SYSLOG_SINK_PENDING_MAX (1024 * 1024)
