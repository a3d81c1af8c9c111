/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A large buffer that costs memory only while it is in use: address space that is given back to the
 * kernel when the work is done. Embedded in its owner. */

#pragma once

#include <stddef.h>

#include <glib.h>

typedef struct {
    void *data; /* NULL until first reserved */
    size_t size;
} HfScratch;

/* At least @size bytes, page-aligned, contents kept as far as the old size went. Ends the program
 * if there is no address space left, like g_malloc(). */
void *hf_scratch_reserve(HfScratch *self, size_t size);

/* Gives all of it back. The next reservation starts anew. */
void hf_scratch_release(HfScratch *self);
