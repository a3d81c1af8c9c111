/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/table.h"
#include "test-kit.h"

static const char *const headings[] = {"ID", "STATE", NULL};

static void
add_row(HfTable *table, const char *first, const char *second)
{
    char **cells = g_new0(char *, 3);

    cells[0] = g_strdup(first);
    cells[1] = g_strdup(second);
    hf_table_take_row(table, cells);
}

static void
test_table_without_rows_has_headings(void)
{
    g_autoptr(HfTable) table = hf_table_new(headings);

    g_autofree char *text = hf_table_to_string(table);

    g_assert_cmpstr(text, ==, "ID   STATE\n");
}

static void
test_columns_are_as_wide_as_their_widest_cell(void)
{
    g_autoptr(HfTable) table = hf_table_new(headings);

    add_row(table, "long-name", "running");
    add_row(table, "b", "");
    g_autofree char *text = hf_table_to_string(table);

    g_assert_cmpstr(text, ==,
                    "ID          STATE\n"
                    "long-name   running\n"
                    "b\n");
}

static void
test_width_is_in_characters(void)
{
    g_autoptr(HfTable) table = hf_table_new(headings);

    add_row(table, "\xc3\xa4\xc3\xb6\xc3\xbc", "x");
    g_autofree char *text = hf_table_to_string(table);

    g_assert_cmpstr(text, ==,
                    "ID    STATE\n"
                    "\xc3\xa4\xc3\xb6\xc3\xbc   x\n");
}

static void
test_a_cell_stays_on_its_line(void)
{
    g_autoptr(HfTable) table = hf_table_new(headings);

    add_row(table, "a\nb\tc", "\033[31m");
    g_autofree char *text = hf_table_to_string(table);

    g_assert_cmpstr(text, ==,
                    "ID      STATE\n"
                    "a b c   \\x1b[31m\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/cli/table/table-without-rows-has-headings", test_table_without_rows_has_headings);
    hf_test_add("/cli/table/columns-are-as-wide-as-their-widest-cell",
                test_columns_are_as_wide_as_their_widest_cell);
    hf_test_add("/cli/table/width-is-in-characters", test_width_is_in_characters);
    hf_test_add("/cli/table/a-cell-stays-on-its-line", test_a_cell_stays_on_its_line);
    return g_test_run();
}
