/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads the time stamps of log records: RFC 3339 in the form that Go's programs write. */

#pragma once

#include <time.h>

#include <glib.h>

#include "protocol/parse-result.h"

/* Takes "2026-01-31T23:59:59.123456789+01:00" from the front of the text: 0 to 9 digits behind the
 * point, "Z" or an offset. On HF_PARSE_OK *@at is behind it; otherwise nothing is changed. */
HfParseResult hf_time_stamp_take(const char **at, const char *end, struct timespec *out_time);

/* Less than, equal to or greater than 0 as @a is before, at or after @b. */
static inline int
hf_time_stamp_compare(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

/* Nanoseconds since 1970; for what 64 bits do not reach (before 1677, after 2262), the first or
 * last that they do. */
gint64 hf_time_stamp_to_ns(const struct timespec *time);
