/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "protocol/cri-line.h"
#include "protocol/json-log-line.h"
#include "protocol/log-line.h"

HfParseResult
hf_log_line_parse(HfLogLineFormat format, const char *text, size_t length, GString *scratch,
                  HfLogLine *out_line)
{
    if (format == HF_LOG_LINE_FORMAT_ANY)
        format = length > 0 && text[0] == '{' ? HF_LOG_LINE_FORMAT_JSON : HF_LOG_LINE_FORMAT_CRI;
    if (length == 0)
        return HF_PARSE_INVALID;
    if (format == HF_LOG_LINE_FORMAT_JSON)
        return hf_json_log_line_parse(text, length, scratch, out_line);
    return hf_cri_line_parse(text, length, out_line);
}
