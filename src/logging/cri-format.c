/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "logging/cri-format.h"

/* The two lengths that a prefix can have. */
#define PREFIX_LENGTH HF_CRI_PREFIX_MAX
#define PREFIX_UTC_LENGTH (PREFIX_LENGTH - HF_CLOCK_RFC3339_LENGTH + HF_CLOCK_RFC3339_UTC_LENGTH)

void
hf_cri_format_init(HfCriFormat *self, bool is_utc)
{
    *self = (HfCriFormat){0};
    hf_clock_format_init(&self->clock, is_utc);
}

size_t
hf_cri_format_get_overhead(const HfCriFormat *self)
{
    return (self->clock.is_utc ? PREFIX_UTC_LENGTH : PREFIX_LENGTH) + 1;
}

static const char *
get_prefix(HfCriFormat *self, const struct timespec *when, HfStream stream, bool is_partial)
{
    char *prefix = self->prefix[stream][is_partial];
    size_t time_length = 0;
    const char *time;

    if (self->time.tv_nsec != when->tv_nsec || self->time.tv_sec != when->tv_sec)
        memset(self->has_prefix, 0, sizeof self->has_prefix);
    if (self->has_prefix[stream][is_partial])
        return prefix;
    time = hf_clock_format_rfc3339(&self->clock, when, &time_length);
    (void)hf_cri_record_prefix(prefix, time, time_length, stream, is_partial);
    self->has_prefix[stream][is_partial] = true;
    self->time = *when;
    return prefix;
}

void
hf_cri_format_write(HfCriFormat *self, char *buffer, const HfLogRecord *record)
{
    const char *prefix = get_prefix(self, &record->time, record->stream, record->is_partial);
    size_t prefix_length = hf_cri_format_get_overhead(self) - 1;

    memcpy(buffer, prefix, prefix_length);
    memcpy(buffer + prefix_length, record->bytes, record->length);
    buffer[prefix_length + record->length] = '\n';
}

/* The length of the prefix is a constant where this is called: the compiler makes a few moves of
 * it, where a variable one is a call. */
static inline __attribute__((always_inline)) void
put_lines(char *buffer, const char *prefix, size_t prefix_length, const HfLogLines *lines)
{
    const char *at = lines->bytes;

    for (guint i = 0; i < lines->count; i++) {
        size_t with_newline = lines->lengths[i] + 1;

        memcpy(buffer, prefix, prefix_length);
        buffer += prefix_length;
        memcpy(buffer, at, with_newline);
        buffer += with_newline;
        at += with_newline;
    }
}

void
hf_cri_format_write_lines(HfCriFormat *self, char *buffer, const HfLogLines *lines)
{
    const char *prefix = get_prefix(self, &lines->time, lines->stream, false);

    if (self->clock.is_utc)
        put_lines(buffer, prefix, PREFIX_UTC_LENGTH, lines);
    else
        put_lines(buffer, prefix, PREFIX_LENGTH, lines);
}
