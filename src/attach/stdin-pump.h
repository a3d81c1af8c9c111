/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Moves what clients type to the container's stdin or terminal, which may be slow or not there yet.
 * A bounded buffer; nothing is lost and nothing blocks: its owner stops reading from clients while
 * it is full. How it works: stdin-pump.c. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfStdinPump HfStdinPump;

/* Neither may free the pump. */
typedef struct {
    /* is_full() changed. From the main loop or from within any call below. */
    void (*on_pressure)(gpointer user_data);
    /* The container does not read any more; what is pushed from here on is discarded. From the main
     * loop only. */
    void (*on_broken)(const GError *error, gpointer user_data);
} HfStdinHandlers;

/* Full from @limit_bytes on; a push while not full is always taken whole. */
HfStdinPump *hf_stdin_pump_new(GMainContext *context, size_t limit_bytes,
                               const HfStdinHandlers *handlers, gpointer user_data);
void hf_stdin_pump_free(HfStdinPump *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfStdinPump, hf_stdin_pump_free)

/* The pipe or pty to write to, owned from here on; what was pushed before goes out first. */
void hf_stdin_pump_take_fd(HfStdinPump *self, int fd);

void hf_stdin_pump_push(HfStdinPump *self, const char *bytes, size_t length);

/* Closes the descriptor once all that was pushed is written, also when it is not there yet. What is
 * pushed from here on is discarded. */
void hf_stdin_pump_close(HfStdinPump *self);

bool hf_stdin_pump_is_full(const HfStdinPump *self);

/* For a pump in another program that goes on with the descriptor and what waits for it. */
void hf_stdin_pump_save(const HfStdinPump *self, HfStateWriter *writer);
/* For a new pump. No handler is called from within. */
void hf_stdin_pump_restore(HfStdinPump *self, HfStateReader *reader);
