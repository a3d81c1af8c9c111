/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Writes CRI records into a buffer: what is the same for all lines of one read is formatted once.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <glib.h>

#include "base/clock.h"
#include "logging/log-sink.h"
#include "protocol/cri-record.h"

typedef struct {
    HfClockFormat clock;
    struct timespec time;                /* of the prefixes */
    bool has_prefix[HF_STREAM_COUNT][2]; /* by stream, and by whether the record is partial */
    char prefix[HF_STREAM_COUNT][2][HF_CRI_PREFIX_MAX];
} HfCriFormat;

void hf_cri_format_init(HfCriFormat *self, bool is_utc);

/* What a record adds to its message; the same for each. */
size_t hf_cri_format_get_overhead(const HfCriFormat *self);

/* Writes the record with its newline: the overhead and the length of the message. */
void hf_cri_format_write(HfCriFormat *self, char *buffer, const HfLogRecord *record);

/* The same for each line. */
void hf_cri_format_write_lines(HfCriFormat *self, char *buffer, const HfLogLines *lines);
