/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: CRI (k8s-file) records in a file, with a size limit and the files that were full
 * kept. */

#pragma once

#include "logging/log-sink.h"

typedef struct {
    const char *path; /* borrowed during the call of new */
    gint64 size_max;  /* bytes of one file; <= 0: no limit */
    guint files_max;  /* how many full files are kept as PATH.1 (newest) .. PATH.N; >= 1 */
    gint64
        global_size_max; /* bytes of records in all, after which nothing is written; <= 0: none */
    bool is_utc;
} HfCriFileOptions;

/* Opens (creates, mode 0640) the file for appending. A file whose last line is incomplete gets a
 * newline before the first record. A FIFO or device is written to without ever blocking, and is
 * lossy. While the target fails, records are kept up to HF_CRI_FILE_PENDING_MAX, and those that
 * come after are dropped and counted. flush() returns HF_IO_FAILED with nothing pending when the
 * records are written, but into a file that is full and cannot be rotated. */
HfLogSink *hf_cri_file_new(const HfCriFileOptions *options,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define HF_CRI_FILE_PENDING_MAX (1024 * 1024)

/* What was not written because of global_size_max; no record tells of it. */
void hf_cri_file_get_over_limit(const HfLogSink *sink, guint64 *out_records, guint64 *out_bytes);
