/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Writes the parts of a line of Docker's json-file logs, byte for byte as Docker does:
 *
 *      {"log":"MESSAGE\n","stream":"stdout","attrs":{...},"time":"2026-01-31T23:59:59.12Z"}
 *
 * protocol/json-log-line.h reads them. */

#pragma once

#include <stddef.h>

#include <glib.h>

/* What hf_json_log_record_escape() may touch: each byte can become six, and it writes ahead. */
#define HF_JSON_LOG_ESCAPED_MAX(length) (6 * (length) + 16)

/* Writes what stands for @bytes in a JSON string, without the quotes, as Go's encoder for HTML
 * does: \u003c, \u003e and \u0026 for <, > and &, \u2028 and \u2029, \ufffd for each byte that is
 * not UTF-8. Returns its length. */
size_t hf_json_log_record_escape(char *buffer, const char *bytes, size_t length);

/* The object "attrs", its keys sorted: @tag (nullable) as "tag", and @labels (NAME=VALUE,
 * NULL-terminated, nullable), of which the last of a name counts. NULL if there is neither.
 * (transfer full) */
char *hf_json_log_record_make_attrs(const char *tag, const char *const *labels);

/* How many bytes the message in a line had. The line is one that was written here. */
size_t hf_json_log_record_measure_message(const char *line, size_t length);
