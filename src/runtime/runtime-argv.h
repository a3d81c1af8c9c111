/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The command line of an OCI runtime for each action the monitor asks for. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef enum {
    HF_RUNTIME_CREATE,
    HF_RUNTIME_RESTORE,
    HF_RUNTIME_EXEC,
} HfRuntimeAction;

/* All strings borrowed; NULL where there is none. */
typedef struct {
    HfRuntimeAction action;
    const char *runtime;
    const char *container_id;
    const char *bundle;
    const char *pid_file;
    const char *console_socket;
    const char *process_spec;       /* EXEC */
    const char *checkpoint_dir;     /* RESTORE */
    const char *const *global_args; /* before the subcommand (--runtime-arg) */
    const char *const *action_opts; /* after it (--runtime-opt) */
    bool use_systemd_cgroup;
    bool no_pivot;
    bool no_new_keyring;
} HfRuntimeRequest;

/* (transfer full): g_strfreev() */
char **hf_runtime_argv_new(const HfRuntimeRequest *request);
