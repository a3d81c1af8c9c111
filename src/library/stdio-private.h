/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* HfStdio's struct, and the keys of process.json that it stands for. */

#pragma once

#include <holdfast/stdio.h>

#include "state/process-file.h"

/* What the monitor takes for --log-max-files. */
#define HF_LOG_FILES_MAX 1000

/* In the process's directory. */
#define HF_STDIO_DEFAULT_LOG "ctr.log"

struct _HfStdio {
    GObject parent_instance;

    char *stdin_path; /* NULL: none, as the others */
    char *stdout_path;
    char *stderr_path;
    char **logs; /* NULL: the default */
    guint64 log_size_max;
    guint log_max_files;
    bool has_stdin;
    bool leave_stdin_open;
    bool is_adoptable;
    char **monitor_args; /* NULL: none */
};

/* Sets stdin_path, stdout_path, stderr_path and monitor_args of @file. @process_path is ROOT/ID/
 * PROCESS, where the default log is. HF_ERROR_INVALID_ARGUMENT for a path that is not absolute, for
 * standard error's beside a terminal (@file's has_terminal), for a monitor's argument that is no
 * option, and for a text that is not UTF-8. */
gboolean hf_stdio_store(HfStdio *self, const char *process_path, HfProcessFile *file,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) */
HfStdio *hf_stdio_new_from_file(const HfProcessFile *file);
