/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What was tried, as JSON lines: calls that are equal within a second are one record with a count.
 */

#pragma once

#include <glib.h>

#include "seccomp-agent/record-file.h"
#include "seccomp-agent/seccomp-call.h"
#include "seccomp-agent/seccomp-policy.h"

typedef struct HfSeccompRecords HfSeccompRecords;

/* Records could not be written: they are lost. @error is borrowed. */
typedef void (*HfSeccompRecordsFailed)(const GError *error, gpointer user_data);

/* @file is borrowed and outlives the records. */
HfSeccompRecords *hf_seccomp_records_new(GMainContext *context, HfRecordFile *file,
                                         const char *container_id, HfSeccompRecordsFailed on_failed,
                                         gpointer user_data);
void hf_seccomp_records_free(HfSeccompRecords *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompRecords, hf_seccomp_records_free)

/* @name and @arch are those of @call. Written within a second. */
void hf_seccomp_records_add(HfSeccompRecords *self, const HfSeccompCall *call, const char *name,
                            const char *arch, const HfSeccompVerdict *verdict);

/* Writes what waits. */
void hf_seccomp_records_flush(HfSeccompRecords *self);
