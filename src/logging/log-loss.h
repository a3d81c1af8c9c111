/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a log does not have, and the record that tells of it. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"

typedef struct {
    guint64 records;
    guint64 bytes; /* of their messages */
} HfLogLoss;

static inline void
hf_log_loss_add(HfLogLoss *self, guint64 records, guint64 bytes)
{
    self->records += records;
    self->bytes += bytes;
}

/* The message of the record. It is one line, whatever @cause holds. (transfer full) */
char *hf_log_loss_describe(const HfLogLoss *self, const char *cause);

/* Under @name; no loss is not put. */
void hf_log_loss_save(const HfLogLoss *self, HfStateWriter *writer, const char *name);
void hf_log_loss_restore(HfLogLoss *self, HfStateReader *reader, const char *name);
