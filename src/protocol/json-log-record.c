/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: sixteen bytes at a time are looked at in one register and copied whether or not
 * they may be; if one of them may not, the bytes of these sixteen are written again, one by one.
 * The last block reaches back over bytes that are written already: if all of it is plain, so were
 * those, and they are written again as they are. Text that is mostly ASCII is hardly slower than a
 * copy. */

#include <stdbool.h>
#include <string.h>

#include "protocol/json-log-record.h"
#include "protocol/json-string.h"

/* Signed: bytes from 0x80 on are less than 0. */
typedef signed char Block __attribute__((vector_size(16)));

static const char log_key[] = "{\"log\":\"";

/* All are ASCII, no control characters, and none of "\<>&. One bit apart: '"' from '&', and '<'
 * from '>'. */
static bool
are_plain(Block block)
{
    Block changed =
        (block < 0x20) | ((block | 0x04) == 0x26) | ((block | 0x02) == 0x3E) | (block == 0x5C);
    guint64 halves[2];

    memcpy(halves, &changed, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

static char *
put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* An ASCII character. */
static char *
put_ascii(char *at, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    const char pair[] = {'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : (char)c};
    const char unicode[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (c == '"' || c == '\\' || c == '\n' || c == '\r')
        return put(at, pair, sizeof pair);
    if (c < 0x20 || c == '<' || c == '>' || c == '&')
        return put(at, unicode, sizeof unicode);
    *at = (char)c;
    return at + 1;
}

/* U+2028 and U+2029 are ends of lines to JavaScript. */
static bool
is_separator(const char *bytes, size_t length)
{
    return length == 3 && memcmp(bytes, "\xE2\x80", 2) == 0 && ((guchar)bytes[2] & ~1U) == 0xA8;
}

/* A character of which the first byte is not ASCII. Returns how much of @bytes it took. */
static size_t
put_multibyte(char **at, const char *bytes, size_t length)
{
    size_t n = hf_json_string_measure_multibyte(bytes, length);

    if (n == 0)
        *at = put(*at, "\\ufffd", 6);
    else if (is_separator(bytes, n))
        *at = put(*at, bytes[2] == '\xA8' ? "\\u2028" : "\\u2029", 6);
    else
        *at = put(*at, bytes, n);
    return MAX(n, 1);
}

/* Copies the sixteen bytes at @bytes if they are plain. */
static inline bool
put_block(char *at, const char *bytes)
{
    Block block;

    memcpy(&block, bytes, sizeof block);
    if (!are_plain(block))
        return false;
    memcpy(at, &block, sizeof block);
    return true;
}

size_t
hf_json_log_record_escape(char *buffer, const char *bytes, size_t length)
{
    char *at = buffer;

    for (size_t i = 0; i < length;) {
        size_t slow_end = MIN(i + sizeof(Block), length);
        size_t back = sizeof(Block) - (slow_end - i);

        if (back <= i && put_block(at - back, bytes + i - back)) {
            at += slow_end - i;
            i = slow_end;
            continue;
        }
        while (i < slow_end) {
            if ((guchar)bytes[i] < 0x80)
                at = put_ascii(at, (guchar)bytes[i++]);
            else
                i += put_multibyte(&at, bytes + i, length - i);
        }
    }
    return (size_t)(at - buffer);
}

static void
append_string(GString *json, const char *text, size_t length)
{
    g_autofree char *escaped = g_malloc(HF_JSON_LOG_ESCAPED_MAX(length));

    g_string_append_c(json, '"');
    g_string_append_len(json, escaped, (gssize)hf_json_log_record_escape(escaped, text, length));
    g_string_append_c(json, '"');
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *
hf_json_log_record_make_attrs(const char *tag, const char *const *labels)
{
    g_autoptr(GHashTable) attrs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree const char **names = NULL;
    GString *json;
    guint count = 0;

    for (; labels != NULL && *labels != NULL; labels++) {
        const char *equals = strchr(*labels, '=');

        if (equals != NULL)
            g_hash_table_insert(attrs, g_strndup(*labels, (gsize)(equals - *labels)),
                                (gpointer)(equals + 1));
    }
    if (tag != NULL)
        g_hash_table_insert(attrs, g_strdup("tag"), (gpointer)tag);
    names = (const char **)g_hash_table_get_keys_as_array(attrs, &count);
    if (count == 0)
        return NULL;
    qsort(names, count, sizeof names[0], compare_names);
    json = g_string_new("{");
    for (guint i = 0; i < count; i++) {
        const char *value = g_hash_table_lookup(attrs, names[i]);

        g_string_append(json, i > 0 ? "," : "");
        append_string(json, names[i], strlen(names[i]));
        g_string_append_c(json, ':');
        append_string(json, value, strlen(value));
    }
    g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}

/* The length of the escape at @at, and *@out_length of what it stands for. */
static size_t
measure_escape(const char *at, size_t *out_length)
{
    bool is_unicode = at[1] == 'u';

    *out_length = is_unicode && memcmp(at + 2, "202", 3) == 0 ? 3 : 1;
    return is_unicode ? 6 : 2;
}

size_t
hf_json_log_record_measure_message(const char *line, size_t length)
{
    const char *at = line + strlen(log_key);
    const char *end = line + length;
    size_t message = 0;
    bool ends_line = false;

    while (at < end && *at != '"') {
        size_t n = 1;

        ends_line = at[0] == '\\' && at[1] == 'n';
        at += *at == '\\' ? measure_escape(at, &n) : 1;
        message += n;
    }
    return message - (ends_line ? 1 : 0);
}
