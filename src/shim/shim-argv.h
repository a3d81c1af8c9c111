/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* From what is in a process directory to the monitor's command line. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "state/process-file.h"

/* All borrowed. */
typedef struct {
    const char *monitor; /* argv[0] */
    const char *container_id;
    const char *bundle;                 /* absolute */
    const char *runtime;                /* absolute */
    const char *process_dir;            /* absolute; its last part is an exec's id */
    const char *spec;                   /* EXEC: the file that the runtime is given */
    const char *const *restore_options; /* with a checkpoint; nullable */
    bool is_adopting;
} HfShimRequest;

/* (transfer full): g_strfreev() */
char **hf_shim_argv_new(const HfShimRequest *request, const HfProcessFile *file);
