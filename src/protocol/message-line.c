/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "protocol/json-string.h"
#include "protocol/message-line.h"

char *
hf_message_line_format(const char *level, const char *text, const struct timespec *when,
                       size_t *out_length)
{
    GString *line = g_string_new("{\"level\":\"");
    HfClockFormat format;
    size_t time_length = 0;

    hf_clock_format_init(&format, true);
    g_string_append_printf(line, "%s\",\"msg\":\"", level);
    hf_json_string_append(line, text, strlen(text));
    g_string_append_printf(line, "\",\"time\":\"%s\"}\n",
                           hf_clock_format_rfc3339(&format, when, &time_length));
    *out_length = line->len;
    return g_string_free(line, FALSE);
}
