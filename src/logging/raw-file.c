/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "logging/raw-file.h"

static size_t
measure(const HfLogFormat *format, const HfLogRecord *record)
{
    return record->length + (record->is_partial ? 0 : 1);
}

static size_t
write_record(HfLogFormat *format, char *buffer, const HfLogRecord *record)
{
    memcpy(buffer, record->bytes, record->length);
    if (!record->is_partial)
        buffer[record->length] = '\n';
    return measure(format, record);
}

static size_t
measure_lines(const HfLogFormat *format, const HfLogLines *lines)
{
    return lines->size;
}

static size_t
write_lines(HfLogFormat *format, char *buffer, const HfLogLines *lines)
{
    memcpy(buffer, lines->bytes, lines->size);
    return lines->size;
}

static size_t
measure_message(const HfLogFormat *format, const char *line, size_t length)
{
    return length;
}

static void
free_format(HfLogFormat *format)
{
    g_free(format);
}

static const HfLogFormatClass raw_class = {
    .name = "raw",
    .is_raw = true,
    .measure = measure,
    .write = write_record,
    .measure_lines = measure_lines,
    .write_lines = write_lines,
    .measure_message = measure_message,
    .free = free_format,
};

static const HfLogFormatClass fifo_class = {
    .name = "fifo",
    .is_raw = true,
    .measure = measure,
    .write = write_record,
    .measure_lines = measure_lines,
    .write_lines = write_lines,
    .measure_message = measure_message,
    .free = free_format,
};

HfLogSink *
hf_raw_file_new(const HfFileSinkOptions *options, GError **error)
{
    HfLogFormat *format = g_new0(HfLogFormat, 1);

    format->klass = options->is_fifo ? &fifo_class : &raw_class;
    return hf_file_sink_new(options, format, error);
}
