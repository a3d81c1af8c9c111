/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Compresses the full files of logs, all but the newest of each, one at a time in a child process.
 * PATH.N becomes PATH.N.gz. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"
#include "monitor/reaper.h"

typedef struct HfLogCompressor HfLogCompressor;

/* @files_max: the highest N. @reaper outlives the compressor. */
HfLogCompressor *hf_log_compressor_new(HfReaper *reaper, guint files_max);

/* Stops what is going on; the file stays as it was. */
void hf_log_compressor_free(HfLogCompressor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogCompressor, hf_log_compressor_free)

/* A full file of the log @path was put aside. */
void hf_log_compressor_push(HfLogCompressor *self, const char *path);

/* For a new compressor in another program, with the same process id, that goes on with the child.
 */
void hf_log_compressor_save(const HfLogCompressor *self, HfStateWriter *writer);
void hf_log_compressor_restore(HfLogCompressor *self, HfStateReader *reader);
