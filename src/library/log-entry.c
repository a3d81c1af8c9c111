/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "library/log-private.h"

G_DEFINE_BOXED_TYPE(HfLogEntry, hf_log_entry, hf_log_entry_copy, hf_log_entry_free)

HfLogEntry *
hf_log_entry_copy(const HfLogEntry *self)
{
    HfLogEntry *copy = g_new(HfLogEntry, 1);

    *copy = *self;
    copy->copy = g_malloc(self->length + 1);
    memcpy(copy->copy, self->bytes, self->length);
    copy->copy[self->length] = '\0';
    copy->bytes = copy->copy;
    return copy;
}

void
hf_log_entry_free(HfLogEntry *self)
{
    if (self == NULL)
        return;
    g_free(self->copy);
    g_free(self);
}

gint64
hf_log_entry_get_time_ns(const HfLogEntry *self)
{
    return self->time_ns;
}

HfLogStream
hf_log_entry_get_stream(const HfLogEntry *self)
{
    return self->stream;
}

gboolean
hf_log_entry_is_partial(const HfLogEntry *self)
{
    return self->is_partial;
}

const char *
hf_log_entry_get_bytes(const HfLogEntry *self, gsize *out_length)
{
    *out_length = self->length;
    return self->bytes;
}
