/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Packets that wait for one peer: an ordered queue over a non-blocking SEQPACKET socket. It never
 * decides what to do when it is full; its owner does, and bounds it. How it works: output-queue.c.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfOutputQueue HfOutputQueue;

/* Both are called from the main loop or from within hf_output_queue_flush(), and must not free the
 * queue. */
typedef struct {
    /* Something that waited was sent. */
    void (*on_progress)(gpointer user_data);
    /* The peer cannot be written to any more; nothing is sent from here on, and nothing waits. */
    void (*on_failed)(const GError *error, gpointer user_data);
} HfOutputQueueHandlers;

/* @fd is borrowed, non-blocking, and outlives the queue. */
HfOutputQueue *hf_output_queue_new(GMainContext *context, int fd,
                                   const HfOutputQueueHandlers *handlers, gpointer user_data);
void hf_output_queue_free(HfOutputQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfOutputQueue, hf_output_queue_free)

/* Sends the packet of @header_length + @length bytes at once if nothing waits and the peer takes
 * it, else queues it. A failure is told through on_failed from the main loop, never from within. */
void hf_output_queue_push(HfOutputQueue *self, const void *header, size_t header_length,
                          const void *bytes, size_t length);

/* Tries to send what waits without waiting for the socket to say that it can: the kernel says so
 * only once three quarters of its buffer are free. */
void hf_output_queue_flush(HfOutputQueue *self);

/* Bytes that wait, headers included. */
size_t hf_output_queue_get_pending(const HfOutputQueue *self);

/* For a queue in another program, which is empty before, over the same socket. */
void hf_output_queue_save(const HfOutputQueue *self, HfStateWriter *writer);
void hf_output_queue_restore(HfOutputQueue *self, HfStateReader *reader);
