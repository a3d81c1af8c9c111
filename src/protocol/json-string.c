/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: text is cut into runs that go out as they are and single bytes that do not.
 *
 * A run holds whole characters only. Well-formed is what RFC 3629 calls so: no overlong form, no
 * surrogate, nothing above U+10FFFF. Of an ill-formed sequence each byte is replaced on its own, as
 * Go's encoders do, whose programs read what is written here. NUL is an ordinary control
 * character. */

#include <stdbool.h>

#include "protocol/json-string.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static bool
is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static bool
is_between(unsigned char c, unsigned char lowest, unsigned char highest)
{
    return c >= lowest && c <= highest;
}

size_t
hf_json_string_measure_multibyte(const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char lead = p[0];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

    if (!is_between(lead, 0xC2, 0xF4) || length < need || !is_between(p[1], lowest, highest))
        return 0;
    for (size_t i = 2; i < need; i++) {
        if (!is_between(p[i], 0x80, 0xBF))
            return 0;
    }
    return need;
}

/* The length of the character at @p if it goes out as it is, else 0. */
static size_t
unchanged_length(const char *text, size_t length)
{
    return is_plain((unsigned char)text[0]) ? 1 : hf_json_string_measure_multibyte(text, length);
}

/* A NUL is valid JSON, but JSON libraries whose strings end at one refuse it. */
static bool
is_replaced(unsigned char c)
{
    return c == '\0' || c >= 0x80;
}

/* The letter of a two-character escape, NUL if @c has none. */
static char
escape_letter(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

size_t
hf_json_string_measure(const char *text, size_t length, size_t *out_escaped)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t unchanged = unchanged_length(text, length);

    if (unchanged > 0)
        *out_escaped = unchanged;
    else if (is_replaced(p[0]))
        *out_escaped = sizeof REPLACEMENT - 1;
    else
        *out_escaped = escape_letter(p[0]) != '\0' ? sizeof "\\n" - 1 : sizeof "\\u0000" - 1;
    return MAX(unchanged, 1);
}

static void
append_changed(GString *json, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char letter = escape_letter(c);

    if (is_replaced(c)) {
        g_string_append_len(json, REPLACEMENT, sizeof REPLACEMENT - 1);
    } else if (letter != '\0') {
        const char escape[] = {'\\', letter};
        g_string_append_len(json, escape, sizeof escape);
    } else {
        const char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        g_string_append_len(json, escape, sizeof escape);
    }
}

void
hf_json_string_append(GString *json, const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t run = 0;

    for (size_t i = 0; i < length;) {
        size_t unchanged = unchanged_length(text + i, length - i);

        if (unchanged > 0) {
            i += unchanged;
            continue;
        }
        g_string_append_len(json, text + run, (gssize)(i - run));
        append_changed(json, p[i]);
        run = ++i;
    }
    g_string_append_len(json, text + run, (gssize)(length - run));
}
