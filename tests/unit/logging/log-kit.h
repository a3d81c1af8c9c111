/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the tests of several log modules need: whole files as bytes, CRI logs taken apart, and a
 * file system that is full for a while. */

#pragma once

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <glib.h>

#include "protocol/cri-record.h"
#include "protocol/stream.h"

static inline void
log_kit_assert_bytes(const char *bytes, size_t length, const char *expected, size_t expected_length)
{
    g_assert_cmpuint(length, ==, expected_length);
    g_assert_cmpmem(bytes, (int)length, expected, (int)expected_length);
}

/* (transfer full) */
static inline GString *
log_kit_read(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(path, &text, &length, &error));
    g_assert_no_error(error);
    return g_string_new_len(text, (gssize)length);
}

static inline void
log_kit_assert_contents(const char *path, const char *expected)
{
    GString *text = log_kit_read(path);

    log_kit_assert_bytes(text->str, text->len, expected, strlen(expected));
    g_string_free(text, TRUE);
}

/* PATH.N for the highest N up to PATH.1, and PATH: all that was logged, in order. (transfer full)
 */
static inline GString *
log_kit_read_rotated(const char *path)
{
    GString *all = g_string_new(NULL);

    for (guint number = 1;; number++) {
        g_autofree char *name = g_strdup_printf("%s.%u", path, number);

        if (!g_file_test(name, G_FILE_TEST_EXISTS))
            break;
        GString *text = log_kit_read(name);
        g_string_prepend_len(all, text->str, (gssize)text->len);
        g_string_free(text, TRUE);
    }
    GString *newest = log_kit_read(path);
    g_string_append_len(all, newest->str, (gssize)newest->len);
    g_string_free(newest, TRUE);
    return all;
}

static inline void
log_kit_assert_time(const char *time)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.ddddddddd";

    for (guint i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == 'd')
            g_assert_true(g_ascii_isdigit(time[i]));
        else
            g_assert_cmpint(time[i], ==, shape[i]);
    }
}

/* Takes one line of a log apart, failing the test if it is no record. Returns the message. */
static inline const char *
log_kit_parse_line(const char *line, size_t length, HfStream *out_stream, bool *out_is_partial)
{
    g_assert_cmpuint(length, >=, HF_CRI_PREFIX_MAX);
    log_kit_assert_time(line);
    const char *stream = line + HF_CLOCK_RFC3339_LENGTH;
    g_assert_true(memcmp(stream, " stdout ", 8) == 0 || memcmp(stream, " stderr ", 8) == 0);
    g_assert_true(memcmp(stream + 8, "F ", 2) == 0 || memcmp(stream + 8, "P ", 2) == 0);
    *out_stream = stream[4] == 'o' ? HF_STREAM_STDOUT : HF_STREAM_STDERR;
    *out_is_partial = stream[8] == 'P';
    return line + HF_CRI_PREFIX_MAX;
}

/* What a stream's container wrote, put together from a log as its readers do. (transfer full) */
static inline GString *
log_kit_join(const GString *log, HfStream stream)
{
    GString *bytes = g_string_new(NULL);
    const char *line = log->str;
    const char *end = line + log->len;

    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        HfStream line_stream;
        bool is_partial;

        g_assert_nonnull(newline);
        const char *message =
            log_kit_parse_line(line, (size_t)(newline - line), &line_stream, &is_partial);
        if (line_stream == stream)
            g_string_append_len(bytes, message, newline - message + (is_partial ? 0 : 1));
        line = newline + 1;
    }
    return bytes;
}

/* How often @text occurs. */
static inline guint
log_kit_count(const GString *log, const char *text)
{
    guint count = 0;

    for (const char *at = log->str; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}

/* No file may grow beyond @bytes; RLIM_INFINITY ends it. write(2) is then short, and the next one
 * fails with EFBIG: what a full disk does, and needs no root. */
static inline void
log_kit_limit_files(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    g_assert_no_errno(getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = bytes;
    g_assert_no_errno(setrlimit(RLIMIT_FSIZE, &limit));
}
