/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a log can be written to: an interface.
 *
 * append() formats a record into the sink's own buffer and may not fail; append_lines() does it for
 * many complete lines of one stream and one time, which costs less; flush() moves that buffer to
 * the target without blocking. A record is never torn: what flush() could not move stays, in order,
 * for the next flush(). */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <glib.h>

#include "base/io.h"
#include "base/saved-state.h"
#include "protocol/stream.h"

typedef struct {
    HfStream stream;
    bool is_partial;   /* did not end with a newline */
    const char *bytes; /* without the newline; borrowed */
    size_t length;
    struct timespec time; /* when it was read */
} HfLogRecord;

/* As many records, none of them partial. */
typedef struct {
    HfStream stream;
    struct timespec time;
    const char *bytes;     /* lines one behind the other, each with its newline; borrowed */
    size_t size;           /* of all that */
    const size_t *lengths; /* of each line without its newline; borrowed */
    guint count;           /* at least one */
} HfLogLines;

typedef struct HfLogSink HfLogSink;

typedef struct {
    const char *name; /* for messages: "k8s-file" */
    void (*append)(HfLogSink *self, const HfLogRecord *record);
    /* May be NULL: append() is called for each. */
    void (*append_lines)(HfLogSink *self, const HfLogLines *lines);
    /* HF_IO_DATA: nothing is left. HF_IO_AGAIN: the target takes no more now. HF_IO_FAILED: the
     * error says why, what is left is kept. */
    HfIoResult (*flush)(HfLogSink *self, GError **error);
    /* How many bytes wait in the buffer. */
    size_t (*get_pending)(const HfLogSink *self);
    /* May be NULL. True: what the buffer does not hold is dropped, and counted, rather than the
     * container held up. */
    bool (*is_lossy)(const HfLogSink *self);
    /* May be NULL. A descriptor that becomes writable when a target that took no more (HF_IO_AGAIN)
     * takes more, or -1: it is tried again by time. Borrowed until the next flush() or reopen(). */
    int (*get_wait_fd)(const HfLogSink *self);
    /* Drops what waits, whole records, and counts it; the next record that can be written is
     * preceded by one that says how much is missing. */
    void (*drop_pending)(HfLogSink *self);
    /* Opens the target anew (after a rename by somebody else). On failure the old one stays. */
    gboolean (*reopen)(HfLogSink *self, GError **error);
    /* A descriptor to fsync() at the end, or -1. Borrowed. */
    int (*get_sync_fd)(const HfLogSink *self);
    /* What one needs that goes on in another program, and is made there with `saved`. */
    void (*save)(const HfLogSink *self, HfStateWriter *writer);
    /* Gives large buffers back. */
    void (*release_memory)(HfLogSink *self);
    void (*free)(HfLogSink *self);
} HfLogSinkClass;

/* The first member of each sink's struct. */
struct HfLogSink {
    const HfLogSinkClass *klass;
};

/* Calls append() for each line. */
void hf_log_sink_append_each(HfLogSink *self, const HfLogLines *lines);

void hf_log_sink_free(HfLogSink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogSink, hf_log_sink_free)
