/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Cuts a file that grows into lines, from an offset on. Embedded in its owner. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <glib.h>

#include "base/scratch.h"

#define HF_LOG_READER_MARK_SIZE 64

typedef struct {
    HfScratch buffer;
    size_t start;   /* of the next line in the buffer */
    size_t scanned; /* up to here there is no newline behind start */
    size_t end;
    off_t offset; /* in the file, of what follows the buffer */
    size_t line_max;
    bool is_skipping; /* the rest of a line that was cut */
    size_t mark_length;
    char mark[HF_LOG_READER_MARK_SIZE]; /* the bytes before offset */
} HfLogReaderInput;

typedef enum {
    HF_LOG_READER_DATA,
    HF_LOG_READER_END,       /* of what is in the file now */
    HF_LOG_READER_TRUNCATED, /* the file is not what it was: it is read from its beginning again */
    HF_LOG_READER_ERROR,
} HfLogReaderFill;

/* @line_max: longer lines are cut. */
void hf_log_reader_input_init(HfLogReaderInput *self, size_t line_max);
void hf_log_reader_input_clear(HfLogReaderInput *self);

/* What is read next is a file's byte @offset. An incomplete line is forgotten. */
void hf_log_reader_input_start(HfLogReaderInput *self, off_t offset);

/* Reads one block. All lines must have been taken before. */
HfLogReaderFill hf_log_reader_input_fill(HfLogReaderInput *self, int fd, size_t *out_length,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The next line without its newline, valid until the next call of any of these. */
bool hf_log_reader_input_take_line(HfLogReaderInput *self, const char **out_line,
                                   size_t *out_length, bool *out_is_cut);

/* There is the beginning of a line whose newline has not come yet. */
bool hf_log_reader_input_is_within_line(const HfLogReaderInput *self);

/* Gives the buffer back if nothing is in it. */
void hf_log_reader_input_release_memory(HfLogReaderInput *self);
