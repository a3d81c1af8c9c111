/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Cuts a byte stream into lines of at most N bytes. Knows nothing about time, formats or files. A
 * piece is partial when it ended because of the limit or a flush and not with a newline. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfLineSplitter HfLineSplitter;

/* Bytes are valid only during the call. */
typedef struct {
    /* A piece without its newline. */
    void (*on_line)(const char *bytes, size_t length, bool is_partial, gpointer user_data);
    /* Complete lines that lie one behind the other, each followed by its newline, which its length
     * does not count. At least one. */
    void (*on_lines)(const char *bytes, const size_t *lengths, guint count, gpointer user_data);
} HfLineHandlers;

/* @max_line is at least 1; @handlers must outlive the splitter. */
HfLineSplitter *hf_line_splitter_new(size_t max_line, const HfLineHandlers *handlers,
                                     gpointer user_data);
void hf_line_splitter_free(HfLineSplitter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLineSplitter, hf_line_splitter_free)

/* Calls the handlers zero or more times, in the order of the lines. A line that is whole inside
 * @bytes is not copied; what has no newline yet is kept, at most max_line bytes. Not from within a
 * handler. */
void hf_line_splitter_push(HfLineSplitter *self, const char *bytes, size_t length);

/* A push and a flush in one: what has no newline is handed out from @bytes without a copy. */
void hf_line_splitter_push_last(HfLineSplitter *self, const char *bytes, size_t length);

/* Hands out what is kept as a partial piece, and frees the buffer that kept it. */
void hf_line_splitter_flush(HfLineSplitter *self);

/* How many bytes are kept. */
size_t hf_line_splitter_get_pending(const HfLineSplitter *self);

/* Those bytes, borrowed until the next call. */
const char *hf_line_splitter_peek(const HfLineSplitter *self);

/* For a splitter in another program that goes on with what is kept here, and has the same limit. */
void hf_line_splitter_save(const HfLineSplitter *self, HfStateWriter *writer);
void hf_line_splitter_restore(HfLineSplitter *self, HfStateReader *reader);
