/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads what clients write to a FIFO that is a container's stdin. Opening it never waits for a
 * client. How it works: fifo-reader.c. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfFifoReader HfFifoReader;

/* Both come from the main loop and must not free the reader. */
typedef struct {
    /* One read. @bytes are valid during the call. */
    void (*on_bytes)(const char *bytes, size_t length, gpointer user_data);
    /* The last client has gone, the file has ended, or finish() has read all there was. Once. */
    void (*on_end)(gpointer user_data);
} HfFifoReaderHandlers;

/* Opens @path, which must be there: a FIFO needs no writer, and one that nobody has opened yet has
 * not ended. @stays_open: the last client's leaving is no end, and others may follow. */
HfFifoReader *hf_fifo_reader_new(GMainContext *context, const char *path, bool stays_open,
                                 const HfFifoReaderHandlers *handlers, gpointer user_data,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_fifo_reader_free(HfFifoReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfFifoReader, hf_fifo_reader_free)

/* While paused nothing is read, and clients wait when the FIFO is full. */
void hf_fifo_reader_set_paused(HfFifoReader *self, bool is_paused);

/* What is in the FIFO is read, and then on_end comes, whoever has it open. */
void hf_fifo_reader_finish(HfFifoReader *self);

/* For a reader in another program that goes on with the descriptor. */
void hf_fifo_reader_save(const HfFifoReader *self, HfStateWriter *writer);
HfFifoReader *hf_fifo_reader_new_saved(GMainContext *context, HfStateReader *reader,
                                       const HfFifoReaderHandlers *handlers, gpointer user_data);
