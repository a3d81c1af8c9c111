/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A line of seccomp.json: calls that a seccomp filter handed over, as holdfast-seccomp-agent wrote
 * them down. */

#pragma once

#include <glib.h>

/* Of a call's name, and of an action's. */
#define HF_SECCOMP_RECORD_WORD_MAX 64

typedef struct {
    gint64 time_us; /* of the first of them, since 1970 UTC */
    char *syscall;  /* "*": of any name */
    char *action;   /* NULL: several */
    guint32 pid;    /* 0: not known, or several */
    guint32 count;
} HfSeccompRecord;

/* Fills *@out_record, whose strings the caller frees with hf_seccomp_record_clear(). Names are
 * letters, digits, '_' and '-' (a call's number can be below 0), so they can be printed as they
 * are. HF_ERROR_PROTOCOL. */
gboolean hf_seccomp_record_parse(const char *line, gsize length, HfSeccompRecord *out_record,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_seccomp_record_clear(HfSeccompRecord *record);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfSeccompRecord, hf_seccomp_record_clear)
