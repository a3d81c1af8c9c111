/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The three pipes an engine hands to its monitor in the environment: the start pipe, on which it
 * releases the monitor, and the sync and attach pipes, on which it is told how things went. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "base/saved-state.h"
#include "protocol/sync-message.h"

typedef enum {
    HF_PARENT_START,
    HF_PARENT_SYNC,
    HF_PARENT_ATTACH,
} HfParentPipe;

#define HF_PARENT_PIPE_COUNT 3

typedef struct HfParentPipes HfParentPipes;

/* Takes the descriptors that _OCI_STARTPIPE, _OCI_SYNCPIPE and _OCI_ATTACHPIPE name, and makes them
 * close-on-exec. HF_ERROR_INVALID_ARGUMENT names a variable that is not an open descriptor. */
HfParentPipes *hf_parent_pipes_new(GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_parent_pipes_free(HfParentPipes *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfParentPipes, hf_parent_pipes_free)

/* The descriptor, borrowed, or -1. */
int hf_parent_pipes_get_fd(const HfParentPipes *self, HfParentPipe pipe);

/* Blocks until the engine writes to the start pipe or closes it, or @signal_fd is readable, which
 * is HF_ERROR_FAILED. One read takes all of what is there: engines write a byte, scripts a line. */
gboolean hf_parent_pipes_wait_start(HfParentPipes *self, int signal_fd,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the readable start pipe holds is taken; its end of file means "go" as well. */
gboolean hf_parent_pipes_take_start(HfParentPipes *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One line in one write. An engine that has gone away or does not read is no error: nobody is
 * waiting for what is told, and the pipe is closed. */
void hf_parent_pipes_tell(HfParentPipes *self, HfParentPipe pipe, HfSyncKey key, int value,
                          const char *text, size_t text_length);

void hf_parent_pipes_close(HfParentPipes *self, HfParentPipe pipe);

/* For another program that goes on with them. */
void hf_parent_pipes_save(const HfParentPipes *self, HfStateWriter *writer);
HfParentPipes *hf_parent_pipes_new_saved(HfStateReader *reader);
