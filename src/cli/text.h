/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Text for people, and from them: pure functions. */

#pragma once

#include <glib.h>

/* @bytes with control characters, escape sequences and what is no UTF-8 shown as "\x1b": nothing in
 * it acts on a terminal. Tabs and newlines stay. (transfer full) */
char *hf_text_escape(const char *bytes, gsize length);

/* The same for @json, a JSON text without bytes that are no UTF-8: as "\u009b", so that it stays
 * JSON of the same meaning. (transfer full) */
char *hf_text_escape_json(const char *json);

/* "3 minutes ago", "just now", "in the future"; from @then to @now. (transfer full) */
char *hf_text_age(GDateTime *then, GDateTime *now);

/* "1.5MiB"; "unlimited" for G_MAXUINT64. (transfer full) */
char *hf_text_size(guint64 bytes);

/* A moment as people give it: RFC 3339 with or without a zone (then the local one), a date, seconds
 * since 1970 with a fraction, or how long ago: "90s", "10m", "1h30m", "2d". (transfer full) */
GDateTime *hf_text_parse_time(const char *text, GDateTime *now, GError **error);

/* Bytes as people give them: "64", "10k", "1.5m", "2g", "1GiB"; "-1" and "unlimited" are -1. */
gboolean hf_text_parse_size(const char *text, gint64 *out_bytes, GError **error);

/* A signal by its number or its name, with or without SIG, in any case. -1 with @error set. */
int hf_text_parse_signal(const char *text, GError **error);
