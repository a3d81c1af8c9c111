/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* From lines to messages: filters, and pieces joined to what the container wrote. Embedded in its
 * owner. */

#pragma once

#include "logging/log-reader.h"
#include "protocol/log-line.h"

typedef struct {
    bool is_within;   /* a message that has begun */
    bool is_unwanted; /* the message we are within */
    bool is_skipped;  /* the same, by skip */
    bool is_cut;      /* a piece of it was */
    guint64 skip;     /* so many messages are passed over */
    GString *pieces;  /* NULL: none are kept */
    struct timespec time;
} HfLogReaderJoinStream;

typedef struct {
    const HfLogReaderOptions *options; /* borrowed */
    HfLogMessageFunc on_message;
    gpointer user_data;
    HfLogReaderJoinStream streams[HF_STREAM_COUNT];
} HfLogReaderJoin;

void hf_log_reader_join_init(HfLogReaderJoin *self, const HfLogReaderOptions *options,
                             HfLogMessageFunc on_message, gpointer user_data);
void hf_log_reader_join_clear(HfLogReaderJoin *self);

/* The stream and the time are ones that the options ask for. */
bool hf_log_reader_join_wants(const HfLogReaderOptions *options, const HfLogLine *line);

/* Calls on_message once or not at all. */
void hf_log_reader_join_push(HfLogReaderJoin *self, const HfLogLine *line, bool is_cut);

/* Hands out the pieces of messages whose end has not come, as partial. */
void hf_log_reader_join_flush(HfLogReaderJoin *self);
