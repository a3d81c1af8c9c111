/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Tells when something happens to the files of a log: inotify on them, on their directory and on
 * the one above it. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct HfLogReaderWatch HfLogReaderWatch;

typedef enum {
    HF_LOG_READER_QUIET, /* nothing that concerns the log */
    HF_LOG_READER_CHANGED,
    HF_LOG_READER_DIRECTORY_GONE,
} HfLogReaderEvents;

/* @name: of the log in @directory; files that begin with it concern the log. */
HfLogReaderWatch *hf_log_reader_watch_new(const char *directory, const char *name,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_reader_watch_free(HfLogReaderWatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogReaderWatch, hf_log_reader_watch_free)

/* Watches the file that is open as @fd. Returns the number of the watch, or -1. */
int hf_log_reader_watch_add(HfLogReaderWatch *self, int fd,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_reader_watch_remove(HfLogReaderWatch *self, int watch);

/* To be polled. Borrowed. */
int hf_log_reader_watch_get_fd(const HfLogReaderWatch *self);

/* Takes what made the descriptor readable, some of it at least. */
HfLogReaderEvents hf_log_reader_watch_take_events(HfLogReaderWatch *self);
