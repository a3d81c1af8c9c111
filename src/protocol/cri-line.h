/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads the records of CRI (k8s-file) logs; protocol/cri-record.h writes them. */

#pragma once

#include <stddef.h>

#include "protocol/log-line.h"

/* "TIME STREAM TAG MESSAGE" without its newline. TAG is F or P, and may have more behind a colon,
 * as the CRI reserves it. The message is not looked at: it begins behind the third blank, and a
 * line without that blank is torn. */
HfParseResult hf_cri_line_parse(const char *text, size_t length, HfLogLine *out_line);
