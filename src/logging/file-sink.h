/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: records of some format in a file, with a size limit and the files that were full
 * kept. The formats are cri-file, json-file and raw-file. */

#pragma once

#include "logging/log-format.h"
#include "logging/log-mark.h"
#include "logging/log-sink.h"

typedef struct {
    const char *path; /* borrowed during the call of new */
    gint64 size_max;  /* bytes of one file; <= 0: no limit */
    guint files_max;  /* how many full files are kept as PATH.1 (newest) .. PATH.N; >= 1 */
    /* bytes of records in all, after which nothing is written; <= 0: none */
    gint64 global_size_max;
    size_t pending_max; /* what may wait for a target that fails; at least the default below */
    bool is_utc;        /* of time stamps, where the format leaves the choice */
    bool is_fifo;       /* the path is a FIFO, made if it is not there; raw-file only */
    /* A full file was put aside. NULL: nobody wants to know. From within flush() and append(). */
    void (*on_rotated)(const char *path, gpointer user_data);
    gpointer user_data;
    HfLogMark *mark; /* NULL, or what the sink keeps up to date; set: what it has come to before */
    const guint64 *handed; /* with a mark that is set: where the output that comes begins */
    HfStateReader *saved;  /* NULL, or what a sink's save() put: nothing is opened */
} HfFileSinkOptions;

#define HF_FILE_SINK_PENDING_MAX (1024 * 1024)

/* Opens (creates, mode 0640) the file for appending. A file whose last line is incomplete gets a
 * newline before the first record, unless the format is raw. A FIFO or device is written to without
 * ever blocking, and is lossy. While the target fails, records are kept up to pending_max, and
 * those that come after are dropped and counted. flush() returns HF_IO_FAILED with nothing pending
 * when the records are written, but into a file that is full and cannot be rotated. @take_format is
 * the sink's from here on, also on failure. */
HfLogSink *hf_file_sink_new(const HfFileSinkOptions *options, HfLogFormat *take_format,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What was not written because of global_size_max; no record tells of it. */
void hf_file_sink_get_over_limit(const HfLogSink *sink, guint64 *out_records, guint64 *out_bytes);
