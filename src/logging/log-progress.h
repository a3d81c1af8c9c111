/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A sink's side of its mark (log-mark.h): what of the output it has, and what of the output that
 * comes a predecessor has written already. Embedded in its owner. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "base/saved-state.h"
#include "logging/log-file.h"
#include "logging/log-mark.h"
#include "logging/log-sink.h"

typedef struct {
    HfLogMark *mark; /* borrowed; NULL: nobody wants to know */
    bool is_raw;
    guint64 consumed[HF_STREAM_COUNT]; /* bytes of output that were appended */
    guint64 known[HF_STREAM_COUNT];    /* how many of those that come are in the log already */
    guint64 known_units;               /* and then so many records, or bytes of a raw log */
} HfLogProgress;

/* Before the log file is opened: with @handed, the positions at which the output that comes begins,
 * goes on where the mark is, and settles the file for that. */
void hf_log_progress_init(HfLogProgress *self, const HfLogFileOptions *file, const guint64 *handed);

/* Whether any of what comes may be known. */
bool hf_log_progress_has_known(const HfLogProgress *self, HfStream stream);

/* The mark says where the log is. */
bool hf_log_progress_is_marked(const HfLogProgress *self);

/* Counts the record as appended. True if the log has it: it is left out. Of a raw log's record the
 * part that is there is cut off. */
bool hf_log_progress_take(HfLogProgress *self, HfLogRecord *record);

/* Counts @size bytes of lines of which none is known. */
void hf_log_progress_add(HfLogProgress *self, HfStream stream, size_t size);

/* For another program that goes on with the file and its mark, which stays as it is. */
void hf_log_progress_save(const HfLogProgress *self, HfStateWriter *writer);
/* After init() without @handed. */
void hf_log_progress_restore(HfLogProgress *self, HfStateReader *reader);

/* All that was appended is in @file. */
void hf_log_progress_commit(HfLogProgress *self, const HfLogFile *file);
