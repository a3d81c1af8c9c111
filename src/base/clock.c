/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FRACTION_OFFSET 20

void
hf_clock_format_init(HfClockFormat *self, bool is_utc)
{
    *self = (HfClockFormat){.is_utc = is_utc};
}

/* Everything but the fraction. tzset() looks at the time zone's file again, once a second and not
 * once a line, so that a change of it is seen. */
static void
format_second(HfClockFormat *self, time_t second)
{
    struct tm tm = {0};
    const char *zone = "Z";
    char offset[8];

    if (self->is_utc) {
        (void)gmtime_r(&second, &tm);
    } else {
        tzset();
        (void)localtime_r(&second, &tm);
        long minutes = tm.tm_gmtoff / 60;
        long distance = ABS(minutes);
        (void)g_snprintf(offset, sizeof offset, "%c%02ld:%02ld", minutes < 0 ? '-' : '+',
                         (distance / 60) % 100, distance % 60);
        zone = offset;
    }
    /* A year of more than four digits would move the fraction; no clock is there yet. */
    (void)g_snprintf(self->text, sizeof self->text, "%04d-%02d-%02dT%02d:%02d:%02d.000000000%s",
                     (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                     tm.tm_sec, zone);
    self->second = second;
    self->has_second = true;
}

const char *
hf_clock_format_rfc3339(HfClockFormat *self, const struct timespec *when, size_t *out_length)
{
    long fraction = when->tv_nsec;

    if (!self->has_second || self->second != when->tv_sec)
        format_second(self, when->tv_sec);
    for (int i = FRACTION_OFFSET + 8; i >= FRACTION_OFFSET; i--) {
        self->text[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    *out_length = self->is_utc ? HF_CLOCK_RFC3339_UTC_LENGTH : HF_CLOCK_RFC3339_LENGTH;
    return self->text;
}

struct timespec
hf_clock_now(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now;
}
