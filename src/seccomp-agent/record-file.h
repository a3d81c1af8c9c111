/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A file of lines that does not grow without bound: when it is full it becomes PATH.1, which is
 * replaced, and a new one begins. */

#pragma once

#include <glib.h>

typedef struct HfRecordFile HfRecordFile;

/* Opens @path to append to, made with mode 0600 if it is missing. A symbolic link or anything else
 * that is no regular file is refused. */
HfRecordFile *hf_record_file_new(const char *path, gsize size_max,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_record_file_free(HfRecordFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfRecordFile, hf_record_file_free)

/* Appends whole lines. What cannot be written is cut off again and counted as lost. */
gboolean hf_record_file_write(HfRecordFile *self, const char *lines, gsize length,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
