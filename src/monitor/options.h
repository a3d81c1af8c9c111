/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The command line, which is conmon's (docs/compat-conmon.md), and a few options of our own. */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#include "protocol/log-spec.h"
#include "protocol/sync-message.h"
#include "sandbox/sandbox.h"

typedef struct {
    /* the container */
    char *container_id;
    char *container_uuid;
    char *container_name;
    char *bundle; /* NULL: an exec without one, which has no attach socket and no FIFOs */
    char *container_pid_file;
    char *monitor_pid_file;
    char *persist_dir;
    char *exit_dir;
    char *socket_dir;
    gboolean is_full_attach;
    gboolean has_terminal;
    gboolean has_stdin;
    gboolean leave_stdin_open;

    /* the process directory, and clients' FIFOs */
    char *process_dir; /* NULL: none */
    char *stdin_path;  /* NULL: none, as the others */
    char *stdout_path;
    char *stderr_path;
    char *stdio_owner; /* as given: UID:GID */
    bool has_stdio_owner;
    uid_t stdio_uid; /* from stdio_owner */
    gid_t stdio_gid;

    /* a monitor that dies is replaced */
    gboolean is_adoptable;
    char *adopt_dir;    /* NULL: this is no adoption */
    char *adoption_dir; /* where the directories of --adoptable are; NULL: the default */

    /* the OCI runtime */
    char *runtime;
    char **runtime_args;
    char **runtime_opts;
    char *restore_dir;
    gboolean is_exec;
    gboolean is_exec_attach;
    char *exec_process_spec;
    gboolean use_systemd_cgroup;
    gboolean no_pivot;
    gboolean no_new_keyring;
    gboolean replace_listen_pid;

    /* the engine */
    gboolean has_api_version;
    gboolean is_sync;
    int timeout_s;
    char *exit_command;
    char **exit_command_args;
    int exit_delay_s;
    char *sdnotify_socket;
    char *seccomp_socket; /* NULL: no holdfast-seccomp-agent */
    char *seccomp_policy; /* NULL: none */
    char *log_level;
    gboolean use_syslog;
    char *sandbox; /* as given */
    HfSandboxMode sandbox_mode;

    /* the container's log */
    char **log_paths;
    GArray *log_specs; /* of HfLogSpec, from log_paths */
    gint64 log_size_max;
    gint64 log_global_size_max;
    gboolean log_rotate;
    int log_files_max;
    char *log_tag;
    char **log_labels;
    gboolean no_partial_mark;
    gboolean no_sync_log;
    gboolean log_utc;
    gboolean log_priority_prefix;
    gboolean log_compress;
    char **log_modes;      /* MODE or DRIVER=MODE */
    char *log_buffer;      /* as given */
    size_t log_buffer_max; /* from log_buffer */
    int log_line_max;

    /* attach clients */
    gint64 attach_buffer;
    int attach_timeout_s;
    int hold_output_s; /* 0: output is not held */
    int attach_max;

    /* taken and without effect */
    char **seccomp_plugins_ignored;
    char **allowlist_ignored;
    gboolean shows_version;
} HfOptions;

/* Parses *@argv and leaves what it did not know (conmon ignores operands). --help prints and ends
 * the program with status 0, as GOption does. (transfer full) */
HfOptions *hf_options_parse(int argc, char **argv, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_options_free(HfOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfOptions, hf_options_free)

bool hf_options_has_log_driver(const HfOptions *self, HfLogDriver driver);

/* Whether what the driver's target does not take is dropped (--log-mode non-blocking). */
bool hf_options_is_lossy(const HfOptions *self, HfLogDriver driver);

/* The id that names this session: the uuid, or the container id of an exec that has none. */
const char *hf_options_get_session_id(const HfOptions *self);

/* The key of the sync messages that the engine expects. */
HfSyncKey hf_options_get_sync_key(const HfOptions *self);
