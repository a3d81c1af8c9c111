/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "logging/log-progress.h"

void
hf_log_progress_init(HfLogProgress *self, const HfLogFileOptions *file, const guint64 *handed)
{
    *self = (HfLogProgress){.mark = file->is_fifo ? NULL : file->mark, .is_raw = file->is_raw};
    if (self->mark == NULL || !self->mark->is_set || handed == NULL)
        return;
    const HfLogMarkPlace *place = hf_log_mark_get(self->mark);
    self->known_units =
        hf_log_mark_settle(self->mark, file->path, MAX(file->files_max, 1), file->is_raw);
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        self->consumed[i] = place->consumed[i];
        self->known[i] = place->consumed[i] - MIN(handed[i], place->consumed[i]);
    }
}

bool
hf_log_progress_has_known(const HfLogProgress *self, HfStream stream)
{
    return self->known_units > 0 || self->known[stream] > 0;
}

bool
hf_log_progress_is_marked(const HfLogProgress *self)
{
    return self->mark != NULL && self->mark->is_set;
}

bool
hf_log_progress_take(HfLogProgress *self, HfLogRecord *record)
{
    guint64 size = record->length + (record->is_partial ? 0 : 1);

    if (self->known[record->stream] > 0) {
        self->known[record->stream] -= MIN(self->known[record->stream], size);
        return true;
    }
    self->consumed[record->stream] += size;
    if (self->known_units == 0)
        return false;
    if (!self->is_raw) {
        self->known_units--;
        return true;
    }
    guint64 known = MIN(size, self->known_units);

    self->known_units -= known;
    if (known == size)
        return true;
    record->bytes += known;
    record->length -= known;
    return false;
}

void
hf_log_progress_add(HfLogProgress *self, HfStream stream, size_t size)
{
    self->consumed[stream] += size;
}

void
hf_log_progress_commit(HfLogProgress *self, const HfLogFile *file)
{
    HfLogMarkPlace place = {.units = self->known_units};

    if (self->mark == NULL)
        return;
    hf_log_file_get_place(file, &place);
    memcpy(place.consumed, self->consumed, sizeof place.consumed);
    hf_log_mark_commit(self->mark, &place);
}

/* Positions are below 2^63: a container that prints 10 GB each second gets there in 29 years. */
void
hf_log_progress_save(const HfLogProgress *self, HfStateWriter *writer)
{
    hf_state_put_number(writer, "consumed-stdout", (gint64)self->consumed[HF_STREAM_STDOUT]);
    hf_state_put_number(writer, "consumed-stderr", (gint64)self->consumed[HF_STREAM_STDERR]);
    hf_state_put_number(writer, "known-stdout", (gint64)self->known[HF_STREAM_STDOUT]);
    hf_state_put_number(writer, "known-stderr", (gint64)self->known[HF_STREAM_STDERR]);
    hf_state_put_number(writer, "known-units", (gint64)self->known_units);
}

static guint64
get_count(HfStateReader *reader, const char *name)
{
    return (guint64)hf_state_get_number(reader, name, 0, G_MAXINT64, 0);
}

void
hf_log_progress_restore(HfLogProgress *self, HfStateReader *reader)
{
    self->consumed[HF_STREAM_STDOUT] = get_count(reader, "consumed-stdout");
    self->consumed[HF_STREAM_STDERR] = get_count(reader, "consumed-stderr");
    self->known[HF_STREAM_STDOUT] = get_count(reader, "known-stdout");
    self->known[HF_STREAM_STDERR] = get_count(reader, "known-stderr");
    self->known_units = get_count(reader, "known-units");
}
