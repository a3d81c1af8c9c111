/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "cli/short-options.h"

static gboolean
takes_value(const GOptionEntry *entry)
{
    return entry->arg != G_OPTION_ARG_NONE;
}

static const GOptionEntry *
find_short(const GOptionEntry *entries, char letter)
{
    for (; entries != NULL && entries->long_name != NULL; entries++) {
        if (entries->short_name == letter)
            return entries;
    }
    return NULL;
}

static const GOptionEntry *
find_long(const GOptionEntry *entries, const char *name)
{
    for (; entries != NULL && entries->long_name != NULL; entries++) {
        if (g_str_equal(entries->long_name, name))
            return entries;
    }
    return NULL;
}

/* Adds a word of short options; TRUE if the next word is the value of the last. */
static gboolean
add_cluster(GStrvBuilder *words, const GOptionEntry *entries, const char *word)
{
    for (gsize i = 1; word[i] != '\0'; i++) {
        const GOptionEntry *entry = find_short(entries, word[i]);
        g_autofree char *letters = NULL;

        if (entry == NULL)
            break;
        if (!takes_value(entry))
            continue;
        letters = g_strndup(word, i + 1);
        g_strv_builder_add(words, letters);
        if (word[i + 1] == '\0')
            return TRUE;
        g_strv_builder_add(words, word + i + (word[i + 1] == '=' ? 2 : 1));
        return FALSE;
    }
    g_strv_builder_add(words, word);
    return FALSE;
}

char **
hf_short_options_split(const GOptionEntry *entries, gboolean is_strict, char *const *argv)
{
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    gboolean is_value = TRUE; /* the program's name is no option either */
    gboolean is_over = FALSE;

    for (; *argv != NULL; argv++) {
        const char *word = *argv;
        gboolean is_option = !is_over && !is_value && word[0] == '-' && word[1] != '\0';

        if (is_option && word[1] != '-') {
            is_value = add_cluster(words, entries, word);
            continue;
        }
        g_strv_builder_add(words, word);
        if (is_option) {
            const GOptionEntry *entry = find_long(entries, word + 2);

            is_over = word[2] == '\0';
            is_value = entry != NULL && takes_value(entry);
            continue;
        }
        is_over = is_over || (is_strict && !is_value);
        is_value = FALSE;
    }
    return g_strv_builder_end(words);
}
