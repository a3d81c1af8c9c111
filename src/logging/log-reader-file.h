/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One file of a log: PATH, PATH.N, or PATH.N.gz, found in its directory by number. */

#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <glib.h>

typedef struct {
    int fd; /* what has the name */
    dev_t device;
    ino_t inode;
    guint number; /* 0 is PATH; what it was when it was last looked up */
    bool is_compressed;
    int plain_fd; /* of a compressed one: its contents, once somebody has unpacked it; else -1 */
    int watch;    /* of inotify; -1: none */
} HfLogReaderFile;

/* Where the files are. Borrowed. */
typedef struct {
    int directory_fd;
    const char *name; /* of PATH */
} HfLogReaderPlace;

typedef enum {
    HF_LOG_READER_FOUND,
    HF_LOG_READER_NONE,
    HF_LOG_READER_AGAIN, /* files were renamed meanwhile: ask again, later */
    HF_LOG_READER_FAILED,
} HfLogReaderFind;

/* The file with the number, in either form; the plain one if there are both. What is no regular
 * file counts as absent. */
HfLogReaderFind hf_log_reader_file_open(const HfLogReaderPlace *place, guint number,
                                        HfLogReaderFile **out_file,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Accepts NULL. The watch must have been removed. */
void hf_log_reader_file_free(HfLogReaderFile *self);

/* Of what open() would open. False: there is nothing. */
bool hf_log_reader_file_stat(const HfLogReaderPlace *place, guint number, struct stat *out_status);

/* The file has the number; or it had, and a compressed copy has it. */
bool hf_log_reader_file_is_at(const HfLogReaderFile *self, const HfLogReaderPlace *place,
                              guint number);

/* Brings the number up to date; false: it has none. */
bool hf_log_reader_file_locate(HfLogReaderFile *self, const HfLogReaderPlace *place);

/* The descriptor to read from; -1: it is compressed and not unpacked yet. */
int hf_log_reader_file_get_readable_fd(const HfLogReaderFile *self);
