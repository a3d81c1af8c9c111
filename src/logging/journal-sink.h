/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: the systemd journal, by its native datagram protocol. */

#pragma once

#include "logging/log-sink.h"

typedef struct {
    const char *socket_path;    /* NULL: /run/systemd/journal/socket */
    const char *container_id;   /* at least 12 characters */
    const char *container_name; /* nullable */
    const char *tag;            /* nullable */
    const char *const *labels;  /* NAME=VALUE, nullable */
    bool mark_partial;          /* CONTAINER_PARTIAL_MESSAGE=true on partial records */
    bool priority_prefix; /* "<N>" at a line's start sets PRIORITY (else 6 stdout, 3 stderr) */
} HfJournalOptions;

/* Works without a journal: the socket is looked up again when records come. */
HfLogSink *hf_journal_sink_new(const HfJournalOptions *options,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
