/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a process may do by its capabilities, and who may look into it. */

#pragma once

#include <stdbool.h>
#include <sys/resource.h>

#include <glib.h>

typedef struct {
    const char *const *written; /* NULL-terminated: files, and directories in which some are made */
    bool executes;    /* another program, which as root is to have its capabilities again */
    bool keeps_trace; /* CAP_SYS_PTRACE stays: how another's child ended is read in /proc */
} HfPrivileges;

/* No core dumps: the limit as it was is put to @out_core, for children. */
gboolean hf_privileges_stop_cores(rlim_t *out_core, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Nobody of the same user may trace it, nor look into its memory. */
gboolean hf_privileges_hide(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Leaves CAP_KILL, and CAP_DAC_OVERRIDE if without it some directory could not be written to; of
 * these, what there was. */
gboolean hf_privileges_cut(const HfPrivileges *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Nothing that is executed from here on gets more than this process has. */
gboolean hf_privileges_freeze(GError **error) G_GNUC_WARN_UNUSED_RESULT;
