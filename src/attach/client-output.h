/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Writes one stream of a container to a descriptor that may be slow: a bounded queue. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "protocol/stream.h"

typedef struct HfClientOutput HfClientOutput;

/* From the main loop only. Neither may free the output. */
typedef struct {
    /* Something that waited was written. */
    void (*on_progress)(gpointer user_data);
    /* The descriptor cannot be written to any more. */
    void (*on_failed)(const GError *error, gpointer user_data);
} HfClientOutputHandlers;

/* @fd is borrowed for this call only; -1: what is pushed is discarded. */
HfClientOutput *hf_client_output_new(GMainContext *context, HfStream stream, int fd,
                                     const HfClientOutputHandlers *handlers, gpointer user_data,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_client_output_free(HfClientOutput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfClientOutput, hf_client_output_free)

/* Writes at once what it can, and queues the rest, also while full. */
gboolean hf_client_output_push(HfClientOutput *self, const void *bytes, size_t length,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Nobody pushes until what waits is written, as far as a bound is wanted. */
bool hf_client_output_is_full(const HfClientOutput *self);
bool hf_client_output_is_empty(const HfClientOutput *self);
