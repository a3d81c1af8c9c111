/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "logging/log-sink.h"

void
hf_log_sink_append_each(HfLogSink *self, const HfLogLines *lines)
{
    HfLogRecord record = {.stream = lines->stream, .time = lines->time, .bytes = lines->bytes};

    for (guint i = 0; i < lines->count; i++) {
        record.length = lines->lengths[i];
        self->klass->append(self, &record);
        record.bytes += record.length + 1;
    }
}

void
hf_log_sink_free(HfLogSink *self)
{
    if (self != NULL)
        self->klass->free(self);
}
