/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: the systemd journal, by its native datagram protocol. */

#pragma once

#include "logging/log-sink.h"

typedef struct {
    const char *socket_path;    /* NULL: /run/systemd/journal/socket */
    const char *container_id;   /* its first 12 characters are the short one */
    const char *container_name; /* nullable */
    const char *tag;            /* nullable */
    const char *const *labels;  /* NAME=VALUE, NULL-terminated, nullable */
    bool mark_partial;          /* CONTAINER_PARTIAL_MESSAGE=true on partial records */
    bool priority_prefix; /* "<N>" at a line's start is cut off and sets PRIORITY (else 6 stdout, 3
                           * stderr, which are all that `podman logs` accepts) */
    HfStateReader *saved; /* NULL, or what a sink's save() put */
} HfJournalOptions;

/* Works without a journal: the socket is looked up again when records come.
 * HF_ERROR_INVALID_ARGUMENT for a malformed label or a socket path that is too long. What the
 * options point to is borrowed during the call. */
HfLogSink *hf_journal_sink_new(const HfJournalOptions *options,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
