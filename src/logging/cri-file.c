/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <glib.h>

#include "logging/cri-file.h"
#include "logging/cri-format.h"

typedef struct {
    HfLogFormat format;
    HfCriFormat cri;
} CriFileFormat;

static size_t
measure(const HfLogFormat *format, const HfLogRecord *record)
{
    return hf_cri_format_get_overhead(&((const CriFileFormat *)format)->cri) + record->length;
}

static size_t
write_record(HfLogFormat *format, char *buffer, const HfLogRecord *record)
{
    hf_cri_format_write(&((CriFileFormat *)format)->cri, buffer, record);
    return measure(format, record);
}

static size_t
measure_lines(const HfLogFormat *format, const HfLogLines *lines)
{
    size_t overhead = hf_cri_format_get_overhead(&((const CriFileFormat *)format)->cri);

    return lines->size + lines->count * (overhead - 1);
}

static size_t
write_lines(HfLogFormat *format, char *buffer, const HfLogLines *lines)
{
    hf_cri_format_write_lines(&((CriFileFormat *)format)->cri, buffer, lines);
    return measure_lines(format, lines);
}

static size_t
measure_message(const HfLogFormat *format, const char *line, size_t length)
{
    return length + 1 - hf_cri_format_get_overhead(&((const CriFileFormat *)format)->cri);
}

static void
free_format(HfLogFormat *format)
{
    g_free(format);
}

static const HfLogFormatClass cri_class = {
    .name = "k8s-file",
    .measure = measure,
    .write = write_record,
    .measure_lines = measure_lines,
    .write_lines = write_lines,
    .measure_message = measure_message,
    .free = free_format,
};

HfLogSink *
hf_cri_file_new(const HfFileSinkOptions *options, GError **error)
{
    CriFileFormat *self = g_new0(CriFileFormat, 1);

    self->format.klass = &cri_class;
    hf_cri_format_init(&self->cri, options->is_utc);
    return hf_file_sink_new(options, &self->format, error);
}
