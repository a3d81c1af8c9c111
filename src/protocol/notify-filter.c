/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdbool.h>
#include <string.h>

#include "protocol/notify-filter.h"

static const struct {
    char text[20];
    bool is_prefix;
} allowed[] = {
    {"READY=1", false},          {"RELOADING=1", false}, {"STOPPING=1", false},
    {"WATCHDOG=1", false},       {"STATUS=", true},      {"ERRNO=", true},
    {"WATCHDOG=trigger", false}, {"BUSERROR=", true},    {"MONOTONIC_USEC=", true},
};

static bool
is_allowed(const char *line, size_t length)
{
    /* systemd refuses a datagram with a NUL inside, and would then miss the good lines as well. */
    if (memchr(line, '\0', length) != NULL)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++) {
        size_t size = strlen(allowed[i].text);
        bool fits = allowed[i].is_prefix ? length >= size : length == size;

        if (fits && memcmp(line, allowed[i].text, size) == 0)
            return true;
    }
    return false;
}

char *
hf_notify_filter(const char *datagram, size_t length, size_t *out_length)
{
    g_autoptr(GString) kept = g_string_new(NULL);

    /* The NUL that ends the sender's string may be part of the datagram. */
    if (length > 0 && datagram[length - 1] == '\0')
        length--;
    const char *end = datagram + length;
    for (const char *line = datagram; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline != NULL ? newline : end;

        if (is_allowed(line, (size_t)(line_end - line))) {
            if (kept->len > 0)
                g_string_append_c(kept, '\n');
            g_string_append_len(kept, line, line_end - line);
        }
        line = line_end + 1;
    }
    if (kept->len == 0)
        return NULL;
    *out_length = kept->len;
    return g_string_free(g_steal_pointer(&kept), FALSE);
}
