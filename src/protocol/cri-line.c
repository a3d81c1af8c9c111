/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "protocol/cri-line.h"
#include "protocol/time-stamp.h"

static HfParseResult
take_text(const char **at, const char *end, const char *expected)
{
    size_t left = (size_t)(end - *at);
    size_t length = strlen(expected);

    if (memcmp(*at, expected, MIN(left, length)) != 0)
        return HF_PARSE_INVALID;
    if (left < length)
        return HF_PARSE_TORN;
    *at += length;
    return HF_PARSE_OK;
}

static HfParseResult
take_stream(const char **at, const char *end, HfStream *out_stream)
{
    HfParseResult result = take_text(at, end, " stdout ");

    if (result != HF_PARSE_INVALID) {
        *out_stream = HF_STREAM_STDOUT;
        return result;
    }
    *out_stream = HF_STREAM_STDERR;
    return take_text(at, end, " stderr ");
}

/* "F " or "P ", or "F:anything ". */
static HfParseResult
take_tag(const char **at, const char *end, bool *out_is_partial)
{
    if (*at == end)
        return HF_PARSE_TORN;
    if (**at != 'F' && **at != 'P')
        return HF_PARSE_INVALID;
    *out_is_partial = *(*at)++ == 'P';
    if (*at < end && **at == ':') {
        const char *blank = memchr(*at, ' ', (size_t)(end - *at));

        *at = blank != NULL ? blank : end;
    }
    return take_text(at, end, " ");
}

HfParseResult
hf_cri_line_parse(const char *text, size_t length, HfLogLine *out_line)
{
    const char *at = text;
    const char *end = text + length;
    HfLogLine line = {0};
    HfParseResult result = hf_time_stamp_take(&at, end, &line.time);

    if (result == HF_PARSE_OK)
        result = take_stream(&at, end, &line.stream);
    if (result == HF_PARSE_OK)
        result = take_tag(&at, end, &line.is_partial);
    if (result != HF_PARSE_OK)
        return result;
    line.bytes = at;
    line.length = (size_t)(end - at);
    *out_line = line;
    return HF_PARSE_OK;
}
