/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-parse.h"
#include "cgroup/cgroup-text.h"

/* No machine has more cpus or memory nodes; a list that goes on and on must end somewhere. */
#define RANGES_MAX 65536

/* The one word that @text has. */
static bool
find_only_word(const char *text, size_t length, HfCgroupText *out_word)
{
    HfCgroupText rest = {text, length};
    HfCgroupText more;

    return hf_cgroup_text_next_word(&rest, out_word) && !hf_cgroup_text_next_word(&rest, &more);
}

gboolean
hf_cgroup_parse_number(const char *text, size_t length, gpointer out, GError **error)
{
    guint64 *out_value = out;
    HfCgroupText word;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!find_only_word(text, length, &word))
        return hf_throw(error, HF_ERROR_PROTOCOL, "it does not hold one number");
    if (hf_cgroup_text_is(word, "max")) {
        *out_value = G_MAXUINT64;
        return TRUE;
    }
    if (!hf_cgroup_text_to_number(word, out_value))
        return hf_throw(error, HF_ERROR_PROTOCOL, "it does not hold a number");
    return TRUE;
}

gboolean
hf_cgroup_parse_signed(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupText word;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!find_only_word(text, length, &word) || !hf_cgroup_text_to_signed(word, out))
        return hf_throw(error, HF_ERROR_PROTOCOL, "it does not hold one number");
    return TRUE;
}

gboolean
hf_cgroup_parse_numbers(const char *text, size_t length, gpointer out, GError **error)
{
    GArray *numbers = out;
    HfCgroupText rest = {text, length};
    HfCgroupText word;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    while (hf_cgroup_text_next_word(&rest, &word)) {
        guint64 value = 0;

        if (!hf_cgroup_text_to_number(word, &value))
            return hf_throw(error, HF_ERROR_PROTOCOL, "word %u is no number", numbers->len + 1);
        g_array_append_val(numbers, value);
    }
    return TRUE;
}

/* "N" or "N-M". */
static gboolean
append_range(GArray *numbers, HfCgroupText range, GError **error)
{
    HfCgroupText head;
    gint64 first = 0;
    gint64 last = 0;
    bool is_pair = hf_cgroup_text_cut(&range, '-', &head);

    if (!hf_cgroup_text_to_signed(is_pair ? head : range, &first) ||
        !hf_cgroup_text_to_signed(range, &last) || first > last || last >= RANGES_MAX)
        return hf_throw(error, HF_ERROR_PROTOCOL, "it holds no list of numbers like 0-3,7");
    if (last - first >= RANGES_MAX - numbers->len)
        return hf_throw(error, HF_ERROR_PROTOCOL, "its list has more than %d numbers", RANGES_MAX);
    for (; first <= last; first++) {
        guint16 value = (guint16)first;

        g_array_append_val(numbers, value);
    }
    return TRUE;
}

gboolean
hf_cgroup_parse_ranges(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupText rest;
    HfCgroupText range;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    /* No word at all is an empty list. */
    if (!find_only_word(text, length, &rest)) {
        rest = (HfCgroupText){text, length};
        if (hf_cgroup_text_next_word(&rest, &range))
            return hf_throw(error, HF_ERROR_PROTOCOL, "it holds more than one list");
        return TRUE;
    }
    while (hf_cgroup_text_cut(&rest, ',', &range))
        if (!append_range(out, range, error))
            return FALSE;
    return append_range(out, rest, error);
}

static void
pair_clear(gpointer pair)
{
    g_free(((HfCgroupPair *)pair)->key);
}

GArray *
hf_cgroup_pairs_new(void)
{
    GArray *pairs = g_array_new(FALSE, FALSE, sizeof(HfCgroupPair));

    g_array_set_clear_func(pairs, pair_clear);
    return pairs;
}

guint64
hf_cgroup_pairs_get(const GArray *pairs, const char *key, bool *out_has)
{
    for (guint i = 0; i < pairs->len; i++) {
        const HfCgroupPair *pair = &g_array_index(pairs, HfCgroupPair, i);

        if (strcmp(pair->key, key) != 0)
            continue;
        if (out_has != NULL)
            *out_has = true;
        return pair->value;
    }
    if (out_has != NULL)
        *out_has = false;
    return 0;
}

gboolean
hf_cgroup_parse_pairs(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupText rest = {text, length};
    HfCgroupText line;
    guint number = 0;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    while (hf_cgroup_text_next_line(&rest, &line)) {
        HfCgroupText key;
        HfCgroupPair pair;

        number++;
        if (line.length == 0)
            continue;
        /* The rest of the line is the number, so that a second blank is an error. */
        if (!hf_cgroup_text_cut(&line, ' ', &key) || key.length == 0 ||
            !hf_cgroup_text_to_number(line, &pair.value))
            return hf_cgroup_text_throw_line(error, number, "key and number");
        pair.key = g_strndup(key.at, key.length);
        g_array_append_val((GArray *)out, pair);
    }
    return TRUE;
}

gboolean
hf_cgroup_parse_usage_all(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupCpuModes *modes = out;
    HfCgroupText rest = {text, length};
    HfCgroupText line;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    (void)hf_cgroup_text_next_line(&rest, &line);
    for (guint number = 2; hf_cgroup_text_next_line(&rest, &line); number++) {
        guint64 values[3];
        HfCgroupText word;

        for (guint i = 0; i < G_N_ELEMENTS(values); i++)
            if (!hf_cgroup_text_next_word(&line, &word) ||
                !hf_cgroup_text_to_number(word, &values[i]))
                return hf_cgroup_text_throw_line(error, number,
                                                 "cpu with its user and system time");
        if (hf_cgroup_text_next_word(&line, &word))
            return hf_cgroup_text_throw_line(error, number, "cpu with its user and system time");
        g_array_append_val(modes->user_ns, values[1]);
        g_array_append_val(modes->kernel_ns, values[2]);
    }
    return TRUE;
}
