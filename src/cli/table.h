/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Rows of text in aligned columns. */

#pragma once

#include <glib.h>

typedef struct HfTable HfTable;

/* @headings: ends with NULL. */
HfTable *hf_table_new(const char *const *headings);
void hf_table_free(HfTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfTable, hf_table_free)

/* Takes the texts, one for each heading; control characters in them are escaped. */
void hf_table_take_row(HfTable *self, char **cells);

/* Three blanks between columns, none at a line's end. (transfer full) */
char *hf_table_to_string(const HfTable *self);
