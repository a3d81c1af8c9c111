/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * Nearly every line lies whole inside the bytes of one push and is handed out from there. Only the
 * end of a push without its newline is copied, into the carry:
 *
 *      push 1             push 2
 *      one\ntwo\nthr      ee\nfour\n
 *               ^^^ carry  ^^ appended to the carry, which is then handed out
 *
 * A carry of exactly max_line bytes waits for the next byte: a newline makes a complete line of it,
 * anything else a partial piece. So a line is cut only if it is longer than the limit. A newline
 * that comes after a cut or a flush ends a piece of its own, which may be empty.
 *
 * Of a carry and the segment after it the first max_line bytes are one piece ("spill"); what is
 * left of the segment then needs no carry. The carry is address space that is given back with the
 * flush, so that it costs nothing while the container is silent.
 *
 * Lines that need neither cut nor carry are found first and handed out by the dozen: what is done
 * for one of a hundred bytes costs more than the copying of it, so it is done once for many. A
 * batch is small enough that the lines are still in the processor's first cache when they are
 * copied. */

#include <string.h>

#include <glib.h>

#include "base/saved-state.h"
#include "base/scratch.h"
#include "logging/line-splitter.h"

#define CARRY_SIZE_MIN 4096
#define BATCH_LINES 128
#define BATCH_BYTES (16 * 1024)

struct HfLineSplitter {
    size_t max_line;
    const HfLineHandlers *handlers; /* borrowed */
    gpointer user_data;
    HfScratch carry;
    size_t carry_length;
    bool is_in_call;
};

HfLineSplitter *
hf_line_splitter_new(size_t max_line, const HfLineHandlers *handlers, gpointer user_data)
{
    HfLineSplitter *self = g_new0(HfLineSplitter, 1);

    self->max_line = MAX(max_line, 1);
    self->handlers = handlers;
    self->user_data = user_data;
    return self;
}

void
hf_line_splitter_free(HfLineSplitter *self)
{
    if (self == NULL)
        return;
    hf_scratch_release(&self->carry);
    g_free(self);
}

size_t
hf_line_splitter_get_pending(const HfLineSplitter *self)
{
    return self->carry_length;
}

const char *
hf_line_splitter_peek(const HfLineSplitter *self)
{
    return self->carry.data;
}

static void
keep(HfLineSplitter *self, const char *bytes, size_t length)
{
    size_t needed = self->carry_length + length;

    if (length == 0)
        return;
    if (needed > self->carry.size)
        hf_scratch_reserve(&self->carry, MAX(CARRY_SIZE_MIN, MIN(2 * needed, self->max_line)));
    memcpy((char *)self->carry.data + self->carry_length, bytes, length);
    self->carry_length = needed;
}

static void
hand_out_carry(HfLineSplitter *self, bool is_partial)
{
    size_t length = self->carry_length;

    self->carry_length = 0;
    self->handlers->on_line(self->carry.data, length, is_partial, self->user_data);
}

/* If the carry and the segment are more than one piece, hands out the first one. Returns how much
 * of the segment went into it. */
static size_t
spill(HfLineSplitter *self, const char *bytes, size_t length)
{
    size_t room = self->max_line - self->carry_length;

    if (self->carry_length == 0 || length <= room)
        return 0;
    keep(self, bytes, room);
    hand_out_carry(self, true);
    return room;
}

/* Hands out partial pieces until what is left is at most one piece. Returns the length of what it
 * handed out. */
static size_t
cut(HfLineSplitter *self, const char *bytes, size_t length)
{
    size_t done = 0;

    while (length - done > self->max_line) {
        self->handlers->on_line(bytes + done, self->max_line, true, self->user_data);
        done += self->max_line;
    }
    return done;
}

static void
end_line(HfLineSplitter *self, const char *bytes, size_t length)
{
    size_t done = spill(self, bytes, length);

    if (self->carry_length > 0) {
        keep(self, bytes, length);
        hand_out_carry(self, false);
        return;
    }
    done += cut(self, bytes + done, length - done);
    self->handlers->on_line(bytes + done, length - done, false, self->user_data);
}

/* Hands out complete lines up to the limit of a batch. Returns the beginning of the rest, and in
 * *@out_newline the end of its first line if that is too long or there is something in the carry;
 * NULL: it has not come, or the batch was full. */
static const char *
push_batch(HfLineSplitter *self, const char *bytes, const char *end, const char **out_newline)
{
    size_t lengths[BATCH_LINES];
    const char *at = bytes;
    guint count = 0;

    *out_newline = NULL;
    while (at < end && count < BATCH_LINES && at - bytes < BATCH_BYTES) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        if (newline == NULL || self->carry_length > 0 || (size_t)(newline - at) > self->max_line) {
            *out_newline = newline;
            break;
        }
        lengths[count++] = (size_t)(newline - at);
        at = newline + 1;
    }
    if (count > 0)
        self->handlers->on_lines(bytes, lengths, count, self->user_data);
    return at;
}

/* Hands out the lines that are complete. Returns the beginning of the rest. */
static const char *
push_lines(HfLineSplitter *self, const char *bytes, const char *end)
{
    const char *before;
    const char *newline;

    do {
        before = bytes;
        bytes = push_batch(self, bytes, end, &newline);
        if (newline != NULL) {
            end_line(self, bytes, (size_t)(newline - bytes));
            bytes = newline + 1;
        }
    } while (bytes > before && bytes < end);
    return bytes;
}

static void
push(HfLineSplitter *self, const char *bytes, size_t length, bool is_last)
{
    const char *end = bytes + length;

    g_assert(!self->is_in_call);
    self->is_in_call = true;
    bytes = push_lines(self, bytes, end);
    bytes += spill(self, bytes, (size_t)(end - bytes));
    if (self->carry_length == 0) {
        bytes += cut(self, bytes, (size_t)(end - bytes));
        if (is_last && bytes < end) {
            self->handlers->on_line(bytes, (size_t)(end - bytes), true, self->user_data);
            bytes = end;
        }
    }
    keep(self, bytes, (size_t)(end - bytes));
    self->is_in_call = false;
}

void
hf_line_splitter_push(HfLineSplitter *self, const char *bytes, size_t length)
{
    if (length > 0)
        push(self, bytes, length, false);
}

void
hf_line_splitter_push_last(HfLineSplitter *self, const char *bytes, size_t length)
{
    if (length > 0)
        push(self, bytes, length, true);
    hf_line_splitter_flush(self);
}

void
hf_line_splitter_flush(HfLineSplitter *self)
{
    g_assert(!self->is_in_call);
    if (self->carry_length > 0) {
        self->is_in_call = true;
        hand_out_carry(self, true);
        self->is_in_call = false;
    }
    hf_scratch_release(&self->carry);
}

void
hf_line_splitter_save(const HfLineSplitter *self, HfStateWriter *writer)
{
    hf_state_put_bytes(writer, "carry", self->carry.data, self->carry_length);
}

void
hf_line_splitter_restore(HfLineSplitter *self, HfStateReader *reader)
{
    size_t length = 0;
    const char *bytes = hf_state_get_bytes(reader, "carry", &length);

    if (length > self->max_line)
        hf_state_reader_fail(reader, "carry", "is longer than a line");
    else
        keep(self, bytes, length);
}
