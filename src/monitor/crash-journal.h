/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What was read from the container and is not in its log yet, in a mapped file of the process's
 * directory: a monitor that is killed loses none of it. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "logging/log-mark.h"
#include "logging/log-router.h"

#define HF_CRASH_JOURNAL_LOGS_MAX 4
#define HF_CRASH_JOURNAL_ROOM ((size_t)256 * 1024) /* for one read */

typedef struct HfCrashJournal HfCrashJournal;

/* Opens the file below @dir_fd. @is_adopting: as a monitor left it that was killed, if it did and
 * was of the same make; else anew. */
HfCrashJournal *hf_crash_journal_new(int dir_fd, size_t line_max, bool is_adopting,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_crash_journal_free(HfCrashJournal *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfCrashJournal, hf_crash_journal_free)

/* The journal was left by another: replay() will have something to say. */
bool hf_crash_journal_is_left(const HfCrashJournal *self);

/* The mark of log number @i; NULL for one too many. */
HfLogMark *hf_crash_journal_get_mark(HfCrashJournal *self, guint i);

/* Up to where each stream had been handed to the logs. */
const guint64 *hf_crash_journal_get_handed(const HfCrashJournal *self);

/* Where the next read of @stream goes, *@out_size bytes at most. */
char *hf_crash_journal_prepare(HfCrashJournal *self, HfStream stream, size_t *out_size);

/* The logs are about to be given the @length bytes that were read; 0: what they kept. */
void hf_crash_journal_begin(HfCrashJournal *self, size_t length);

/* They have it; what @router kept of half lines is noted. */
void hf_crash_journal_end(HfCrashJournal *self, const HfLogRouter *router);

/* Gives @router, which has been given nothing yet, what a killed monitor had in hand. */
void hf_crash_journal_replay(HfCrashJournal *self, HfLogRouter *router);

/* Gives the memory back that is not in use. */
void hf_crash_journal_release(HfCrashJournal *self);
