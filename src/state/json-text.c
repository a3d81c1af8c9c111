/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "protocol/json-string.h"
#include "state/json-text.h"

/* A recursive descent over text that is known to be UTF-8 without NUL. Each function stands at the
 * first byte of what it reads and leaves the cursor behind it; NULL or FALSE means that the error
 * is set. */

typedef struct {
    const char *start;
    const char *end;
    const char *cursor;
    guint depth;
} Parser;

static JsonNode *parse_value(Parser *parser, GError **error);

static gboolean
throw_here(const Parser *parser, GError **error, const char *what)
{
    if (parser->cursor == parser->end)
        return hf_throw(error, HF_ERROR_PROTOCOL, "the text ends in its middle");
    return hf_throw(error, HF_ERROR_PROTOCOL, "byte %zu: %s",
                    (size_t)(parser->cursor - parser->start), what);
}

static void
skip_blanks(Parser *parser)
{
    while (parser->cursor < parser->end && strchr(" \t\r\n", *parser->cursor) != NULL)
        parser->cursor++;
}

static bool
try_byte(Parser *parser, char byte)
{
    if (parser->cursor == parser->end || *parser->cursor != byte)
        return false;
    parser->cursor++;
    return true;
}

static gboolean
parse_hex(Parser *parser, gunichar *out_unit, GError **error)
{
    gunichar unit = 0;

    for (int i = 0; i < 4; i++) {
        if (parser->cursor == parser->end || !g_ascii_isxdigit(*parser->cursor))
            return throw_here(parser, error, "four hexadecimal digits are expected");
        unit = unit << 4 | (gunichar)g_ascii_xdigit_value(*parser->cursor++);
    }
    *out_unit = unit;
    return TRUE;
}

/* Behind "\u" */
static gboolean
parse_code_point(Parser *parser, GString *string, GError **error)
{
    gunichar unit = 0;
    gunichar low = 0;

    if (!parse_hex(parser, &unit, error))
        return FALSE;
    if (unit == 0)
        return throw_here(parser, error, "a NUL character");
    if (unit >= 0xD800 && unit < 0xDC00) {
        if (!try_byte(parser, '\\') || !try_byte(parser, 'u'))
            return throw_here(parser, error, "half a surrogate pair");
        if (!parse_hex(parser, &low, error))
            return FALSE;
        if (low < 0xDC00 || low > 0xDFFF)
            return throw_here(parser, error, "half a surrogate pair");
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xDC00 && unit < 0xE000) {
        return throw_here(parser, error, "half a surrogate pair");
    }
    g_string_append_unichar(string, unit);
    return TRUE;
}

static gboolean
parse_escape(Parser *parser, GString *string, GError **error)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";

    if (try_byte(parser, 'u'))
        return parse_code_point(parser, string, error);
    const char *name = parser->cursor < parser->end ? strchr(names, *parser->cursor) : NULL;
    if (name == NULL)
        return throw_here(parser, error, "an unknown escape");
    g_string_append_c(string, values[name - names]);
    parser->cursor++;
    return TRUE;
}

static char *
parse_string(Parser *parser, GError **error)
{
    g_autoptr(GString) string = g_string_new(NULL);

    if (!try_byte(parser, '"'))
        return throw_here(parser, error, "a string is expected"), NULL;
    while (!try_byte(parser, '"')) {
        const char *start = parser->cursor;

        while (parser->cursor < parser->end && *parser->cursor != '"' && *parser->cursor != '\\' &&
               (guchar)*parser->cursor >= 0x20)
            parser->cursor++;
        g_string_append_len(string, start, parser->cursor - start);
        if (try_byte(parser, '\\')) {
            if (!parse_escape(parser, string, error))
                return NULL;
        } else if (parser->cursor == parser->end || *parser->cursor != '"') {
            return throw_here(parser, error, "a control character in a string"), NULL;
        }
    }
    if (g_str_has_prefix(string->str, HF_JSON_NUMBER_MARK))
        return throw_here(parser, error, "a string begins with U+FDD0"), NULL;
    return g_string_free(g_steal_pointer(&string), FALSE);
}

static bool
try_digits(Parser *parser)
{
    const char *start = parser->cursor;

    while (parser->cursor < parser->end && g_ascii_isdigit(*parser->cursor))
        parser->cursor++;
    return parser->cursor > start;
}

/* Moves over a number; *@out_is_integer: it has no fraction and no exponent. */
static gboolean
skip_number(Parser *parser, bool *out_is_integer, GError **error)
{
    const char *start;

    (void)try_byte(parser, '-');
    start = parser->cursor;
    if (!try_digits(parser) || (*start == '0' && parser->cursor - start > 1))
        return throw_here(parser, error, "this is no value");
    const char *integer_end = parser->cursor;
    if (try_byte(parser, '.') && !try_digits(parser))
        return throw_here(parser, error, "a digit is expected");
    if (try_byte(parser, 'e') || try_byte(parser, 'E')) {
        if (!try_byte(parser, '+'))
            (void)try_byte(parser, '-');
        if (!try_digits(parser))
            return throw_here(parser, error, "a digit is expected");
    }
    *out_is_integer = parser->cursor == integer_end;
    return TRUE;
}

static JsonNode *
parse_number(Parser *parser, GError **error)
{
    const char *start = parser->cursor;
    bool is_integer = false;
    gint64 number = 0;

    if (!skip_number(parser, &is_integer, error))
        return NULL;
    g_autofree char *text = g_strndup(start, (gsize)(parser->cursor - start));
    if (is_integer && g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
        return json_node_init_int(json_node_alloc(), number);
    g_autofree char *marked = g_strconcat(HF_JSON_NUMBER_MARK, text, NULL);
    return json_node_init_string(json_node_alloc(), marked);
}

static bool
try_word(Parser *parser, const char *word)
{
    gsize length = strlen(word);

    if ((gsize)(parser->end - parser->cursor) < length || memcmp(parser->cursor, word, length) != 0)
        return false;
    parser->cursor += length;
    return true;
}

/* Behind a member or element: whether another follows. */
static gboolean
parse_separator(Parser *parser, char closing, bool *out_has_more, GError **error)
{
    skip_blanks(parser);
    *out_has_more = try_byte(parser, ',');
    if (!*out_has_more && !try_byte(parser, closing))
        return throw_here(parser, error, "a comma or the closing bracket is expected");
    skip_blanks(parser);
    return TRUE;
}

static gboolean
parse_member(Parser *parser, JsonObject *object, GError **error)
{
    g_autofree char *name = parse_string(parser, error);

    if (name == NULL)
        return FALSE;
    skip_blanks(parser);
    if (!try_byte(parser, ':'))
        return throw_here(parser, error, "a colon is expected");
    skip_blanks(parser);
    JsonNode *value = parse_value(parser, error);
    if (value == NULL)
        return FALSE;
    json_object_set_member(object, name, value);
    return TRUE;
}

/* Behind the opening bracket */
static JsonObject *
parse_object(Parser *parser, GError **error)
{
    g_autoptr(JsonObject) object = json_object_new();
    bool has_more;

    skip_blanks(parser);
    has_more = !try_byte(parser, '}');
    while (has_more) {
        if (!parse_member(parser, object, error) || !parse_separator(parser, '}', &has_more, error))
            return NULL;
    }
    return g_steal_pointer(&object);
}

/* Behind the opening bracket */
static JsonArray *
parse_array(Parser *parser, GError **error)
{
    g_autoptr(JsonArray) array = json_array_new();
    bool has_more;

    skip_blanks(parser);
    has_more = !try_byte(parser, ']');
    while (has_more) {
        JsonNode *value = parse_value(parser, error);

        if (value == NULL)
            return NULL;
        json_array_add_element(array, value);
        if (!parse_separator(parser, ']', &has_more, error))
            return NULL;
    }
    return g_steal_pointer(&array);
}

static JsonNode *
parse_container(Parser *parser, GError **error)
{
    JsonNode *node = NULL;

    if (parser->depth == HF_JSON_DEPTH_MAX)
        return throw_here(parser, error, "more than 64 levels of brackets"), NULL;
    parser->depth++;
    if (try_byte(parser, '{')) {
        JsonObject *object = parse_object(parser, error);

        if (object != NULL)
            node = json_node_new(JSON_NODE_OBJECT), json_node_take_object(node, object);
    } else if (try_byte(parser, '[')) {
        JsonArray *array = parse_array(parser, error);

        if (array != NULL)
            node = json_node_new(JSON_NODE_ARRAY), json_node_take_array(node, array);
    }
    parser->depth--;
    return node;
}

static JsonNode *
parse_value(Parser *parser, GError **error)
{
    char first = '\0';

    if (parser->cursor < parser->end)
        first = *parser->cursor;
    if (first == '{' || first == '[')
        return parse_container(parser, error);
    if (first == '"') {
        g_autofree char *string = parse_string(parser, error);
        return string != NULL ? json_node_init_string(json_node_alloc(), string) : NULL;
    }
    if (try_word(parser, "true"))
        return json_node_init_boolean(json_node_alloc(), TRUE);
    if (try_word(parser, "false"))
        return json_node_init_boolean(json_node_alloc(), FALSE);
    if (try_word(parser, "null"))
        return json_node_new(JSON_NODE_NULL);
    return parse_number(parser, error);
}

JsonObject *
hf_json_text_parse(const char *text, gsize length, GError **error)
{
    Parser parser = {.start = text, .end = text + length, .cursor = text, .depth = 1};
    const char *valid_end = NULL;

    if (length == 0)
        return hf_throw(error, HF_ERROR_PROTOCOL, "the text is empty"), NULL;
    if (!g_utf8_validate_len(text, length, &valid_end)) {
        parser.cursor = valid_end;
        return throw_here(&parser, error, "not UTF-8"), NULL;
    }
    skip_blanks(&parser);
    if (!try_byte(&parser, '{'))
        return throw_here(&parser, error, "an object is expected"), NULL;
    g_autoptr(JsonObject) object = parse_object(&parser, error);
    if (object == NULL)
        return NULL;
    skip_blanks(&parser);
    if (parser.cursor != parser.end)
        return throw_here(&parser, error, "something follows the object"), NULL;
    return g_steal_pointer(&object);
}
