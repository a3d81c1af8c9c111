/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a record is `{"log":"`, the escaped message, and an ending that is the same for
 * all records of one stream and one time, and so is made once for each read of output. The ending
 * begins with the escaped newline, which a partial record skips. */

#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "logging/json-file.h"
#include "protocol/json-log-record.h"

#define BEGINNING "{\"log\":\""
#define NEWLINE "\\n"
#define BEGINNING_LENGTH (sizeof BEGINNING - 1)
#define NEWLINE_LENGTH (sizeof NEWLINE - 1)
/* The ending without the attrs, generously. */
#define ENDING_MAX \
    (sizeof "\\n\",\"stream\":\"stdout\",\"attrs\":,\"time\":\"\"}\n" + HF_CLOCK_RFC3339_LENGTH)

typedef struct {
    struct timespec time;
    GString *text; /* empty until made */
} Ending;

typedef struct {
    HfLogFormat format;
    HfClockFormat clock;
    char *attrs; /* JSON; NULL: none */
    size_t ending_max;
    Ending endings[HF_STREAM_COUNT];
} JsonFormat;

static size_t
measure(const HfLogFormat *format, const HfLogRecord *record)
{
    const JsonFormat *self = (const JsonFormat *)format;

    return BEGINNING_LENGTH + HF_JSON_LOG_ESCAPED_MAX(record->length) + self->ending_max;
}

/* The time as Go's RFC3339Nano has it: a fraction without zeros at its end, and none if it is 0. */
static void
append_time(JsonFormat *self, GString *text, const struct timespec *time)
{
    size_t length = 0;
    const char *stamp = hf_clock_format_rfc3339(&self->clock, time, &length);

    length -= strlen("Z");
    while (stamp[length - 1] == '0' && time->tv_nsec > 0)
        length--;
    if (time->tv_nsec == 0)
        length -= strlen(".000000000");
    g_string_append_len(text, stamp, (gssize)length);
    g_string_append_c(text, 'Z');
}

/* The ending of a line of that stream and time. */
static const GString *
get_ending(JsonFormat *self, HfStream stream, const struct timespec *when)
{
    Ending *ending = &self->endings[stream];
    GString *text = ending->text;

    if (text->len > 0 && ending->time.tv_nsec == when->tv_nsec &&
        ending->time.tv_sec == when->tv_sec)
        return text;
    g_string_assign(text, NEWLINE "\",\"stream\":\"");
    g_string_append(text, hf_stream_to_string(stream));
    g_string_append_c(text, '"');
    if (self->attrs != NULL) {
        g_string_append(text, ",\"attrs\":");
        g_string_append(text, self->attrs);
    }
    g_string_append(text, ",\"time\":\"");
    append_time(self, text, when);
    g_string_append(text, "\"}\n");
    ending->time = *when;
    return text;
}

static inline char *
put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static size_t
write_record(HfLogFormat *format, char *buffer, const HfLogRecord *record)
{
    JsonFormat *self = (JsonFormat *)format;
    const GString *ending = get_ending(self, record->stream, &record->time);
    size_t skipped = record->is_partial ? NEWLINE_LENGTH : 0;
    char *at = put(buffer, BEGINNING, BEGINNING_LENGTH);

    at += hf_json_log_record_escape(at, record->bytes, record->length);
    at = put(at, ending->str + skipped, ending->len - skipped);
    return (size_t)(at - buffer);
}

static size_t
measure_lines(const HfLogFormat *format, const HfLogLines *lines)
{
    const JsonFormat *self = (const JsonFormat *)format;

    return HF_JSON_LOG_ESCAPED_MAX(lines->size) +
           lines->count * (BEGINNING_LENGTH + self->ending_max);
}

static size_t
write_lines(HfLogFormat *format, char *buffer, const HfLogLines *lines)
{
    const GString *ending = get_ending((JsonFormat *)format, lines->stream, &lines->time);
    const char *bytes = lines->bytes;
    char *at = buffer;

    for (guint i = 0; i < lines->count; i++) {
        at = put(at, BEGINNING, BEGINNING_LENGTH);
        at += hf_json_log_record_escape(at, bytes, lines->lengths[i]);
        at = put(at, ending->str, ending->len);
        bytes += lines->lengths[i] + 1;
    }
    return (size_t)(at - buffer);
}

static size_t
measure_message(const HfLogFormat *format, const char *line, size_t length)
{
    return hf_json_log_record_measure_message(line, length);
}

static void
free_format(HfLogFormat *format)
{
    JsonFormat *self = (JsonFormat *)format;

    for (guint i = 0; i < HF_STREAM_COUNT; i++)
        g_string_free(self->endings[i].text, TRUE);
    g_free(self->attrs);
    g_free(self);
}

static const HfLogFormatClass json_class = {
    .name = "json-file",
    .measure = measure,
    .write = write_record,
    .measure_lines = measure_lines,
    .write_lines = write_lines,
    .measure_message = measure_message,
    .free = free_format,
};

HfLogSink *
hf_json_file_new(const HfFileSinkOptions *options, const char *tag, const char *const *labels,
                 GError **error)
{
    JsonFormat *self = g_new0(JsonFormat, 1);

    self->format.klass = &json_class;
    hf_clock_format_init(&self->clock, true);
    self->attrs = hf_json_log_record_make_attrs(tag, labels);
    self->ending_max = ENDING_MAX + (self->attrs != NULL ? strlen(self->attrs) : 0);
    for (guint i = 0; i < HF_STREAM_COUNT; i++)
        self->endings[i].text = g_string_new(NULL);
    return hf_file_sink_new(options, &self->format, error);
}
