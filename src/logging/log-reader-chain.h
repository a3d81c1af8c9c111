/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The files of one log, PATH.N or PATH.N.gz (the oldest) to PATH.1 and PATH, found in their order
 * while somebody renames them. Holds a run of neighbours open: the oldest is read, the newest is
 * what the writer had open when it was last looked for. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "logging/log-reader-file.h"
#include "logging/log-reader-watch.h"

typedef struct HfLogReaderChain HfLogReaderChain;

/* The directory of @path must exist; the files need not. @is_watching: changes make the descriptor
 * below readable. */
HfLogReaderChain *hf_log_reader_chain_new(const char *path, bool is_watching,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_reader_chain_free(HfLogReaderChain *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogReaderChain, hf_log_reader_chain_free)

/* To be polled; -1 if not watching. Borrowed. */
int hf_log_reader_chain_get_fd(const HfLogReaderChain *self);

/* Takes what made the descriptor readable, some of it at least. */
HfLogReaderEvents hf_log_reader_chain_take_events(HfLogReaderChain *self);

/* Opens PATH, or PATH.1 if there is no PATH for now. The chain must be empty. */
HfLogReaderFind hf_log_reader_chain_open_first(HfLogReaderChain *self,
                                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens the file before the oldest. If the run would become too long, the newest is closed, to be
 * found again by add_newer. */
HfLogReaderFind hf_log_reader_chain_add_older(HfLogReaderChain *self,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens the file after the newest. *@out_is_gap: files between the two may have been removed. */
HfLogReaderFind hf_log_reader_chain_add_newer(HfLogReaderChain *self, bool *out_is_gap,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* NULL if the chain is empty. Borrowed, until the chain changes. */
const HfLogReaderFile *hf_log_reader_chain_get_oldest(const HfLogReaderChain *self);

/* A file after the oldest has bytes: the writer has left the oldest for good. */
bool hf_log_reader_chain_has_newer_bytes(const HfLogReaderChain *self);

/* The name of the compressed file that add_older did not open, because this build cannot read it;
 * NULL if there is none. (transfer full) */
char *hf_log_reader_chain_dup_compressed(const HfLogReaderChain *self);

/* The contents of the oldest file, which is compressed. */
void hf_log_reader_chain_take_plain_fd(HfLogReaderChain *self, int fd);

void hf_log_reader_chain_drop_oldest(HfLogReaderChain *self);
