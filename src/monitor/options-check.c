/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "monitor/options-check.h"
#include "protocol/log-label.h"

#define LOG_FILES_MAX 1000
/* The journal's CONTAINER_ID field holds the first twelve characters. */
#define JOURNAL_ID_LENGTH 12

/* An id becomes part of file names. */
static gboolean
check_id(const char *id, GError **error)
{
    if (*id == '\0' || strchr(id, '/') != NULL || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "Container ID '%s' is no file name", id);
    return TRUE;
}

static gboolean
check_session(const HfOptions *o, GError **error)
{
    bool needs_uuid = !o->is_exec || o->has_api_version;

    if (o->container_id == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "Container ID not provided. Use --cid");
    if (o->restore_dir != NULL && o->is_exec)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Cannot use --exec and --restore at the same time");
    if (o->is_exec_attach && !o->is_exec)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "Attach can only be specified with exec");
    if (o->is_exec_attach && !o->has_api_version)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Attach can only be specified for a non-legacy exec session");
    if (o->container_uuid == NULL && needs_uuid)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Container UUID not provided. Use --cuuid");
    return check_id(o->container_id, error) && check_id(hf_options_get_session_id(o), error);
}

static gboolean
check_runtime(const HfOptions *o, GError **error)
{
    if (o->runtime == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Runtime path not provided. Use --runtime");
    if (access(o->runtime, X_OK) < 0)
        return hf_throw_errno(error, "Runtime path %s is not valid", o->runtime);
    if (o->is_exec && o->exec_process_spec == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Exec process spec path not provided. Use --exec-process-spec");
    return TRUE;
}

static gboolean
check_numbers(const HfOptions *o, GError **error)
{
    if (o->log_files_max < 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "log-max-files must be non-negative");
    if (o->log_files_max > LOG_FILES_MAX)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "log-max-files cannot exceed %d",
                        LOG_FILES_MAX);
    if (o->log_rotate && o->log_files_max < 1)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "log-max-files must be at least 1 when log-rotate is enabled");
    if (o->log_line_max < 1 || o->log_line_max > 1024 * 1024)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "log-line-max must be between 1 and 1048576");
    if (o->attach_buffer < 1 || o->attach_buffer > G_MAXINT)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "attach-buffer must be between 1 and %d",
                        G_MAXINT);
    if (o->attach_timeout_s < 1 || o->attach_timeout_s > 86400)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "attach-timeout must be between 1 and 86400");
    if (o->attach_max < 1 || o->attach_max > 4096)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "attach-max must be between 1 and 4096");
    return TRUE;
}

static gboolean
parse_log_specs(HfOptions *o, GError **error)
{
    if (o->log_paths == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Log driver not provided. Use --log-path");
    for (char **path = o->log_paths; *path != NULL; path++) {
        HfLogSpec spec = {0};

        if (!hf_log_spec_parse(*path, &spec, error))
            return FALSE;
        g_array_append_val(o->log_specs, spec);
    }
    return TRUE;
}

static gboolean
check_journal(const HfOptions *o, GError **error)
{
    if (strlen(o->container_id) <= JOURNAL_ID_LENGTH)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Container ID must be longer than %d characters", JOURNAL_ID_LENGTH);
    for (char **label = o->log_labels; label != NULL && *label != NULL; label++) {
        if (!hf_log_label_check(*label, error))
            return FALSE;
    }
    return TRUE;
}

/* Tags and labels mean something to the journal only. They are refused where a log is written that
 * cannot hold them, and let pass with "none": every `podman exec` of a container with a tag sends
 * it. */
static gboolean
check_log_options(const HfOptions *o, GError **error)
{
    if (hf_options_has_log_driver(o, HF_LOG_DRIVER_JOURNALD))
        return check_journal(o, error);
    if (o->no_partial_mark)
        hf_diag(HF_DIAG_WARNING,
                "--no-container-partial-message has no effect without journald log driver");
    if (!hf_options_has_log_driver(o, HF_LOG_DRIVER_K8S_FILE))
        return TRUE;
    if (o->log_tag != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "k8s-file doesn't support --log-tag");
    if (o->log_labels != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "k8s-file doesn't support --log-label");
    return TRUE;
}

/* Engines learn of a container's end from these directories alone: better not to start. */
static gboolean
check_directory(const char *path, const char *option, GError **error)
{
    if (path != NULL && access(path, W_OK | X_OK) < 0)
        return hf_throw_errno(error, "%s '%s'", option, path);
    return TRUE;
}

static void
fill_in(HfOptions *o)
{
    if (o->bundle == NULL && !o->is_exec)
        o->bundle = g_get_current_dir();
    if (o->container_pid_file == NULL) {
        g_autofree char *cwd = g_get_current_dir();

        o->container_pid_file = g_strdup_printf("%s/pidfile-%s", cwd, o->container_id);
    }
}

gboolean
hf_options_check(HfOptions *o, GError **error)
{
    if (!check_session(o, error) || !check_runtime(o, error) || !check_numbers(o, error) ||
        !parse_log_specs(o, error) || !check_log_options(o, error) ||
        !check_directory(o->exit_dir, "--exit-dir", error) ||
        !check_directory(o->persist_dir, "--persist-dir", error))
        return FALSE;
    if (o->seccomp_ignored != NULL)
        hf_diag(HF_DIAG_WARNING,
                "--seccomp-notify-socket and --seccomp-notify-plugins do nothing, as in conmon");
    if (o->allowlist_ignored != NULL)
        hf_diag(HF_DIAG_WARNING, "--log-allowlist-dirs does nothing: log paths are not restricted");
    fill_in(o);
    return TRUE;
}
