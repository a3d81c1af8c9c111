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
 * newline first. A FIFO or device is written to without ever blocking. */
HfLogSink *hf_cri_file_new(const HfCriFileOptions *options,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
