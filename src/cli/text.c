/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/error.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "cli/text.h"

/* Also what changes the order in which others are shown. */
static gboolean
acts_on_terminal(gunichar character)
{
    if (character == '\t' || character == '\n')
        return FALSE;
    return g_unichar_iscntrl(character) || g_unichar_type(character) == G_UNICODE_FORMAT;
}

char *
hf_text_escape(const char *bytes, gsize length)
{
    GString *text = g_string_sized_new(length + 1);

    for (gsize i = 0; i < length;) {
        gunichar character = g_utf8_get_char_validated(bytes + i, (gssize)(length - i));
        gboolean is_broken = character == (gunichar)-1 || character == (gunichar)-2;

        if (is_broken || (character == 0 && bytes[i] == '\0') || acts_on_terminal(character)) {
            gsize end = is_broken ? i + 1 : i + (gsize)(g_utf8_next_char(bytes + i) - (bytes + i));

            for (; i < end; i++)
                g_string_append_printf(text, "\\x%02x", (unsigned char)bytes[i]);
            continue;
        }
        g_string_append_unichar(text, character);
        i += (gsize)(g_utf8_next_char(bytes + i) - (bytes + i));
    }
    return g_string_free(text, FALSE);
}

char *
hf_text_escape_json(const char *json)
{
    GString *text = g_string_new(NULL);

    for (const char *at = json; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        if (!acts_on_terminal(character))
            g_string_append_unichar(text, character);
        else if (character > 0xFFFF)
            g_string_append_printf(text, "\\u%04x\\u%04x", 0xD7C0 + (character >> 10),
                                   0xDC00 + (character & 0x3FF));
        else
            g_string_append_printf(text, "\\u%04x", character);
    }
    return g_string_free(text, FALSE);
}

static char *
plural(gint64 count, const char *unit)
{
    return g_strdup_printf("%" G_GINT64_FORMAT " %s%s ago", count, unit, count == 1 ? "" : "s");
}

char *
hf_text_age(GDateTime *then, GDateTime *now)
{
    gint64 seconds = g_date_time_difference(now, then) / G_TIME_SPAN_SECOND;

    if (seconds < 0)
        return g_strdup("in the future");
    if (seconds == 0)
        return g_strdup("just now");
    if (seconds < 120)
        return plural(seconds, "second");
    if (seconds < 120 * 60)
        return plural(seconds / 60, "minute");
    if (seconds < 48 * 3600)
        return plural(seconds / 3600, "hour");
    return plural(seconds / 86400, "day");
}

char *
hf_text_size(guint64 bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    gsize unit = 0;

    if (bytes == G_MAXUINT64)
        return g_strdup("unlimited");
    while (value >= 1023.5 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf(unit == 0 || value >= 99.95 ? "%.0f%s" : "%.1f%s", value, units[unit]);
}

/* "1h30m": @out_seconds is untouched unless the whole text is of this kind. */
static gboolean
parse_duration(const char *text, double *out_seconds)
{
    double seconds = 0;

    if (*text == '\0')
        return FALSE;
    while (*text != '\0') {
        char *end = NULL;
        double number = g_ascii_strtod(text, &end);

        if (end == text || !isfinite(number) || number < 0)
            return FALSE;
        switch (*end) {
        case 's':
            break;
        case 'm':
            number *= 60;
            break;
        case 'h':
            number *= 3600;
            break;
        case 'd':
            number *= 86400;
            break;
        default:
            return FALSE;
        }
        seconds += number;
        text = end + 1;
    }
    *out_seconds = seconds;
    return TRUE;
}

static GDateTime *
parse_unix(const char *text)
{
    char *end = NULL;
    double seconds = g_ascii_strtod(text, &end);
    g_autoptr(GDateTime) whole = NULL;

    if (end == text || *end != '\0' || !isfinite(seconds) || fabs(seconds) > 1e11)
        return NULL;
    whole = g_date_time_new_from_unix_utc((gint64)floor(seconds));
    return whole != NULL ? g_date_time_add_seconds(whole, seconds - floor(seconds)) : NULL;
}

GDateTime *
hf_text_parse_time(const char *text, GDateTime *now, GError **error)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_local();
    g_autofree char *midnight = g_strconcat(text, "T00:00:00", NULL);
    GDateTime *time = NULL;
    double seconds = 0;

    if (parse_duration(text, &seconds) && seconds < 1e11)
        time = g_date_time_add_seconds(now, -seconds);
    if (time == NULL && strchr(text, '-') == NULL)
        time = parse_unix(text);
    if (time == NULL)
        time = g_date_time_new_from_iso8601(text, zone);
    if (time == NULL)
        time = g_date_time_new_from_iso8601(midnight, zone);
    if (time == NULL)
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "'%s' is no time: 2026-01-31T12:00:00Z, 2026-01-31, 1769860800 or 10m is",
                    text);
    return time;
}

gboolean
hf_text_parse_size(const char *text, gint64 *out_bytes, GError **error)
{
    static const char letters[] = "bkmgtp";
    char *end = NULL;
    double number = g_ascii_strtod(text, &end);
    const char *letter = NULL;
    gsize power = 0;

    if (g_str_equal(text, "-1") || g_str_equal(text, "unlimited")) {
        *out_bytes = -1;
        return TRUE;
    }
    if (end != text && *end != '\0') {
        letter = strchr(letters, g_ascii_tolower(*end));
        power = letter != NULL ? (gsize)(letter - letters) : 0;
        if (letter != NULL)
            end++;
        if (letter != NULL &&
            (g_ascii_strcasecmp(end, "ib") == 0 || g_ascii_strcasecmp(end, "b") == 0))
            end += strlen(end);
    }
    number *= pow(1024, (double)power);
    if (end == text || *end != '\0' || !(number >= 0) || number >= 9.2e18) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "'%s' is no size: 65536, 64k, 1.5GiB or unlimited is", text);
        return FALSE;
    }
    *out_bytes = (gint64)number;
    return TRUE;
}

/* What stands behind RTMIN and RTMAX: nothing, or @sign and a number. */
static gboolean
parse_distance(const char *text, char sign, guint64 *out_distance)
{
    guint64 distance = 0;

    if (*text != '\0' &&
        (*text != sign || !g_ascii_string_to_unsigned(
                              text + 1, 10, 0, (guint64)(SIGRTMAX - SIGRTMIN), &distance, NULL)))
        return FALSE;
    *out_distance = distance;
    return TRUE;
}

int
hf_text_parse_signal(const char *text, GError **error)
{
    const char *name = g_ascii_strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    guint64 number = 0;

    if (g_ascii_string_to_unsigned(text, 10, 0, (guint64)SIGRTMAX, &number, NULL))
        return (int)number;
    for (int i = 1; i < SIGRTMIN; i++) {
        const char *abbreviation = sigabbrev_np(i);

        if (abbreviation != NULL && g_ascii_strcasecmp(abbreviation, name) == 0)
            return i;
    }
    if (g_ascii_strncasecmp(name, "RTMIN", 5) == 0 && parse_distance(name + 5, '+', &number))
        return SIGRTMIN + (int)number;
    if (g_ascii_strncasecmp(name, "RTMAX", 5) == 0 && parse_distance(name + 5, '-', &number))
        return SIGRTMAX - (int)number;
    g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "'%s' is no signal", text);
    return -1;
}
