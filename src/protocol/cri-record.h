/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The record that CRI (k8s-file) logs are made of: "TIME STREAM TAG MESSAGE\n", TAG being F for
 * what ended with a newline and P for a piece that did not. An empty message keeps the blank before
 * it: readers split at blanks and want four fields. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "protocol/stream.h"

/* TIME, blank, "stdout" or "stderr", blank, tag, blank */
#define HF_CRI_PREFIX_MAX (HF_CLOCK_RFC3339_LENGTH + 1 + 6 + 1 + 1 + 1)

/* Everything before the message. Returns its length, at most HF_CRI_PREFIX_MAX; not NUL-terminated.
 */
size_t hf_cri_record_prefix(char *buffer, const char *time, size_t time_length, HfStream stream,
                            bool is_partial);
