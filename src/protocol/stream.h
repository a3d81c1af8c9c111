/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The two streams a container writes. */

#pragma once

typedef enum {
    HF_STREAM_STDOUT,
    HF_STREAM_STDERR,
} HfStream;

#define HF_STREAM_COUNT 2

/* "stdout", "stderr" */
static inline const char *
hf_stream_to_string(HfStream stream)
{
    return stream == HF_STREAM_STDERR ? "stderr" : "stdout";
}
