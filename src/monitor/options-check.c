/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "logging/gzip-file.h"
#include "monitor/options-check.h"
#include "protocol/log-label.h"
#include "protocol/state-names.h"

#define LOG_FILES_MAX 1000
#define LOG_BUFFER_DEFAULT (1024 * 1024)
#define LOG_BUFFER_MAX (256 * 1024 * 1024)
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
    if (o->hold_output_s < 0 || o->hold_output_s > 86400)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "hold-output must be between 0 and 86400");
    return TRUE;
}

static gboolean
parse_log_specs(HfOptions *o, GError **error)
{
    if (o->log_paths == NULL && o->process_dir != NULL)
        return TRUE;
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

/* Docker takes more characters in a label's name than the journal. */
static gboolean
check_attributes(const HfOptions *o, GError **error)
{
    for (char **label = o->log_labels; label != NULL && *label != NULL; label++) {
        const char *equals = strchr(*label, '=');

        if (equals == NULL || equals == *label)
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                            "Container labels must be in format LABEL=VALUE: '%s'", *label);
    }
    return TRUE;
}

/* Tags and labels are refused where every log that is written cannot hold them, and let pass with
 * "none": every `podman exec` of a container with a tag sends it. */
static gboolean
check_tag_and_labels(const HfOptions *o, GError **error)
{
    bool takes_tag = false;
    HfLogDriver driver = HF_LOG_DRIVER_NONE;

    if (hf_options_has_log_driver(o, HF_LOG_DRIVER_JOURNALD))
        return check_journal(o, error);
    if (hf_options_has_log_driver(o, HF_LOG_DRIVER_JSON_FILE))
        return check_attributes(o, error);
    for (guint i = 0; i < o->log_specs->len; i++) {
        HfLogDriver next = g_array_index(o->log_specs, HfLogSpec, i).driver;

        takes_tag = takes_tag || next == HF_LOG_DRIVER_SYSLOG;
        if (next != HF_LOG_DRIVER_NONE && next != HF_LOG_DRIVER_PASSTHROUGH)
            driver = next;
    }
    if (driver == HF_LOG_DRIVER_NONE)
        return TRUE;
    if (o->log_tag != NULL && !takes_tag)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%s doesn't support --log-tag",
                        hf_log_driver_to_string(driver));
    if (o->log_labels != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%s doesn't support --log-label",
                        hf_log_driver_to_string(driver));
    return TRUE;
}

static gboolean
check_modes(const HfOptions *o, GError **error)
{
    for (char **mode = o->log_modes; mode != NULL && *mode != NULL; mode++) {
        g_auto(GStrv) words = g_strsplit(*mode, "=", 2);
        const char *word = words[0] != NULL && words[1] != NULL ? words[1] : *mode;
        HfLogDriver driver;

        if (word != *mode && !hf_log_driver_from_string(words[0], &driver))
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "No such log driver %s", words[0]);
        if (strcmp(word, "blocking") != 0 && strcmp(word, "non-blocking") != 0)
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                            "log-mode must be blocking or non-blocking: '%s'", word);
    }
    return TRUE;
}

/* A number of bytes, or with k, m or g behind it of 1024 times as many, as Docker writes sizes. */
static gboolean
parse_buffer(HfOptions *o, GError **error)
{
    static const char units[] = "kmg";
    char *end = NULL;
    guint64 size;
    const char *unit;

    o->log_buffer_max = LOG_BUFFER_DEFAULT;
    if (o->log_buffer == NULL)
        return TRUE;
    size = g_ascii_strtoull(o->log_buffer, &end, 10);
    unit = *end != '\0' ? strchr(units, g_ascii_tolower(*end)) : NULL;
    if (unit != NULL && size <= LOG_BUFFER_MAX) {
        size <<= 10 * (unit - units + 1);
        end++;
    }
    if (!g_ascii_isdigit(o->log_buffer[0]) || *end != '\0' || size < 1 || size > LOG_BUFFER_MAX)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "log-buffer must be a size between 1 and 256m: '%s'", o->log_buffer);
    o->log_buffer_max = (size_t)size;
    return TRUE;
}

/* PATH.1 stays as it is, so that one file more must be kept. */
static gboolean
check_compress(const HfOptions *o, GError **error)
{
    if (!o->log_compress)
        return TRUE;
    if (!hf_gzip_file_is_supported())
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED,
                        "log-compress: this is a build without zlib");
    if (!o->log_rotate || o->log_files_max < 2 || o->log_size_max <= 0)
        return hf_throw(
            error, HF_ERROR_INVALID_ARGUMENT,
            "log-compress needs log-size-max, log-rotate and log-max-files of 2 or more");
    return TRUE;
}

static gboolean
check_log_options(HfOptions *o, GError **error)
{
    if (!check_tag_and_labels(o, error) || !check_modes(o, error) || !parse_buffer(o, error) ||
        !check_compress(o, error))
        return FALSE;
    if (hf_options_has_log_driver(o, HF_LOG_DRIVER_JOURNALD))
        return TRUE;
    if (o->no_partial_mark)
        hf_diag(HF_DIAG_WARNING,
                "--no-container-partial-message has no effect without journald log driver");
    if (o->log_priority_prefix)
        hf_diag(HF_DIAG_WARNING, "--log-priority-prefix has no effect without journald log driver");
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

static gboolean
parse_owner(HfOptions *o, GError **error)
{
    guint64 ids[2] = {0};

    if (o->stdio_owner == NULL)
        return TRUE;
    g_auto(GStrv) words = g_strsplit(o->stdio_owner, ":", 2);
    bool is_pair = g_strv_length(words) == 2;
    /* The highest number means "leave it" to fchown(2). */
    for (int i = 0; is_pair && i < 2; i++)
        is_pair = g_ascii_string_to_unsigned(words[i], 10, 0, G_MAXUINT32 - 1, &ids[i], NULL);
    if (!is_pair)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "stdio-owner must be UID:GID: '%s'",
                        o->stdio_owner);
    o->has_stdio_owner = true;
    o->stdio_uid = (uid_t)ids[0];
    o->stdio_gid = (gid_t)ids[1];
    return TRUE;
}

static gboolean
check_stdio(HfOptions *o, GError **error)
{
    bool has_paths = o->stdin_path != NULL || o->stdout_path != NULL || o->stderr_path != NULL;

    if (has_paths && hf_options_has_log_driver(o, HF_LOG_DRIVER_PASSTHROUGH))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "stdin-path, stdout-path and stderr-path have no use with passthrough");
    if (o->hold_output_s > 0 && hf_options_has_log_driver(o, HF_LOG_DRIVER_PASSTHROUGH))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "hold-output has no use with passthrough");
    return parse_owner(o, error);
}

static gboolean
check_seccomp(const HfOptions *o, GError **error)
{
    if (o->seccomp_policy != NULL && o->seccomp_socket == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "seccomp-policy has no use without seccomp-notify-socket");
    if (o->seccomp_socket != NULL && o->is_exec)
        hf_diag(HF_DIAG_WARNING,
                "--seccomp-notify-socket does nothing with --exec: the container's agent answers");
    return TRUE;
}

static gboolean
check_sandbox(HfOptions *o, GError **error)
{
    if (o->sandbox != NULL && !hf_sandbox_mode_parse(o->sandbox, &o->sandbox_mode))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "sandbox must be auto, strict or off: '%s'", o->sandbox);
    if (o->sandbox_mode != HF_SANDBOX_STRICT)
        return TRUE;
    if (o->exit_command != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "sandbox=strict and exit-command exclude each other: a command that is "
                        "still to be run cannot be confined");
    if (hf_sandbox_check_strict(error))
        return TRUE;
    g_prefix_error(error, "sandbox=strict: ");
    return FALSE;
}

static char *
make_pid_file_name(const HfOptions *o)
{
    g_autofree char *cwd = g_get_current_dir();

    if (o->process_dir != NULL)
        return g_build_filename(o->process_dir, HF_STATE_PID, NULL);
    return g_strdup_printf("%s/pidfile-%s", cwd, o->container_id);
}

static void
fill_in(HfOptions *o)
{
    if (o->bundle == NULL && !o->is_exec)
        o->bundle = g_get_current_dir();
    if (o->container_pid_file == NULL)
        o->container_pid_file = make_pid_file_name(o);
}

gboolean
hf_options_check(HfOptions *o, GError **error)
{
    if (!check_session(o, error) || !check_runtime(o, error) || !check_numbers(o, error) ||
        !parse_log_specs(o, error) || !check_log_options(o, error) || !check_stdio(o, error) ||
        !check_seccomp(o, error) || !check_sandbox(o, error) ||
        !check_directory(o->exit_dir, "--exit-dir", error) ||
        !check_directory(o->persist_dir, "--persist-dir", error))
        return FALSE;
    if (o->seccomp_plugins_ignored != NULL)
        hf_diag(HF_DIAG_WARNING, "--seccomp-notify-plugins does nothing, as in conmon");
    if (o->allowlist_ignored != NULL)
        hf_diag(HF_DIAG_WARNING, "--log-allowlist-dirs does nothing: log paths are not restricted");
    fill_in(o);
    return TRUE;
}
