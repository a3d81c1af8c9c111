/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-text.h"

bool
hf_cgroup_text_cut(HfCgroupText *rest, char separator, HfCgroupText *out_head)
{
    const char *at = rest->length == 0 ? NULL : memchr(rest->at, separator, rest->length);

    if (at == NULL)
        return false;
    out_head->at = rest->at;
    out_head->length = (size_t)(at - rest->at);
    rest->length -= out_head->length + 1;
    rest->at = at + 1;
    return true;
}

bool
hf_cgroup_text_next_line(HfCgroupText *rest, HfCgroupText *out_line)
{
    if (rest->length == 0)
        return false;
    if (hf_cgroup_text_cut(rest, '\n', out_line))
        return true;
    *out_line = *rest;
    rest->at += rest->length;
    rest->length = 0;
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

bool
hf_cgroup_text_next_word(HfCgroupText *rest, HfCgroupText *out_word)
{
    size_t length = 0;

    while (rest->length > 0 && is_blank(*rest->at)) {
        rest->at++;
        rest->length--;
    }
    while (length < rest->length && !is_blank(rest->at[length]))
        length++;
    if (length == 0)
        return false;
    out_word->at = rest->at;
    out_word->length = length;
    rest->at += length;
    rest->length -= length;
    return true;
}

bool
hf_cgroup_text_is(HfCgroupText text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.at, word, text.length) == 0;
}

static bool
parse_digits(HfCgroupText text, guint64 *out_value, bool *out_is_too_large)
{
    guint64 value = 0;

    *out_is_too_large = false;
    for (size_t i = 0; i < text.length; i++) {
        if (!g_ascii_isdigit(text.at[i]))
            return false;
        if (!g_uint64_checked_mul(&value, value, 10) ||
            !g_uint64_checked_add(&value, value, (guint64)(text.at[i] - '0'))) {
            *out_is_too_large = true;
            value = 0;
        }
    }
    *out_value = value;
    return text.length > 0;
}

static bool
drop_minus(HfCgroupText *text)
{
    if (text->length == 0 || *text->at != '-')
        return false;
    text->at++;
    text->length--;
    return true;
}

bool
hf_cgroup_text_to_number(HfCgroupText text, guint64 *out_value)
{
    bool is_negative = drop_minus(&text);
    bool is_too_large = false;
    guint64 value = 0;

    if (!parse_digits(text, &value, &is_too_large) || (is_too_large && !is_negative))
        return false;
    *out_value = is_negative ? 0 : value;
    return true;
}

bool
hf_cgroup_text_to_signed(HfCgroupText text, gint64 *out_value)
{
    bool is_negative = drop_minus(&text);
    bool is_too_large = false;
    guint64 value = 0;

    if (!parse_digits(text, &value, &is_too_large) || is_too_large || value > G_MAXINT64)
        return false;
    *out_value = is_negative ? -(gint64)value : (gint64)value;
    return true;
}

gboolean
hf_cgroup_text_throw_line(GError **error, guint number, const char *what)
{
    return hf_throw(error, HF_ERROR_PROTOCOL, "line %u is no %s", number, what);
}
