/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "protocol/streams-file.h"

/* How this works.
 *
 * The monitor has no JSON library, and this file is a flat object that a monitor wrote. So the
 * parser knows as much of JSON as that needs: one object, whose values are numbers, booleans and
 * strings without escapes. A cgroup whose path would need an escape is left out. */

typedef struct {
    const char *next;
    const char *end;
} Cursor;

/* A view of one value; the bytes of a string without its quotes. */
typedef struct {
    const char *text;
    size_t length;
    bool is_string;
} Value;

static void
skip_space(Cursor *cursor)
{
    while (cursor->next < cursor->end && g_ascii_isspace(*cursor->next))
        cursor->next++;
}

static bool
take(Cursor *cursor, char wanted)
{
    skip_space(cursor);
    if (cursor->next == cursor->end || *cursor->next != wanted)
        return false;
    cursor->next++;
    return true;
}

static bool
take_string(Cursor *cursor, Value *out)
{
    if (!take(cursor, '"'))
        return false;
    *out = (Value){.text = cursor->next, .is_string = true};
    while (cursor->next < cursor->end && *cursor->next != '"') {
        if (*cursor->next == '\\' || (guchar)*cursor->next < ' ')
            return false;
        cursor->next++;
    }
    out->length = (size_t)(cursor->next - out->text);
    return take(cursor, '"');
}

static bool
take_word(Cursor *cursor, Value *out)
{
    skip_space(cursor);
    *out = (Value){.text = cursor->next};
    while (cursor->next < cursor->end && g_ascii_isalnum(*cursor->next))
        cursor->next++;
    out->length = (size_t)(cursor->next - out->text);
    return out->length > 0;
}

static bool
take_value(Cursor *cursor, Value *out)
{
    skip_space(cursor);
    if (cursor->next < cursor->end && *cursor->next == '"')
        return take_string(cursor, out);
    return take_word(cursor, out);
}

static bool
is_word(const Value *value, const char *word)
{
    return value->length == strlen(word) && memcmp(value->text, word, value->length) == 0;
}

static bool
to_number(const Value *value, guint64 *out)
{
    g_autofree char *text = g_strndup(value->text, value->length);

    return !value->is_string && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, out, NULL);
}

static bool
to_bool(const Value *value, bool *out)
{
    *out = is_word(value, "true");
    return !value->is_string && (*out || is_word(value, "false"));
}

static bool
store(HfStreamsFile *file, const Value *key, const Value *value)
{
    if (is_word(key, "stdin"))
        return to_number(value, &file->stdin_inode);
    if (is_word(key, "stdout"))
        return to_number(value, &file->stdout_inode);
    if (is_word(key, "stderr"))
        return to_number(value, &file->stderr_inode);
    if (is_word(key, "terminal"))
        return to_bool(value, &file->has_terminal);
    if (is_word(key, "terminalLost"))
        return to_bool(value, &file->is_terminal_lost);
    if (is_word(key, "cgroupV2"))
        return to_bool(value, &file->is_cgroup_v2);
    if (is_word(key, "oomBase")) {
        file->has_oom_base = true;
        return to_number(value, &file->oom_base);
    }
    if (is_word(key, "memoryCgroup") && value->is_string) {
        g_free(file->memory_cgroup);
        file->memory_cgroup = g_strndup(value->text, value->length);
    }
    return true;
}

static bool
parse_members(Cursor *cursor, HfStreamsFile *file)
{
    if (take(cursor, '}'))
        return true;
    do {
        Value key;
        Value value;

        if (!take_string(cursor, &key) || !take(cursor, ':') || !take_value(cursor, &value) ||
            !store(file, &key, &value))
            return false;
    } while (take(cursor, ','));
    return take(cursor, '}');
}

gboolean
hf_streams_file_parse(const char *text, size_t length, HfStreamsFile *out_file, GError **error)
{
    g_auto(HfStreamsFile) file = {0};
    Cursor cursor = {.next = text, .end = text + length};

    if (!take(&cursor, '{') || !parse_members(&cursor, &file))
        return hf_throw(error, HF_ERROR_PROTOCOL, "no such object as a monitor writes");
    skip_space(&cursor);
    if (cursor.next != cursor.end)
        return hf_throw(error, HF_ERROR_PROTOCOL, "there is something behind the object");
    *out_file = file;
    file = (HfStreamsFile){0};
    return TRUE;
}

static bool
needs_escape(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\' || (guchar)*text < ' ')
            return true;
    }
    return false;
}

static void
add_bool(GString *json, const char *key, bool value)
{
    g_string_append_printf(json, ",\"%s\":%s", key, value ? "true" : "false");
}

static void
add_number(GString *json, const char *key, guint64 value)
{
    g_string_append_printf(json, ",\"%s\":%" G_GUINT64_FORMAT, key, value);
}

char *
hf_streams_file_format(const HfStreamsFile *self)
{
    GString *json = g_string_new("{\"version\":1");

    add_number(json, "stdin", self->stdin_inode);
    add_number(json, "stdout", self->stdout_inode);
    add_number(json, "stderr", self->stderr_inode);
    add_bool(json, "terminal", self->has_terminal);
    if (self->has_terminal)
        add_bool(json, "terminalLost", self->is_terminal_lost);
    if (self->has_oom_base)
        add_number(json, "oomBase", self->oom_base);
    if (self->memory_cgroup != NULL && !needs_escape(self->memory_cgroup) &&
        g_utf8_validate(self->memory_cgroup, -1, NULL)) {
        add_bool(json, "cgroupV2", self->is_cgroup_v2);
        g_string_append_printf(json, ",\"memoryCgroup\":\"%s\"", self->memory_cgroup);
    }
    g_string_append(json, "}\n");
    return g_string_free(json, FALSE);
}

void
hf_streams_file_clear(HfStreamsFile *self)
{
    g_clear_pointer(&self->memory_cgroup, g_free);
}
