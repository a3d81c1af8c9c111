/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log in a directory of its own, and a reader whose messages are written down: "o:text\n" for
 * stdout, "e:text\n" for stderr, with '+' for ':' if partial and '!' if cut. */

#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "logging/log-reader.h"
#include "test-kit.h"

#define AT(second) "2026-01-01T00:00:" second ".000000000+00:00"
#define OUT(text) AT("00") " stdout F " text "\n"
#define ERR(text) AT("00") " stderr F " text "\n"
#define OUT_PART(text) AT("00") " stdout P " text "\n"
#define ERR_PART(text) AT("00") " stderr P " text "\n"

typedef struct {
    char *dir;
    char *path;
    GMainContext *context;
    HfLogReader *reader;
    HfLogReaderOptions options;
    GString *messages;
    guint64 count;
    gint seen;        /* the same, for other threads */
    guint64 pause_at; /* 0: never */
    guint problems[HF_LOG_READER_PROBLEM_COUNT];
    guint caught_up;
    guint ends;
    GError *end_error;
} LogReaderKit;

static inline void
log_reader_kit_on_message(const HfLogMessage *message, gpointer user_data)
{
    LogReaderKit *self = user_data;

    g_string_append_c(self->messages, message->stream == HF_STREAM_STDERR ? 'e' : 'o');
    g_string_append_c(self->messages, message->is_cut ? '!' : message->is_partial ? '+' : ':');
    g_string_append_len(self->messages, message->bytes, (gssize)message->length);
    g_string_append_c(self->messages, '\n');
    self->count++;
    g_atomic_int_inc(&self->seen);
    if (self->count == self->pause_at)
        hf_log_reader_set_paused(self->reader, true);
}

static inline void
log_reader_kit_on_problem(HfLogReaderProblem problem, gpointer user_data)
{
    LogReaderKit *self = user_data;

    self->problems[problem]++;
}

static inline void
log_reader_kit_on_caught_up(gpointer user_data)
{
    LogReaderKit *self = user_data;

    self->caught_up++;
}

static inline void
log_reader_kit_on_end(const GError *error, gpointer user_data)
{
    LogReaderKit *self = user_data;

    self->ends++;
    self->end_error = error != NULL ? g_error_copy(error) : NULL;
}

static inline LogReaderKit *
log_reader_kit_new(void)
{
    LogReaderKit *self = g_new0(LogReaderKit, 1);

    self->dir = hf_test_make_dir();
    self->path = g_build_filename(self->dir, "log", NULL);
    self->context = g_main_context_new();
    self->messages = g_string_new(NULL);
    self->options.tail = HF_LOG_READER_TAIL_ALL;
    return self;
}

static inline void
log_reader_kit_stop(LogReaderKit *self)
{
    g_clear_pointer(&self->reader, hf_log_reader_free);
    g_clear_error(&self->end_error);
    g_string_truncate(self->messages, 0);
    self->count = 0;
    self->caught_up = 0;
    self->ends = 0;
}

static inline void
log_reader_kit_free(LogReaderKit *self)
{
    log_reader_kit_stop(self);
    g_string_free(self->messages, TRUE);
    g_main_context_unref(self->context);
    hf_test_remove_dir(self->dir);
    g_free(self->path);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogReaderKit, log_reader_kit_free)

static inline void
log_reader_kit_start(LogReaderKit *self)
{
    static const HfLogReaderHandlers handlers = {
        .on_message = log_reader_kit_on_message,
        .on_problem = log_reader_kit_on_problem,
        .on_caught_up = log_reader_kit_on_caught_up,
        .on_end = log_reader_kit_on_end,
    };
    g_autoptr(GError) error = NULL;

    self->reader =
        hf_log_reader_new(self->context, self->path, &self->options, &handlers, self, &error);
    g_assert_no_error(error);
    g_assert_nonnull(self->reader);
}

static inline bool
log_reader_kit_has_ended(gpointer user_data)
{
    const LogReaderKit *self = user_data;

    return self->ends > 0;
}

/* Reads what is there, and compares. */
static inline void
log_reader_kit_assert_read(LogReaderKit *self, const char *expected)
{
    log_reader_kit_start(self);
    hf_test_wait(self->context, "end of the log", log_reader_kit_has_ended, self);
    g_assert_no_error(self->end_error);
    g_assert_cmpstr(self->messages->str, ==, expected);
    g_assert_cmpuint(self->ends, ==, 1);
}

/* Starts to follow, and reads what is there. */
static inline void
log_reader_kit_follow(LogReaderKit *self)
{
    self->options.is_following = true;
    log_reader_kit_start(self);
    hf_test_settle(self->context);
    g_assert_cmpuint(self->caught_up, ==, 1);
}

/* What came since the last of these calls. inotify events are there when the change is. */
static inline void
log_reader_kit_assert_new(LogReaderKit *self, const char *expected)
{
    hf_test_settle(self->context);
    g_assert_cmpstr(self->messages->str, ==, expected);
    g_string_truncate(self->messages, 0);
}

/* Appends to DIR/@name, creating it if need be. */
static inline void
log_reader_kit_append_bytes(LogReaderKit *self, const char *name, const char *bytes, size_t length)
{
    g_autofree char *path = g_build_filename(self->dir, name, NULL);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, bytes, length), ==, length);
    g_assert_no_errno(close(fd));
}

static inline void
log_reader_kit_append(LogReaderKit *self, const char *name, const char *text)
{
    log_reader_kit_append_bytes(self, name, text, strlen(text));
}

static inline void
log_reader_kit_rename(LogReaderKit *self, const char *from, const char *to)
{
    g_autofree char *from_path = g_build_filename(self->dir, from, NULL);
    g_autofree char *to_path = g_build_filename(self->dir, to, NULL);

    g_assert_no_errno(rename(from_path, to_path));
}

static inline void
log_reader_kit_remove(LogReaderKit *self, const char *name)
{
    g_autofree char *path = g_build_filename(self->dir, name, NULL);

    g_assert_no_errno(unlink(path));
}
