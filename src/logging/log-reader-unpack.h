/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Unpacks a gzip file into a file without a name, block by block. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct HfLogReaderUnpack HfLogReaderUnpack;

typedef enum {
    HF_LOG_READER_UNPACK_MORE, /* call again */
    HF_LOG_READER_UNPACK_DONE,
    HF_LOG_READER_UNPACK_DAMAGED, /* what came before the damage is there */
    HF_LOG_READER_UNPACK_FAILED,
} HfLogReaderUnpackStep;

/* Whether this build has zlib. Without, there is nothing to unpack with. */
bool hf_log_reader_unpack_is_supported(void);

/* @fd is borrowed, and read from its beginning. */
HfLogReaderUnpack *hf_log_reader_unpack_new(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_reader_unpack_free(HfLogReaderUnpack *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogReaderUnpack, hf_log_reader_unpack_free)

/* Unpacks about as much as *@out_length tells. */
HfLogReaderUnpackStep hf_log_reader_unpack_step(HfLogReaderUnpack *self, size_t *out_length,
                                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The file with the contents. The caller owns it. */
int hf_log_reader_unpack_steal_fd(HfLogReaderUnpack *self);

/* The gzip file was made of the plain one: it has its time, its length and its checksum. The last
 * of them, which means to read all of it, is looked at only if the others agree. */
bool hf_log_reader_unpack_is_copy(int compressed_fd, int plain_fd);
