/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: the line is put together from a head, the text, and a tail of known sizes, so the
 * room for the text is known before a byte of it is escaped.
 *
 * Sizes are counted in escaped bytes, cuts are made between characters of the text: the walk that
 * looks for a cut asks json-string what each character will cost. A cut inside an escape or a UTF-8
 * sequence can therefore not happen, and each half of a cut text takes at most half of the room. */

#include <string.h>

#include "protocol/json-string.h"
#include "protocol/sync-message.h"

#define ELLIPSIS " ... "
#define CLOSING "\"}\n"

static const char *
key_to_string(HfSyncKey key)
{
    switch (key) {
    case HF_SYNC_KEY_PID:
        return "pid";
    case HF_SYNC_KEY_EXIT_CODE:
        return "exit_code";
    case HF_SYNC_KEY_DATA:
        return "data";
    }
    g_assert_not_reached();
}

static size_t
escaped_size(const char *text, size_t length)
{
    size_t size = 0;

    for (size_t i = 0; i < length;) {
        size_t escaped = 0;

        i += hf_json_string_measure(text + i, length - i, &escaped);
        size += escaped;
    }
    return size;
}

/* How much of the beginning of @text fits into @room. */
static size_t
fitting_head(const char *text, size_t length, size_t room)
{
    size_t i = 0;

    while (i < length) {
        size_t escaped = 0;
        size_t step = hf_json_string_measure(text + i, length - i, &escaped);

        if (escaped > room)
            break;
        room -= escaped;
        i += step;
    }
    return i;
}

/* Where the longest end of @text that fits into @room begins; @size is what all of it takes. */
static size_t
fitting_tail(const char *text, size_t length, size_t size, size_t room)
{
    size_t i = 0;

    while (size > room) {
        size_t escaped = 0;

        i += hf_json_string_measure(text + i, length - i, &escaped);
        size -= escaped;
    }
    return i;
}

static void
append_text(GString *line, const char *text, size_t length, size_t room)
{
    size_t size = escaped_size(text, length);

    if (size <= room) {
        hf_json_string_append(line, text, length);
        return;
    }
    room = (room - strlen(ELLIPSIS)) / 2;
    size_t head = fitting_head(text, length, room);
    size_t tail = fitting_tail(text, length, size, room);
    hf_json_string_append(line, text, head);
    g_string_append(line, ELLIPSIS);
    hf_json_string_append(line, text + tail, length - tail);
}

char *
hf_sync_message_format(HfSyncKey key, int value, const char *text, size_t text_length,
                       size_t *out_length)
{
    GString *line = g_string_new(NULL);

    g_string_append_printf(line, "{\"%s\": %d", key_to_string(key), value);
    if (text == NULL) {
        g_string_append(line, "}\n");
    } else {
        g_string_append(line, ", \"message\": \"");
        append_text(line, text, text_length, HF_SYNC_MESSAGE_MAX - line->len - strlen(CLOSING));
        g_string_append(line, CLOSING);
    }
    *out_length = line->len;
    return g_string_free(line, FALSE);
}
