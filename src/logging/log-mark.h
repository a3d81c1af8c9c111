/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How far a log file has come, in memory that outlives this program (a mapped file), so that who
 * comes after a program that was killed can go on where it was. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "protocol/stream.h"

typedef struct {
    guint64 device;
    guint64 inode;
    guint64 size;                      /* of the file */
    guint64 consumed[HF_STREAM_COUNT]; /* bytes of each stream's output that are in the log */
    guint64 units;                     /* records after those: lines, or bytes of a raw log */
} HfLogMarkPlace;

/* Two places, of which one counts: a change is there whole or not at all. */
typedef struct {
    guint32 current;
    guint32 is_set;
    HfLogMarkPlace places[2];
} HfLogMark;

const HfLogMarkPlace *hf_log_mark_get(const HfLogMark *self);

void hf_log_mark_commit(HfLogMark *self, const HfLogMarkPlace *place);

/* More of the file was written, and it was not all that is to be. */
void hf_log_mark_advance(HfLogMark *self, guint64 device, guint64 inode, guint64 size,
                         guint64 units);

/* Of a log whose writer was killed: counts what he wrote after the mark to @path and the full files
 * beside it, and ends the file at its last whole line (a raw log: leaves it). */
guint64 hf_log_mark_settle(const HfLogMark *self, const char *path, guint files_max, bool is_raw);
