/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The options that say where a new process's streams go: of run, create and exec. */

#pragma once

#include <holdfast/holdfast.h>

typedef struct {
    gboolean has_terminal;
    gboolean has_stdin;
    gboolean leaves_stdin_open;
    char **logs;         /* --log, each DRIVER:PATH; NULL: the default */
    char *log_size_max;  /* as given; NULL: none */
    int log_max_files;   /* 0: the monitor's default */
    char **monitor_args; /* --monitor-arg */
    char *detach_keys;   /* NULL: the default */
} HfStdioOptions;

void hf_stdio_options_clear(HfStdioOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfStdioOptions, hf_stdio_options_clear)

/* Adds them to @context as a group of its own. @self must outlive it. */
void hf_stdio_options_add(HfStdioOptions *self, GArray *entries);

/* (transfer full) */
HfStdio *hf_stdio_options_make(const HfStdioOptions *self, GError **error);

/* This program is going to attach to the process and waits for whoever reads its own output, a
 * pager for one: so does the monitor. @runs_at_once: the process runs before this program can
 * attach: its output is left where it is until then. */
void hf_stdio_options_set_foreground(HfStdio *stdio, gboolean runs_at_once);

/* Nobody waits for container @id: its monitor has this program delete it. @root: NULL: the default
 */
gboolean hf_stdio_options_set_removed(HfStdio *stdio, const char *root, const char *id,
                                      GError **error);
