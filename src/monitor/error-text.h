/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a program printed while it failed: the beginning and the end of it, in bounded memory. */

#pragma once

#include <stddef.h>

#include <glib.h>

typedef struct HfErrorText HfErrorText;

HfErrorText *hf_error_text_new(void);
void hf_error_text_free(HfErrorText *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfErrorText, hf_error_text_free)

void hf_error_text_push(HfErrorText *self, const char *bytes, size_t length);

/* All of it, or the beginning and the end with " ... " between them. May hold any bytes.
 * (transfer full) */
char *hf_error_text_get(const HfErrorText *self, size_t *out_length);
