/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Cuts a byte stream into lines of at most N bytes. Knows nothing about time, formats or files. A
 * piece is partial when it ended because of the limit or a flush and not with a newline. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct HfLineSplitter HfLineSplitter;

/* The newline is not part of @bytes, which are valid only during the call. */
typedef void (*HfLineFunc)(const char *bytes, size_t length, bool is_partial, gpointer user_data);

/* @max_line is at least 1. */
HfLineSplitter *hf_line_splitter_new(size_t max_line, HfLineFunc on_line, gpointer user_data);
void hf_line_splitter_free(HfLineSplitter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLineSplitter, hf_line_splitter_free)

/* Calls on_line zero or more times. A line that is whole inside @bytes is not copied; what has no
 * newline yet is kept, at most max_line bytes. Not from within on_line. */
void hf_line_splitter_push(HfLineSplitter *self, const char *bytes, size_t length);

/* A push and a flush in one: what has no newline is handed out from @bytes without a copy. */
void hf_line_splitter_push_last(HfLineSplitter *self, const char *bytes, size_t length);

/* Hands out what is kept as a partial piece, and frees the buffer that kept it. */
void hf_line_splitter_flush(HfLineSplitter *self);

/* How many bytes are kept. */
size_t hf_line_splitter_get_pending(const HfLineSplitter *self);
