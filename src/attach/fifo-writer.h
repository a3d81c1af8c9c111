/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Gives one stream of the container to a FIFO that a client named, or to a file. Never blocks, and
 * never drops while the container lives: its owner stops reading the stream while the writer is
 * congested. How it works: fifo-writer.c. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfFifoWriter HfFifoWriter;

/* None may free the writer. */
typedef struct {
    /* is_congested() changed. From the main loop or from within push(). */
    void (*on_congestion)(gpointer user_data);
    /* It cannot be written to any more; what is pushed from here on is discarded. From the main
     * loop or from within push(). */
    void (*on_failed)(const GError *error, gpointer user_data);
    /* After finish(): all is written, or given up. From the main loop. */
    void (*on_finished)(gpointer user_data);
} HfFifoWriterHandlers;

/* Opens @path, which must be there: a FIFO needs no reader, a file is appended to. */
HfFifoWriter *hf_fifo_writer_new(GMainContext *context, const char *path,
                                 const HfFifoWriterHandlers *handlers, gpointer user_data,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_fifo_writer_free(HfFifoWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfFifoWriter, hf_fifo_writer_free)

/* Writes at once what is taken; the rest waits. Bounded by the caller: he does not push while it is
 * congested. */
void hf_fifo_writer_push(HfFifoWriter *self, const char *bytes, size_t length);

/* Something waits because the FIFO is full. */
bool hf_fifo_writer_is_congested(const HfFifoWriter *self);

/* No more will come: on_finished follows when a client has all of it, or has taken nothing for
 * @stall_ms. */
void hf_fifo_writer_finish(HfFifoWriter *self, guint stall_ms);

/* Bytes that nobody has taken, in here or in a FIFO without a reader. */
size_t hf_fifo_writer_get_pending(const HfFifoWriter *self);

/* For a writer in another program that goes on with the descriptor and what waits for it. Not once
 * finish() was called. */
void hf_fifo_writer_save(const HfFifoWriter *self, HfStateWriter *writer);
/* No handler is called from within. */
HfFifoWriter *hf_fifo_writer_new_saved(GMainContext *context, HfStateReader *reader,
                                       const HfFifoWriterHandlers *handlers, gpointer user_data);
