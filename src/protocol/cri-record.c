/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "protocol/cri-record.h"

/* " stdout F " without its NUL */
#define AFTER_TIME_LENGTH 10

size_t
hf_cri_record_prefix(char *buffer, const char *time, size_t time_length, HfStream stream,
                     bool is_partial)
{
    static const char after_time[HF_STREAM_COUNT][2][AFTER_TIME_LENGTH + 1] = {
        [HF_STREAM_STDOUT] = {" stdout F ", " stdout P "},
        [HF_STREAM_STDERR] = {" stderr F ", " stderr P "},
    };

    memcpy(buffer, time, time_length);
    memcpy(buffer + time_length, after_time[stream][is_partial], AFTER_TIME_LENGTH);
    return time_length + AFTER_TIME_LENGTH;
}
