/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What whole lines are appended to: a file with a size limit, or a FIFO or device that is written
 * to without ever blocking. Knows of a line only that a newline ends it, and cuts files there. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/io.h"
#include "base/saved-state.h"
#include "logging/log-mark.h"

typedef struct HfLogFile HfLogFile;

typedef struct {
    const char *path; /* borrowed during the call of new */
    gint64 size_max;  /* bytes of one file, <= 0: no limit */
    guint files_max;  /* how many full files are kept, >= 1 */
    bool is_raw;      /* what is in the file is gone on with, also within a line */
    bool is_fifo;     /* the path is a FIFO, made (mode 0640) if it is not there */
    /* A full file was put aside; NULL: nobody wants to know. May not free the log file. */
    void (*on_rotated)(const char *path, gpointer user_data);
    gpointer user_data;
    HfLogMark *mark; /* NULL: none; moved by hf_log_file_write() when it takes several writes */
    HfStateReader *saved; /* NULL: the path is opened; else what save() put, and nothing is */
} HfLogFileOptions;

/* Opens the path, or creates it with mode 0640. HF_ERROR_INVALID_ARGUMENT: it is to be a FIFO and
 * is something else. */
HfLogFile *hf_log_file_new_with_options(const HfLogFileOptions *options,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for what most logs are: lines in a file. */
HfLogFile *hf_log_file_new(const char *path, gint64 size_max, guint files_max,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_file_free(HfLogFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogFile, hf_log_file_free)

/* Appends lines. The first may be the rest of one that is in the file in part; the last ends with a
 * newline. HF_IO_DATA: all of it is written. Otherwise the caller keeps what lies behind
 * *@out_written, which is always set. A full file is put aside; if that fails, the lines go into it
 * all the same (hf_log_file_get_rotation_error). */
HfIoResult hf_log_file_write(HfLogFile *self, const char *lines, size_t length, size_t *out_written,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens the path anew; on failure the old file stays. A watcher of the path sees an event even if
 * nothing was renamed. *@out_is_same: it is still the same file. */
gboolean hf_log_file_reopen(HfLogFile *self, bool *out_is_same,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The last line was written in part; the caller has the rest. */
bool hf_log_file_is_torn(const HfLogFile *self);

/* A FIFO or device: it may take no more at times, has no size and is not rotated. */
bool hf_log_file_is_stream(const HfLogFile *self);

/* Why the file grows beyond its limit; NULL if it does not. Borrowed. */
const GError *hf_log_file_get_rotation_error(const HfLogFile *self);

/* A FIFO: a main loop can wait until it takes more. A device may say that it does when it does not.
 */
bool hf_log_file_is_fifo(const HfLogFile *self);

/* Which file it is and how long: all of a place but what is consumed. */
void hf_log_file_get_place(const HfLogFile *self, HfLogMarkPlace *out_place);

/* Borrowed. */
int hf_log_file_get_fd(const HfLogFile *self);

/* For a log file in another program that goes on with the descriptor. */
void hf_log_file_save(const HfLogFile *self, HfStateWriter *writer);
