/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the files of the log reader share: log-reader.c has its life and reads files to their ends,
 * log-reader-start.c finds the place to begin at. */

#pragma once

#include "logging/log-reader-chain.h"
#include "logging/log-reader-input.h"
#include "logging/log-reader-join.h"
#include "logging/log-reader-tail.h"
#include "logging/log-reader-unpack.h"
#include "logging/log-reader.h"

/* Of one wake-up. */
#define HF_LOG_READER_WORK_BYTES (256 * 1024)
/* A line is stamped before it is written. */
#define HF_LOG_READER_WRITER_DELAY_S 1

typedef enum {
    HF_LOG_READER_PHASE_FIRST,
    HF_LOG_READER_PHASE_LOCATING,
    HF_LOG_READER_PHASE_READING,
    HF_LOG_READER_PHASE_ENDED
} HfLogReaderPhase;

typedef enum {
    HF_LOG_READER_STEP_MORE,
    HF_LOG_READER_STEP_IDLE,
    HF_LOG_READER_STEP_FAILED,
} HfLogReaderStep;

struct HfLogReader {
    GMainContext *context;
    HfLogReaderOptions options;
    const HfLogReaderHandlers *handlers; /* borrowed */
    gpointer user_data;
    HfLogReaderPhase phase;
    HfLogReaderChain *chain;
    HfLogReaderTail *tail;     /* while LOCATING, unless all is read */
    HfLogReaderUnpack *unpack; /* of the oldest file */
    bool is_entering;          /* the oldest file is not known to the tail yet */
    HfLogReaderInput input;
    HfLogReaderJoin join;
    GString *scratch;
    GSource *watch_source;
    GSource *work_source;
    GSource *until_source;
    size_t budget; /* of this wake-up */
    bool is_paused;
    bool is_caught_up;
    bool is_final; /* the next end of the file is final */
    bool is_directory_gone;
    guint64 problems[HF_LOG_READER_PROBLEM_COUNT];
};

/* The longest line that is kept whole. */
size_t hf_log_reader_get_line_max(const HfLogReaderOptions *options);

void hf_log_reader_report(HfLogReader *self, HfLogReaderProblem problem);

HfLogReaderStep hf_log_reader_to_step(HfLogReaderFind result);

/* The steps of FIRST and LOCATING. */
HfLogReaderStep hf_log_reader_step_first(HfLogReader *self,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
HfLogReaderStep hf_log_reader_step_locating(HfLogReader *self,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The oldest file is compressed, and cannot be read before it is unpacked. */
bool hf_log_reader_needs_unpacking(const HfLogReader *self);
HfLogReaderStep hf_log_reader_step_unpacking(HfLogReader *self,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
