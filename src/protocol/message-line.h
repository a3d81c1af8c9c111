/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A line of shim-log.json: {"level":"error","msg":"...","time":"2026-01-31T23:59:59.123456789Z"}.
 */

#pragma once

#include <stddef.h>
#include <time.h>

/* With its newline, and a NUL behind it. Bytes of @text that are not UTF-8 are replaced. (transfer
 * full) */
char *hf_message_line_format(const char *level, const char *text, const struct timespec *when,
                             size_t *out_length);
