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

static void
make_prefix(HfCriFormat *self, const HfLogRecord *record)
{
    size_t time_length = 0;
    const char *time;

    if (self->time.tv_sec != record->time.tv_sec || self->time.tv_nsec != record->time.tv_nsec)
        memset(self->has_prefix, 0, sizeof self->has_prefix);
    time = hf_clock_format_rfc3339(&self->clock, &record->time, &time_length);
    (void)hf_cri_record_prefix(self->prefix[record->stream][record->is_partial], time, time_length,
                               record->stream, record->is_partial);
    self->has_prefix[record->stream][record->is_partial] = true;
    self->time = record->time;
}

void
hf_cri_format_write(HfCriFormat *self, char *buffer, const HfLogRecord *record)
{
    const char *prefix = self->prefix[record->stream][record->is_partial];

    if (!self->has_prefix[record->stream][record->is_partial] ||
        self->time.tv_nsec != record->time.tv_nsec || self->time.tv_sec != record->time.tv_sec)
        make_prefix(self, record);
    /* Constant lengths: the compiler makes a few moves of each, where a variable one is a call. */
    if (self->clock.is_utc) {
        memcpy(buffer, prefix, PREFIX_UTC_LENGTH);
        buffer += PREFIX_UTC_LENGTH;
    } else {
        memcpy(buffer, prefix, PREFIX_LENGTH);
        buffer += PREFIX_LENGTH;
    }
    memcpy(buffer, record->bytes, record->length);
    buffer[record->length] = '\n';
}
