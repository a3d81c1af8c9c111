/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "attach/byte-fifo.h"

/* Makes room behind the bytes that are there. They move to the front only if at least as many were
 * dropped before them, so that each byte is moved a bounded number of times. */
static void
make_room(HfByteFifo *self, size_t length)
{
    if (self->head + self->length + length <= self->buffer.size)
        return;
    if (self->head >= self->length && self->length > 0) {
        char *start = self->buffer.data;

        memcpy(start, start + self->head, self->length);
        self->head = 0;
    }
    size_t needed = self->head + self->length + length;
    if (needed > self->buffer.size)
        (void)hf_scratch_reserve(&self->buffer, MAX(needed, 2 * self->buffer.size));
}

void
hf_byte_fifo_append(HfByteFifo *self, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    make_room(self, length);
    memcpy((char *)self->buffer.data + self->head + self->length, bytes, length);
    self->length += length;
}

const char *
hf_byte_fifo_peek(const HfByteFifo *self)
{
    return self->length > 0 ? (const char *)self->buffer.data + self->head : NULL;
}

void
hf_byte_fifo_drop(HfByteFifo *self, size_t length)
{
    g_return_if_fail(length <= self->length);

    self->head += length;
    self->length -= length;
    if (self->length == 0)
        hf_byte_fifo_clear(self);
}

void
hf_byte_fifo_clear(HfByteFifo *self)
{
    hf_scratch_release(&self->buffer);
    self->head = 0;
    self->length = 0;
}
