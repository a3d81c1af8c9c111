/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "monitor/error-text.h"

/* The first HALF bytes are kept as they come. What follows goes to a second buffer, from which the
 * oldest are dropped whenever it holds twice HALF, so that a byte is moved at most twice. */

#define HALF 4096

struct HfErrorText {
    GString *head;
    GString *tail;
    gboolean has_gap;
};

HfErrorText *
hf_error_text_new(void)
{
    HfErrorText *self = g_new0(HfErrorText, 1);

    self->head = g_string_new(NULL);
    self->tail = g_string_new(NULL);
    return self;
}

void
hf_error_text_free(HfErrorText *self)
{
    if (self == NULL)
        return;
    g_string_free(self->head, TRUE);
    g_string_free(self->tail, TRUE);
    g_free(self);
}

static void
cut_tail(HfErrorText *self)
{
    if (self->tail->len <= HALF)
        return;
    g_string_erase(self->tail, 0, (gssize)(self->tail->len - HALF));
    self->has_gap = TRUE;
}

void
hf_error_text_push(HfErrorText *self, const char *bytes, size_t length)
{
    size_t to_head = MIN(length, HALF - self->head->len);

    g_string_append_len(self->head, bytes, (gssize)to_head);
    bytes += to_head;
    length -= to_head;
    if (length > HALF) {
        bytes += length - HALF;
        length = HALF;
        self->has_gap = TRUE;
        g_string_truncate(self->tail, 0);
    }
    g_string_append_len(self->tail, bytes, (gssize)length);
    if (self->tail->len >= (gsize)2 * HALF)
        cut_tail(self);
}

char *
hf_error_text_get(const HfErrorText *self, size_t *out_length)
{
    GString *text = g_string_new_len(self->head->str, (gssize)self->head->len);
    gsize skip = self->tail->len > HALF ? self->tail->len - HALF : 0;

    if (self->has_gap || skip > 0)
        g_string_append(text, " ... ");
    g_string_append_len(text, self->tail->str + skip, (gssize)(self->tail->len - skip));
    *out_length = text->len;
    return g_string_free(text, FALSE);
}
