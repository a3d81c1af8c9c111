/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One line of a log file, whatever its format, taken apart. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <glib.h>

#include "protocol/parse-result.h"
#include "protocol/stream.h"

typedef enum {
    HF_LOG_LINE_FORMAT_ANY, /* each line shows by its first byte what it is */
    HF_LOG_LINE_FORMAT_CRI,
    HF_LOG_LINE_FORMAT_JSON,
} HfLogLineFormat;

typedef struct {
    struct timespec time;
    HfStream stream;
    bool is_partial;   /* the container's line goes on in the next record of the stream */
    const char *bytes; /* the message without a newline; in the text, or in the scratch string */
    size_t length;
} HfLogLine;

/* @text is a line without its newline. @scratch is overwritten; what it holds may be part of
 * *@out_line, which is set on HF_PARSE_OK only. */
HfParseResult hf_log_line_parse(HfLogLineFormat format, const char *text, size_t length,
                                GString *scratch, HfLogLine *out_line);
