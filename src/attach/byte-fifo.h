/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Bytes that wait, first in, first out, in one piece of memory that exists only while there are
 * any. Embedded in its owner, who bounds it; zeroed is empty. */

#pragma once

#include <stddef.h>

#include "base/scratch.h"

typedef struct {
    HfScratch buffer;
    size_t head;
    size_t length;
} HfByteFifo;

void hf_byte_fifo_append(HfByteFifo *self, const void *bytes, size_t length);

/* The oldest of the `length` bytes, all in a row; valid until the next append or drop. */
const char *hf_byte_fifo_peek(const HfByteFifo *self);

/* Forgets the oldest @length bytes, and gives the memory back with the last one. */
void hf_byte_fifo_drop(HfByteFifo *self, size_t length);

void hf_byte_fifo_clear(HfByteFifo *self);
