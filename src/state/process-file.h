/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* process.json, which says what a process is and where its streams go: an OCI "process" object with
 * containerd 0.2's keys beside the OCI ones. Text <-> struct. docs/state.md has the keys. */

#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include <glib.h>

typedef struct {
    JsonObject *process; /* the OCI keys only, as they were */
    bool has_terminal;   /* process.terminal */
    bool is_exec;
    char *stdin_path; /* never NULL; "" and "/dev/null" are none */
    char *stdout_path;
    char *stderr_path;
    char **runtime_args; /* never NULL */
    bool no_pivot_root;
    char *checkpoint; /* the directory to restore from; "" is none */
    guint32 root_uid; /* who owns the container's standard streams */
    guint32 root_gid;
    char **monitor_args; /* ours: more options for holdfast-monitor; never NULL */
} HfProcessFile;

HfProcessFile *hf_process_file_new(void);
void hf_process_file_free(HfProcessFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfProcessFile, hf_process_file_free)

/* HF_ERROR_PROTOCOL names the JSON path of what is wrong, or says that the text is empty or torn.
 * (transfer full) */
HfProcessFile *hf_process_file_parse(const char *text, gsize length,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) */
char *hf_process_file_to_json(const HfProcessFile *self);
