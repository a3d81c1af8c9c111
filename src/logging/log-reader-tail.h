/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Finds where the last N messages begin, reading files backward in blocks. */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#include "logging/log-reader.h"

typedef struct HfLogReaderTail HfLogReaderTail;

typedef enum {
    HF_LOG_READER_TAIL_MORE,  /* call again */
    HF_LOG_READER_TAIL_OLDER, /* the beginning of the file is reached: give the file before it */
    HF_LOG_READER_TAIL_DONE,
    HF_LOG_READER_TAIL_FAILED,
} HfLogReaderTailStep;

/* @options are borrowed; their tail is not negative. */
HfLogReaderTail *hf_log_reader_tail_new(const HfLogReaderOptions *options, size_t line_max);
void hf_log_reader_tail_free(HfLogReaderTail *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogReaderTail, hf_log_reader_tail_free)

/* Goes on at the end of @fd, which stays the caller's and open until the next of these calls. */
gboolean hf_log_reader_tail_enter(HfLogReaderTail *self, int fd,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Looks at one block. */
HfLogReaderTailStep hf_log_reader_tail_step(HfLogReaderTail *self,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The offset at which the messages begin. */
off_t hf_log_reader_tail_get_offset(const HfLogReaderTail *self);

/* How many of the files entered last lie before the one with that offset. */
guint hf_log_reader_tail_count_surplus(const HfLogReaderTail *self);

/* So many complete messages of @stream behind that offset are not among the last N: they lie
 * between pieces of those that are. */
guint64 hf_log_reader_tail_get_skip(const HfLogReaderTail *self, HfStream stream);
