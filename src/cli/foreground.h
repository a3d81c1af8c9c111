/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* This program's standard streams joined to a process, until one of both ends. */

#pragma once

#include "cli/cli.h"

typedef struct HfForeground HfForeground;

/* Joins them. @with_input: standard input too. Signals that this program gets go to the process
 * from here on, unless the terminal sends them as bytes. */
HfForeground *hf_foreground_new(HfProcess *process, gboolean with_input, const char *detach_keys,
                                GError **error);
void hf_foreground_free(HfForeground *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfForeground, hf_foreground_free)

typedef enum {
    HF_FOREGROUND_ENDED,    /* the process has: its exit status is returned */
    HF_FOREGROUND_DETACHED, /* by keys: 0 is returned */
    HF_FOREGROUND_NOT_READ, /* nobody reads the output any more: HF_CLI_NOT_READ is returned */
} HfForegroundEnd;

/* The exit status for this program, or -1 with @error set. */
int hf_foreground_run(HfForeground *self, HfForegroundEnd *out_end, GError **error);
