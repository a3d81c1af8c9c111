/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A FIFO that lines are read from (`ctl`, `winsz`, `control`). A writer is kept open inside, so
 * that its last writer's leaving is no event. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"
#include "protocol/control-line.h"

typedef struct HfControlFifo HfControlFifo;

/* Makes @name below @dir_fd, mode 0660, in place of a FIFO that is there (anything else of that
 * name is HF_ERROR_EXISTS). on_line gets each line; NULL stands for one that was too long. */
HfControlFifo *hf_control_fifo_new(GMainContext *context, int dir_fd, const char *name,
                                   HfControlLineFunc on_line, gpointer user_data,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same, but a FIFO that is there stays: its writers may have it open already, and what they
 * wrote is read. Nobody else may read it. */
HfControlFifo *hf_control_fifo_new_shared(GMainContext *context, int dir_fd, const char *name,
                                          HfControlLineFunc on_line, gpointer user_data,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes FIFO @name below @dir_fd if there is none, mode 0660, and opens it for reading and writing,
 * non-blocking. Returns the descriptor, or -1: HF_ERROR_EXISTS if the name is another thing's. */
int hf_control_fifo_open(int dir_fd, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes it; the FIFO stays in the directory, where engines remove it. Not from within on_line. */
void hf_control_fifo_free(HfControlFifo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfControlFifo, hf_control_fifo_free)

/* Hands the lines that wait on before it does the same. */
void hf_control_fifo_end(HfControlFifo *self);

/* For a FIFO in another program that goes on with the descriptor and the line that has begun. Not
 * from within on_line. */
void hf_control_fifo_save(const HfControlFifo *self, HfStateWriter *writer);
HfControlFifo *hf_control_fifo_new_saved(GMainContext *context, HfStateReader *reader,
                                         HfControlLineFunc on_line, gpointer user_data);
