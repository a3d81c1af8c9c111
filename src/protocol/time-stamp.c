/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdbool.h>

#include <glib.h>

#include "protocol/time-stamp.h"

#define SECONDS_PER_DAY 86400
#define DAYS_TO_1970 719528 /* from 0000-01-01 */

enum {
    YEAR,
    MONTH,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    FIELD_COUNT
};

typedef struct {
    const char *at;
    const char *end;
} Cursor;

static HfParseResult
take_char(Cursor *cursor, char expected)
{
    if (cursor->at == cursor->end)
        return HF_PARSE_TORN;
    if (*cursor->at != expected)
        return HF_PARSE_INVALID;
    cursor->at++;
    return HF_PARSE_OK;
}

static HfParseResult
take_digits(Cursor *cursor, guint count, int *out_value)
{
    int value = 0;

    for (guint i = 0; i < count; i++, cursor->at++) {
        if (cursor->at == cursor->end)
            return HF_PARSE_TORN;
        if (!g_ascii_isdigit(*cursor->at))
            return HF_PARSE_INVALID;
        value = value * 10 + (*cursor->at - '0');
    }
    *out_value = value;
    return HF_PARSE_OK;
}

static HfParseResult
take_fields(Cursor *cursor, int fields[FIELD_COUNT])
{
    static const struct {
        guint digits;
        char after; /* NUL: nothing fixed */
    } shape[FIELD_COUNT] = {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '\0'}};

    for (guint i = 0; i < FIELD_COUNT; i++) {
        HfParseResult result = take_digits(cursor, shape[i].digits, &fields[i]);

        if (result == HF_PARSE_OK && shape[i].after != '\0')
            result = take_char(cursor, shape[i].after);
        if (result != HF_PARSE_OK)
            return result;
    }
    return HF_PARSE_OK;
}

/* ".5" is 500000000; nothing is 0. */
static HfParseResult
take_fraction(Cursor *cursor, long *out_nanoseconds)
{
    long value = 0;
    long unit = 100000000;
    bool is_empty = true;

    *out_nanoseconds = 0;
    if (cursor->at == cursor->end || *cursor->at != '.')
        return HF_PARSE_OK;
    cursor->at++;
    for (; cursor->at < cursor->end && g_ascii_isdigit(*cursor->at); cursor->at++) {
        if (unit == 0)
            return HF_PARSE_INVALID;
        value += (*cursor->at - '0') * unit;
        unit /= 10;
        is_empty = false;
    }
    *out_nanoseconds = value;
    if (!is_empty)
        return HF_PARSE_OK;
    return cursor->at == cursor->end ? HF_PARSE_TORN : HF_PARSE_INVALID;
}

/* "Z" or "+01:00", in seconds east of Greenwich. */
static HfParseResult
take_offset(Cursor *cursor, int *out_seconds)
{
    int hours = 0;
    int minutes = 0;
    int sign;
    HfParseResult result;

    *out_seconds = 0;
    if (cursor->at == cursor->end)
        return HF_PARSE_TORN;
    if (*cursor->at == 'Z')
        return take_char(cursor, 'Z');
    if (*cursor->at != '+' && *cursor->at != '-')
        return HF_PARSE_INVALID;
    sign = *cursor->at++ == '-' ? -1 : 1;
    result = take_digits(cursor, 2, &hours);
    if (result == HF_PARSE_OK)
        result = take_char(cursor, ':');
    if (result == HF_PARSE_OK)
        result = take_digits(cursor, 2, &minutes);
    if (result == HF_PARSE_OK && (hours > 23 || minutes > 59))
        return HF_PARSE_INVALID;
    *out_seconds = sign * (hours * 3600 + minutes * 60);
    return result;
}

static bool
is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
count_days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Second 60 is a leap second. */
static bool
is_calendar_time(const int fields[FIELD_COUNT])
{
    return fields[MONTH] >= 1 && fields[MONTH] <= 12 && fields[DAY] >= 1 &&
           fields[DAY] <= count_days_in_month(fields[YEAR], fields[MONTH]) && fields[HOUR] <= 23 &&
           fields[MINUTE] <= 59 && fields[SECOND] <= 60;
}

static gint64
count_days_to(int year, int month, int day)
{
    /* Leap days of the years before, 0000 being one of them. */
    gint64 days = year == 0 ? 0 : (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1;

    days += (gint64)year * 365;
    for (int m = 1; m < month; m++)
        days += count_days_in_month(year, m);
    return days + day - 1 - DAYS_TO_1970;
}

HfParseResult
hf_time_stamp_take(const char **at, const char *end, struct timespec *out_time)
{
    Cursor cursor = {*at, end};
    int fields[FIELD_COUNT] = {0};
    int offset = 0;
    long nanoseconds = 0;
    HfParseResult result = take_fields(&cursor, fields);

    if (result == HF_PARSE_OK)
        result = take_fraction(&cursor, &nanoseconds);
    if (result == HF_PARSE_OK)
        result = take_offset(&cursor, &offset);
    if (result != HF_PARSE_OK)
        return result;
    if (!is_calendar_time(fields))
        return HF_PARSE_INVALID;

    out_time->tv_sec = count_days_to(fields[YEAR], fields[MONTH], fields[DAY]) * SECONDS_PER_DAY +
                       fields[HOUR] * 3600 + fields[MINUTE] * 60 + fields[SECOND] - offset;
    out_time->tv_nsec = nanoseconds;
    *at = cursor.at;
    return HF_PARSE_OK;
}

gint64
hf_time_stamp_to_ns(const struct timespec *time)
{
    gint64 ns;

    if (__builtin_mul_overflow((gint64)time->tv_sec, G_GINT64_CONSTANT(1000000000), &ns) ||
        __builtin_add_overflow(ns, (gint64)time->tv_nsec, &ns))
        return time->tv_sec < 0 ? G_MININT64 : G_MAXINT64;
    return ns;
}
