/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "library/stdio-private.h"

#define LOG_PATH "--log-path="
#define LOG_SIZE_MAX "--log-size-max="
#define LOG_MAX_FILES "--log-max-files="
#define LOG_ROTATE "--log-rotate"
#define STDIN "--stdin"
#define LEAVE_STDIN_OPEN "--leave-stdin-open"
#define ADOPTABLE "--adoptable"

static gboolean
check_text(const char *what, const char *text, GError **error)
{
    if (g_utf8_validate(text, -1, NULL))
        return TRUE;
    g_autofree char *escaped = g_strescape(text, NULL);
    return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%s: '%s' is not UTF-8", what, escaped);
}

static gboolean
check_texts(const char *what, char *const *texts, GError **error)
{
    for (gsize i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (!check_text(what, texts[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_path(const char *what, const char *path, GError **error)
{
    if (!check_text(what, path, error))
        return FALSE;
    if (!g_path_is_absolute(path))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%s: '%s' is not an absolute path", what,
                        path);
    return TRUE;
}

static gboolean
check(HfStdio *self, bool has_terminal, GError **error)
{
    if (has_terminal && self->stderr_path != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "stderr: '%s' is of no use with a terminal", self->stderr_path);
    for (gsize i = 0; self->monitor_args != NULL && self->monitor_args[i] != NULL; i++) {
        if (!g_str_has_prefix(self->monitor_args[i], "--"))
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                            "monitor-args: '%s' does not begin with \"--\"", self->monitor_args[i]);
    }
    return check_path("stdin", hf_stdio_get_stdin(self), error) &&
           check_path("stdout", hf_stdio_get_stdout(self), error) &&
           check_path("stderr", hf_stdio_get_stderr(self), error) &&
           check_texts("logs", self->logs, error) &&
           check_texts("monitor-args", self->monitor_args, error);
}

static void
add_logs(HfStdio *self, const char *process_path, GStrvBuilder *args)
{
    g_autofree char *default_log =
        g_strconcat("k8s-file:", process_path, "/" HF_STDIO_DEFAULT_LOG, NULL);
    char *const default_logs[] = {default_log, NULL};
    char *const *logs = self->logs != NULL ? self->logs : default_logs;

    for (gsize i = 0; logs[i] != NULL; i++) {
        g_autofree char *arg = g_strconcat(LOG_PATH, logs[i], NULL);
        g_strv_builder_add(args, arg);
    }
    if (self->log_size_max > 0) {
        g_autofree char *arg =
            g_strdup_printf(LOG_SIZE_MAX "%" G_GUINT64_FORMAT, self->log_size_max);
        g_strv_builder_add(args, arg);
    }
    if (self->log_max_files > 1) {
        g_autofree char *arg = g_strdup_printf(LOG_MAX_FILES "%u", self->log_max_files);
        g_strv_builder_add_many(args, LOG_ROTATE, arg, NULL);
    }
}

static char **
make_args(HfStdio *self, const char *process_path)
{
    g_autoptr(GStrvBuilder) args = g_strv_builder_new();

    add_logs(self, process_path, args);
    if (self->has_stdin)
        g_strv_builder_add(args, STDIN);
    if (self->leave_stdin_open)
        g_strv_builder_add(args, LEAVE_STDIN_OPEN);
    if (self->is_adoptable)
        g_strv_builder_add(args, ADOPTABLE);
    if (self->monitor_args != NULL)
        g_strv_builder_addv(args, (const char **)self->monitor_args);
    return g_strv_builder_end(args);
}

static void
replace(char **field, const char *value)
{
    g_free(*field);
    *field = g_strdup(value);
}

gboolean
hf_stdio_store(HfStdio *self, const char *process_path, HfProcessFile *file, GError **error)
{
    if (!check(self, file->has_terminal, error))
        return FALSE;
    replace(&file->stdin_path, hf_stdio_get_stdin(self));
    replace(&file->stdout_path, hf_stdio_get_stdout(self));
    replace(&file->stderr_path, hf_stdio_get_stderr(self));
    g_strfreev(file->monitor_args);
    file->monitor_args = make_args(self, process_path);
    return TRUE;
}

/* The number behind @prefix, if that is what @arg is. */
static bool
try_number(const char *arg, const char *prefix, guint64 lowest, guint64 highest, guint64 *out)
{
    return g_str_has_prefix(arg, prefix) &&
           g_ascii_string_to_unsigned(arg + strlen(prefix), 10, lowest, highest, out, NULL);
}

HfStdio *
hf_stdio_new_from_file(const HfProcessFile *file)
{
    HfStdio *self = hf_stdio_new(file->stdin_path, file->stdout_path, file->stderr_path);
    g_autoptr(GStrvBuilder) logs = g_strv_builder_new();
    g_autoptr(GStrvBuilder) others = g_strv_builder_new();
    guint64 number = 0;

    self->is_adoptable = false;
    for (gsize i = 0; file->monitor_args[i] != NULL; i++) {
        const char *arg = file->monitor_args[i];

        if (g_str_has_prefix(arg, LOG_PATH))
            g_strv_builder_add(logs, arg + strlen(LOG_PATH));
        else if (try_number(arg, LOG_SIZE_MAX, 0, G_MAXINT64, &number))
            self->log_size_max = number;
        else if (try_number(arg, LOG_MAX_FILES, 1, HF_LOG_FILES_MAX, &number))
            self->log_max_files = (guint)number;
        else if (g_str_equal(arg, STDIN))
            self->has_stdin = true;
        else if (g_str_equal(arg, LEAVE_STDIN_OPEN))
            self->leave_stdin_open = true;
        else if (g_str_equal(arg, ADOPTABLE))
            self->is_adoptable = true;
        else if (!g_str_equal(arg, LOG_ROTATE))
            g_strv_builder_add(others, arg);
    }
    self->logs = g_strv_builder_end(logs);
    self->monitor_args = g_strv_builder_end(others);
    return self;
}
