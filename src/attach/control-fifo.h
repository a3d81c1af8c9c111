/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A FIFO that lines are read from (`ctl`, `winsz`). A writer is kept open inside, so that its last
 * writer's leaving is no event. */

#pragma once

#include <glib.h>

#include "protocol/control-line.h"

typedef struct HfControlFifo HfControlFifo;

/* Makes @name below @dir_fd, mode 0660, in place of a FIFO that is there (anything else of that
 * name is HF_ERROR_EXISTS). on_line gets each line; NULL stands for one that was too long. */
HfControlFifo *hf_control_fifo_new(GMainContext *context, int dir_fd, const char *name,
                                   HfControlLineFunc on_line, gpointer user_data,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes it; the FIFO stays in the directory, where engines remove it. Not from within on_line. */
void hf_control_fifo_free(HfControlFifo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfControlFifo, hf_control_fifo_free)
