/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads the lines of Docker's json-file logs: {"log":"text\n","stream":"stdout","time":"..."} */

#pragma once

#include <stddef.h>

#include <glib.h>

#include "protocol/log-line.h"

/* @text is one JSON object without its newline. Keys besides the three are skipped ("attrs"), each
 * of the three must be there once. A "log" without a newline at its end is partial. The message is
 * put into @scratch. Bytes of strings that are not UTF-8 are taken as they are; a surrogate
 * without its other half becomes U+FFFD. */
HfParseResult hf_json_log_line_parse(const char *text, size_t length, GString *scratch,
                                     HfLogLine *out_line);
