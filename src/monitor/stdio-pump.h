/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads what the container writes, as fast as it comes, and hands it on.
 *
 * A stream that fills its pipe gets a larger pipe and larger reads, and both are given back when it
 * is quiet. A terminal is a single stream, stdout. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"
#include "monitor/crash-journal.h"
#include "protocol/stream.h"

typedef struct HfStdioPump HfStdioPump;

/* None may free the pump. */
typedef struct {
    /* One read. @bytes are valid during the call. */
    void (*on_output)(HfStream stream, const char *bytes, size_t length, gpointer user_data);
    /* A line without its newline was the last that came, and nothing has followed it. */
    void (*on_pause)(gpointer user_data);
    /* After much output there is none: large buffers can be given back. */
    void (*on_quiet)(gpointer user_data);
    /* After drain(): every stream has ended or is drained. Once. */
    void (*on_closed)(gpointer user_data);
} HfStdioHandlers;

HfStdioPump *hf_stdio_pump_new(GMainContext *context, const HfStdioHandlers *handlers,
                               gpointer user_data);
void hf_stdio_pump_free(HfStdioPump *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfStdioPump, hf_stdio_pump_free)

/* @fd: the read end of a pipe, or the main side of a pty; non-blocking, owned from here on. */
void hf_stdio_pump_take_stream(HfStdioPump *self, HfStream stream, int fd, bool is_terminal);

/* Reads go there from now on; @journal (borrowed; NULL: none) outlives the pump. */
void hf_stdio_pump_set_journal(HfStdioPump *self, HfCrashJournal *journal);

/* While paused nothing is read, and the container waits when its pipe is full. */
void hf_stdio_pump_set_paused(HfStdioPump *self, bool is_paused);

/* Somebody has an eye on what comes: no read is so long that it outruns a queue of his, and a
 * stream is read when something came and not a moment later (read-pace.h). */
void hf_stdio_pump_set_followed(HfStdioPump *self, bool is_followed);

/* The container's process has ended: read what it left and no more, then on_closed, from the main
 * loop. Who still holds a stream open, a grandchild, may go on writing; that is not waited for. */
void hf_stdio_pump_drain(HfStdioPump *self);

/* What drain() has left is read now, also while paused. At most what the pipes hold. Not from
 * within on_output. */
void hf_stdio_pump_drain_now(HfStdioPump *self);

/* Stops at once, whatever is left, and gives all memory back. on_closed does not come. Not from
 * within on_output. */
void hf_stdio_pump_close(HfStdioPump *self);

/* For a new pump in another program that goes on with the streams. Not while draining. */
void hf_stdio_pump_save(const HfStdioPump *self, HfStateWriter *writer);
void hf_stdio_pump_restore(HfStdioPump *self, HfStateReader *reader);
