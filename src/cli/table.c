/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "cli/table.h"
#include "cli/text.h"

#define COLUMN_GAP 3

struct HfTable {
    guint column_count;
    GPtrArray *cells; /* of char *, row by row; the headings first */
    glong *widths;    /* in characters, by column */
};

static void
add_cell(HfTable *self, const char *text)
{
    guint column = self->cells->len % self->column_count;
    char *cell = hf_text_escape(text, strlen(text));

    g_strdelimit(cell, "\n\t", ' ');
    self->widths[column] = MAX(self->widths[column], g_utf8_strlen(cell, -1));
    g_ptr_array_add(self->cells, cell);
}

HfTable *
hf_table_new(const char *const *headings)
{
    HfTable *self = g_new0(HfTable, 1);

    self->column_count = g_strv_length((char **)headings);
    self->cells = g_ptr_array_new_with_free_func(g_free);
    self->widths = g_new0(glong, self->column_count);
    for (guint i = 0; i < self->column_count; i++)
        add_cell(self, headings[i]);
    return self;
}

void
hf_table_free(HfTable *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->cells);
    g_free(self->widths);
    g_free(self);
}

void
hf_table_take_row(HfTable *self, char **cells)
{
    for (guint i = 0; i < self->column_count; i++)
        add_cell(self, cells[i]);
    g_strfreev(cells);
}

static void
trim_blanks(GString *text)
{
    while (text->len > 0 && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
}

char *
hf_table_to_string(const HfTable *self)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < self->cells->len; i++) {
        guint column = i % self->column_count;
        const char *cell = g_ptr_array_index(self->cells, i);
        glong padding = self->widths[column] + COLUMN_GAP - g_utf8_strlen(cell, -1);

        g_string_append(text, cell);
        if (column + 1 < self->column_count) {
            g_string_append_printf(text, "%*s", (int)padding, "");
            continue;
        }
        trim_blanks(text);
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}
