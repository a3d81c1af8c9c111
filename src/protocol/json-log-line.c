/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a descent through JSON's grammar that keeps only strings, and of those only what
 * it asks for.
 *
 * Each take_ function moves the cursor behind what it took, or says why it could not: TORN at the
 * end of the text, else INVALID. A string is unescaped onto the end of the scratch string; its
 * caller looks at it there and cuts it off again, except for the value of "log", which stays.
 * Nothing is recursive but the values that are skipped, and they only NESTING_MAX deep: the text
 * comes from a file that anybody may have written. */

#include <string.h>

#include "protocol/json-log-line.h"
#include "protocol/time-stamp.h"

#define NESTING_MAX 32
#define REPLACEMENT 0xFFFD

typedef struct {
    const char *at;
    const char *end;
    GString *scratch;
    HfLogLine line;
    size_t log_start; /* in the scratch string */
    bool has_log;
    bool has_stream;
    bool has_time;
} Parser;

static HfParseResult skip_value(Parser *self, guint depth);

static void
skip_blanks(Parser *self)
{
    while (self->at < self->end && strchr(" \t\r\n", *self->at) != NULL && *self->at != '\0')
        self->at++;
}

/* The byte at the cursor. */
static HfParseResult
peek(const Parser *self, char *out_byte)
{
    if (self->at == self->end)
        return HF_PARSE_TORN;
    *out_byte = *self->at;
    return HF_PARSE_OK;
}

static HfParseResult
take_byte(Parser *self, char expected)
{
    char byte = '\0';
    HfParseResult result = peek(self, &byte);

    if (result == HF_PARSE_OK && byte != expected)
        return HF_PARSE_INVALID;
    if (result == HF_PARSE_OK)
        self->at++;
    return result;
}

static HfParseResult
take_hex(Parser *self, guint *out_unit)
{
    guint unit = 0;

    for (guint i = 0; i < 4; i++, self->at++) {
        if (self->at == self->end)
            return HF_PARSE_TORN;
        if (!g_ascii_isxdigit(*self->at))
            return HF_PARSE_INVALID;
        unit = unit * 16 + (guint)g_ascii_xdigit_value(*self->at);
    }
    *out_unit = unit;
    return HF_PARSE_OK;
}

static bool
is_surrogate(guint unit, guint first)
{
    return unit >= first && unit < first + 0x400;
}

/* What follows "\u". A high surrogate takes the low one behind it along; what else is behind it is
 * left for the next turn. */
static HfParseResult
take_unicode(Parser *self)
{
    guint unit = 0;
    guint low = 0;
    HfParseResult result = take_hex(self, &unit);
    const char *behind = self->at;

    if (result != HF_PARSE_OK)
        return result;
    if (is_surrogate(unit, 0xD800) && self->end - behind >= 6 && memcmp(behind, "\\u", 2) == 0) {
        self->at += 2;
        result = take_hex(self, &low);
        if (result != HF_PARSE_OK)
            return result;
    }
    if (is_surrogate(low, 0xDC00)) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else {
        self->at = behind;
        if (unit >= 0xD800 && unit <= 0xDFFF)
            unit = REPLACEMENT;
    }
    g_string_append_unichar(self->scratch, unit);
    return HF_PARSE_OK;
}

/* What follows "\". */
static HfParseResult
take_escape(Parser *self)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter = '\0';
    const char *found;

    if (peek(self, &letter) != HF_PARSE_OK)
        return HF_PARSE_TORN;
    self->at++;
    if (letter == 'u')
        return take_unicode(self);
    found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found == NULL)
        return HF_PARSE_INVALID;
    g_string_append_c(self->scratch, meanings[found - letters]);
    return HF_PARSE_OK;
}

static bool
is_plain(char byte)
{
    return (unsigned char)byte >= 0x20 && byte != '"' && byte != '\\';
}

/* What follows the opening quote, and the closing one. */
static HfParseResult
take_string_rest(Parser *self)
{
    for (;;) {
        const char *run = self->at;
        HfParseResult result;

        while (self->at < self->end && is_plain(*self->at))
            self->at++;
        g_string_append_len(self->scratch, run, self->at - run);
        if (self->at == self->end)
            return HF_PARSE_TORN;
        if (*self->at == '"')
            return take_byte(self, '"');
        result = take_byte(self, '\\');
        if (result == HF_PARSE_OK)
            result = take_escape(self);
        if (result != HF_PARSE_OK)
            return result;
    }
}

/* Appends the string to the scratch string, where it begins at *@out_start. */
static HfParseResult
take_string(Parser *self, size_t *out_start)
{
    HfParseResult result;

    skip_blanks(self);
    result = take_byte(self, '"');
    *out_start = self->scratch->len;
    return result == HF_PARSE_OK ? take_string_rest(self) : result;
}

static HfParseResult
take_word(Parser *self, const char *word)
{
    HfParseResult result = HF_PARSE_OK;

    for (; *word != '\0' && result == HF_PARSE_OK; word++)
        result = take_byte(self, *word);
    return result;
}

/* One digit or more. */
static HfParseResult
take_digits(Parser *self)
{
    const char *start = self->at;

    while (self->at < self->end && g_ascii_isdigit(*self->at))
        self->at++;
    if (self->at > start)
        return HF_PARSE_OK;
    return self->at == self->end ? HF_PARSE_TORN : HF_PARSE_INVALID;
}

static bool
is_next(const Parser *self, char byte)
{
    return self->at < self->end && *self->at == byte;
}

/* "-1.5e+3", but not "01" or "1." */
static HfParseResult
skip_number(Parser *self)
{
    HfParseResult result = HF_PARSE_OK;

    if (is_next(self, '-'))
        self->at++;
    if (is_next(self, '0'))
        self->at++;
    else
        result = take_digits(self);
    if (result == HF_PARSE_OK && is_next(self, '.')) {
        self->at++;
        result = take_digits(self);
    }
    if (result == HF_PARSE_OK && (is_next(self, 'e') || is_next(self, 'E'))) {
        self->at++;
        if (is_next(self, '+') || is_next(self, '-'))
            self->at++;
        result = take_digits(self);
    }
    return result;
}

static HfParseResult
skip_string(Parser *self)
{
    size_t start;
    HfParseResult result = take_string(self, &start);

    g_string_truncate(self->scratch, start);
    return result;
}

/* ',' (more follows) or @closing. */
static HfParseResult
take_separator(Parser *self, char closing, bool *out_is_closed)
{
    char byte = '\0';

    skip_blanks(self);
    if (peek(self, &byte) != HF_PARSE_OK)
        return HF_PARSE_TORN;
    *out_is_closed = byte == closing;
    return take_byte(self, *out_is_closed ? closing : ',');
}

static HfParseResult
skip_member(Parser *self, char closing, guint depth)
{
    HfParseResult result = HF_PARSE_OK;

    if (closing == '}') {
        result = skip_string(self);
        skip_blanks(self);
        if (result == HF_PARSE_OK)
            result = take_byte(self, ':');
    }
    return result == HF_PARSE_OK ? skip_value(self, depth) : result;
}

/* An array or object behind its bracket. */
static HfParseResult
skip_members(Parser *self, char closing, guint depth)
{
    bool is_closed = false;
    HfParseResult result = HF_PARSE_OK;

    skip_blanks(self);
    if (is_next(self, closing))
        return take_byte(self, closing);
    while (result == HF_PARSE_OK && !is_closed) {
        result = skip_member(self, closing, depth);
        if (result == HF_PARSE_OK)
            result = take_separator(self, closing, &is_closed);
    }
    return result;
}

static HfParseResult
skip_value(Parser *self, guint depth)
{
    char byte = '\0';

    skip_blanks(self);
    if (peek(self, &byte) != HF_PARSE_OK)
        return HF_PARSE_TORN;
    switch (byte) {
    case '"':
        return skip_string(self);
    case '{':
    case '[':
        self->at++;
        if (depth == NESTING_MAX)
            return HF_PARSE_INVALID;
        return skip_members(self, byte == '{' ? '}' : ']', depth + 1);
    case 't':
        return take_word(self, "true");
    case 'f':
        return take_word(self, "false");
    case 'n':
        return take_word(self, "null");
    default:
        return skip_number(self);
    }
}

static HfParseResult
take_log(Parser *self)
{
    HfParseResult result = take_string(self, &self->log_start);

    if (result != HF_PARSE_OK || self->has_log)
        return result != HF_PARSE_OK ? result : HF_PARSE_INVALID;
    self->has_log = true;
    self->line.length = self->scratch->len - self->log_start;
    self->line.is_partial =
        self->line.length == 0 || self->scratch->str[self->scratch->len - 1] != '\n';
    self->line.length -= self->line.is_partial ? 0 : 1;
    return HF_PARSE_OK;
}

static HfParseResult
take_stream(Parser *self)
{
    size_t start;
    HfParseResult result = take_string(self, &start);

    if (result != HF_PARSE_OK || self->has_stream)
        return result != HF_PARSE_OK ? result : HF_PARSE_INVALID;
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        const char *name = hf_stream_to_string((HfStream)i);

        if (self->scratch->len - start == strlen(name) &&
            memcmp(self->scratch->str + start, name, strlen(name)) == 0) {
            self->line.stream = (HfStream)i;
            self->has_stream = true;
        }
    }
    g_string_truncate(self->scratch, start);
    return self->has_stream ? HF_PARSE_OK : HF_PARSE_INVALID;
}

static HfParseResult
take_time(Parser *self)
{
    size_t start;
    HfParseResult result = take_string(self, &start);
    const char *at = self->scratch->str + start;
    const char *end = self->scratch->str + self->scratch->len;

    if (result != HF_PARSE_OK)
        return result;
    if (self->has_time || hf_time_stamp_take(&at, end, &self->line.time) != HF_PARSE_OK ||
        at != end)
        return HF_PARSE_INVALID;
    self->has_time = true;
    g_string_truncate(self->scratch, start);
    return HF_PARSE_OK;
}

/* The value of the key that is at @start of the scratch string. */
static HfParseResult
take_value_of(Parser *self, size_t start)
{
    static const struct {
        const char *key;
        HfParseResult (*take)(Parser *self);
    } known[] = {{"log", take_log}, {"stream", take_stream}, {"time", take_time}};
    size_t length = self->scratch->len - start;

    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (length == strlen(known[i].key) &&
            memcmp(self->scratch->str + start, known[i].key, length) == 0) {
            g_string_truncate(self->scratch, start);
            return known[i].take(self);
        }
    }
    g_string_truncate(self->scratch, start);
    return skip_value(self, 1);
}

static HfParseResult
take_member(Parser *self)
{
    size_t start;
    HfParseResult result = take_string(self, &start);

    skip_blanks(self);
    if (result == HF_PARSE_OK)
        result = take_byte(self, ':');
    return result == HF_PARSE_OK ? take_value_of(self, start) : result;
}

static HfParseResult
take_object(Parser *self)
{
    bool is_closed = false;
    HfParseResult result;

    skip_blanks(self);
    result = take_byte(self, '{');
    while (result == HF_PARSE_OK && !is_closed) {
        result = take_member(self);
        if (result == HF_PARSE_OK)
            result = take_separator(self, '}', &is_closed);
    }
    skip_blanks(self);
    if (result == HF_PARSE_OK && self->at != self->end)
        return HF_PARSE_INVALID;
    return result;
}

HfParseResult
hf_json_log_line_parse(const char *text, size_t length, GString *scratch, HfLogLine *out_line)
{
    Parser parser = {.at = text, .end = text + length, .scratch = scratch};
    HfParseResult result;

    g_string_truncate(scratch, 0);
    result = take_object(&parser);
    if (result != HF_PARSE_OK)
        return result;
    if (!parser.has_log || !parser.has_stream || !parser.has_time)
        return HF_PARSE_INVALID;
    parser.line.bytes = scratch->str + parser.log_start;
    *out_line = parser.line;
    return HF_PARSE_OK;
}
