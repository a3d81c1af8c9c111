/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Sends what comes from a descriptor to an attach socket: a bounded queue, detach keys, half-close.
 * How it works: client-input.c. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "attach/detach-keys.h"
#include "attach/shared-fd.h"

typedef struct HfClientInput HfClientInput;

/* From the main loop only. None may free the input. */
typedef struct {
    /* The keys were typed. Nothing is read any more; what came before them may wait. */
    void (*on_detach)(gpointer user_data);
    /* Something that waited was sent. */
    void (*on_progress)(gpointer user_data);
    /* It cannot be read from, or sent to, for a reason other than an end. */
    void (*on_failed)(const GError *error, gpointer user_data);
} HfClientInputHandlers;

/* @socket_fd is borrowed, non-blocking, and outlives the input, as does @source. @keys is copied.
 */
HfClientInput *hf_client_input_new(GMainContext *context, int socket_fd, const HfSharedFd *source,
                                   const HfDetachKeys *keys, const HfClientInputHandlers *handlers,
                                   gpointer user_data);
void hf_client_input_free(HfClientInput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfClientInput, hf_client_input_free)

/* Reads no more; what waits is still sent. */
void hf_client_input_stop_reading(HfClientInput *self);

/* Reads and sends no more. */
void hf_client_input_stop(HfClientInput *self);

/* Nothing waits to be sent. */
bool hf_client_input_is_sent(const HfClientInput *self);
