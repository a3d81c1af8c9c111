/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Wall-clock time stamps as log formats write them. */

#pragma once

#include <stdbool.h>
#include <time.h>

#include <glib.h>

/* "2026-01-31T23:59:59.123456789+01:00", always nine digits and an offset, and a NUL. */
#define HF_CLOCK_RFC3339_LENGTH 35
/* "2026-01-31T23:59:59.123456789Z" */
#define HF_CLOCK_RFC3339_UTC_LENGTH 30

/* Formats time stamps; what does not change within a second is formatted once a second. */
typedef struct {
    bool is_utc;
    bool has_second;
    time_t second;
    char text[HF_CLOCK_RFC3339_LENGTH + 1];
} HfClockFormat;

void hf_clock_format_init(HfClockFormat *self, bool is_utc);

/* The time stamp of @when, valid until the next call. Its length is one of the two above. */
const char *hf_clock_format_rfc3339(HfClockFormat *self, const struct timespec *when,
                                    size_t *out_length);

/* CLOCK_REALTIME */
struct timespec hf_clock_now(void);
