/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * `held` keys of the sequence were typed and are not sent. The next key makes the match longer, or
 * breaks it. A broken match does not begin anew with nothing: the end of what is held may be the
 * beginning of another match ("a,a,b" is in "aaab"). So the longest end of "what is held and the
 * next key" that is a beginning of the sequence stays held, and what stands before it is sent. What
 * is held is always a beginning of the sequence, so it needs no buffer. */

#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "attach/detach-keys.h"
#include "base/error.h"

#define CONTROL_PREFIX "ctrl-"
#define DELETE_KEY 127

/* The key's code, -1 if the text is none. */
static int
parse_key(const char *text, size_t length)
{
    size_t prefix = strlen(CONTROL_PREFIX);

    if (length == 1)
        return (unsigned char)text[0] < 128 ? text[0] : -1;
    if (length == 3 && memcmp(text, "DEL", 3) == 0)
        return DELETE_KEY;
    if (length != prefix + 1 || memcmp(text, CONTROL_PREFIX, prefix) != 0)
        return -1;
    if (g_ascii_islower(text[prefix]))
        return text[prefix] - 'a' + 1;
    return text[prefix] != '\0' && strchr("@[\\]^_", text[prefix]) != NULL ? text[prefix] - '@'
                                                                           : -1;
}

gboolean
hf_detach_keys_parse(const char *text, HfDetachKeys *out_keys, GError **error)
{
    HfDetachKeys keys = {.length = 0};
    const char *end = text + strlen(text);

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    for (const char *at = text; at <= end && text != end; at++) {
        size_t length = strcspn(at, ",");
        int key = parse_key(at, length);

        if (key < 0)
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "detach keys '%s': '%.*s' is no key",
                            text, (int)MIN(length, 64), at);
        if (keys.length == sizeof keys.keys)
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                            "detach keys '%s': more than %d of them", text, HF_DETACH_KEYS_MAX);
        keys.keys[keys.length++] = (char)key;
        at += length;
    }
    *out_keys = keys;
    return TRUE;
}

/* How many keys are held once @key was typed. */
static size_t
match(const HfDetachKeys *self, char key)
{
    for (size_t held = self->held + 1; held > 0; held--) {
        const char *tail = self->keys + self->held + 1 - held;

        if (self->keys[held - 1] == key && memcmp(self->keys, tail, held - 1) == 0)
            return held;
    }
    return 0;
}

bool
hf_detach_keys_filter(HfDetachKeys *self, const char *bytes, size_t length, char *out,
                      size_t *out_length)
{
    size_t n = 0;

    for (size_t i = 0; i < length; i++) {
        size_t held = self->length > 0 ? match(self, bytes[i]) : 0;
        size_t released = self->held + 1 - held;

        memcpy(out + n, self->keys, MIN(released, self->held));
        n += released;
        if (held == 0)
            out[n - 1] = bytes[i];
        self->held = held;
        if (held > 0 && held == self->length) {
            self->held = 0;
            *out_length = n;
            return true;
        }
    }
    *out_length = n;
    return false;
}

size_t
hf_detach_keys_release(HfDetachKeys *self, char *out)
{
    size_t held = self->held;

    memcpy(out, self->keys, held);
    self->held = 0;
    return held;
}
