/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads a container's log, k8s-file or json-file, by whomever it was written, with its rotated
 * files PATH.1, PATH.2 and so on, which may be compressed (PATH.2.gz), and follows it.
 *
 * Every line is handed out once and in order, across renaming, truncation, removal and a new file
 * at PATH, as long as the reader sees a file before it is removed. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <glib.h>

#include "protocol/log-line.h"
#include "protocol/stream.h"

typedef struct HfLogReader HfLogReader;

typedef struct {
    struct timespec time;
    HfStream stream;
    bool is_partial;   /* the container's line goes on in the next message of the stream */
    bool is_cut;       /* the line in the file was too long: its end is missing */
    const char *bytes; /* without the newline; valid during the call */
    size_t length;
} HfLogMessage;

#define HF_LOG_READER_TAIL_ALL (-1)
#define HF_LOG_READER_MESSAGE_MAX (1024 * 1024)

/* Zeroed, it reads what comes after the start and does not follow. */
typedef struct {
    HfLogLineFormat format;
    bool is_following;
    /* So many messages from the end, of those that the filters let through; and what has begun
     * behind them and is incomplete. HF_LOG_READER_TAIL_ALL: all. */
    gint64 tail;
    /* From since on, before until: two ranges that share a border share no message. Following ends
     * when until has passed. */
    bool has_since;
    bool has_until;
    struct timespec since;
    struct timespec until;
    bool has_stream;
    HfStream stream;
    /* Partial records are kept until the message is complete or as long as message_max. Without,
     * they are handed out as they come, as one who shows a prompt wants them. */
    bool is_joining;
    size_t message_max; /* 0: HF_LOG_READER_MESSAGE_MAX */
} HfLogReaderOptions;

typedef enum {
    /* A line that is no record; told of once, but counted. It is skipped. */
    HF_LOG_READER_PROBLEM_GARBAGE,
    /* The beginning of a record without its end: a writer died. It is skipped. */
    HF_LOG_READER_PROBLEM_TORN,
    /* A line longer than message_max and what surrounds it in the file; as JSON it is skipped. */
    HF_LOG_READER_PROBLEM_CUT,
    /* The file was truncated; what was in it and not read is lost. */
    HF_LOG_READER_PROBLEM_TRUNCATED,
    /* Files may have been removed before they were read. */
    HF_LOG_READER_PROBLEM_GAP,
    /* Older files are compressed, and this build, which has no zlib, does not read them. */
    HF_LOG_READER_PROBLEM_COMPRESSED,
    /* A compressed file is not whole, or something else. */
    HF_LOG_READER_PROBLEM_DAMAGED,
    HF_LOG_READER_PROBLEM_COUNT,
} HfLogReaderProblem;

/* A text for people: "a line that is no record is skipped". */
const char *hf_log_reader_problem_to_string(HfLogReaderProblem problem);

typedef void (*HfLogMessageFunc)(const HfLogMessage *message, gpointer user_data);

/* From the main loop only. None may free the reader. All but on_message may be NULL. */
typedef struct {
    HfLogMessageFunc on_message;
    void (*on_problem)(HfLogReaderProblem problem, gpointer user_data);
    /* All that was there has been handed out, for the first time; following goes on. */
    void (*on_caught_up)(gpointer user_data);
    /* Nothing more will come: the end of what was there, or of following (error NULL: until has
     * passed), or a failure. The directory's removal is HF_ERROR_NOT_FOUND. */
    void (*on_end)(const GError *error, gpointer user_data);
} HfLogReaderHandlers;

/* @path need not exist if its directory does: whoever follows gets all that will be in it.
 * @options is copied; @handlers must outlive the reader. */
HfLogReader *hf_log_reader_new(GMainContext *context, const char *path,
                               const HfLogReaderOptions *options,
                               const HfLogReaderHandlers *handlers, gpointer user_data,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_reader_free(HfLogReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogReader, hf_log_reader_free)

/* While paused, no message is handed out, and no more is read. Also from within a handler. A
 * reader that is paused for long may miss files that are removed meanwhile. */
void hf_log_reader_set_paused(HfLogReader *self, bool is_paused);

/* How often there was such a problem. */
guint64 hf_log_reader_count_problems(const HfLogReader *self, HfLogReaderProblem problem);
