/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/stdio.h>

#include "library/stdio-private.h"

G_DEFINE_FINAL_TYPE(HfStdio, hf_stdio, G_TYPE_OBJECT)

enum {
    PROP_STDIN = 1,
    PROP_STDOUT,
    PROP_STDERR,
    PROP_LOGS,
    PROP_LOG_SIZE_MAX,
    PROP_LOG_MAX_FILES,
    PROP_HAS_STDIN,
    PROP_LEAVE_STDIN_OPEN,
    PROP_ADOPTABLE,
    PROP_MONITOR_ARGS,
};

#define NO_PATH "/dev/null"

static void
hf_stdio_init(HfStdio *self)
{
    self->log_max_files = 1;
    self->is_adoptable = true;
}

static void
hf_stdio_finalize(GObject *object)
{
    HfStdio *self = HF_STDIO(object);

    g_free(self->stdin_path);
    g_free(self->stdout_path);
    g_free(self->stderr_path);
    g_strfreev(self->logs);
    g_strfreev(self->monitor_args);
    G_OBJECT_CLASS(hf_stdio_parent_class)->finalize(object);
}

static void
hf_stdio_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    HfStdio *self = HF_STDIO(object);

    switch (id) {
    case PROP_STDIN:
        g_value_set_string(value, self->stdin_path);
        break;
    case PROP_STDOUT:
        g_value_set_string(value, self->stdout_path);
        break;
    case PROP_STDERR:
        g_value_set_string(value, self->stderr_path);
        break;
    case PROP_LOGS:
        g_value_set_boxed(value, self->logs);
        break;
    case PROP_LOG_SIZE_MAX:
        g_value_set_uint64(value, self->log_size_max);
        break;
    case PROP_LOG_MAX_FILES:
        g_value_set_uint(value, self->log_max_files);
        break;
    case PROP_HAS_STDIN:
        g_value_set_boolean(value, self->has_stdin);
        break;
    case PROP_LEAVE_STDIN_OPEN:
        g_value_set_boolean(value, self->leave_stdin_open);
        break;
    case PROP_ADOPTABLE:
        g_value_set_boolean(value, self->is_adoptable);
        break;
    case PROP_MONITOR_ARGS:
        g_value_set_boxed(value, self->monitor_args);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
set_path(char **field, const char *path)
{
    bool is_none = path == NULL || *path == '\0' || g_str_equal(path, NO_PATH);
    char *copy = is_none ? NULL : g_strdup(path);

    g_free(*field);
    *field = copy;
}

static void
take_strings(char ***field, const GValue *value)
{
    g_strfreev(*field);
    *field = g_value_dup_boxed(value);
}

static void
hf_stdio_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    HfStdio *self = HF_STDIO(object);

    switch (id) {
    case PROP_STDIN:
        set_path(&self->stdin_path, g_value_get_string(value));
        break;
    case PROP_STDOUT:
        set_path(&self->stdout_path, g_value_get_string(value));
        break;
    case PROP_STDERR:
        set_path(&self->stderr_path, g_value_get_string(value));
        break;
    case PROP_LOGS:
        take_strings(&self->logs, value);
        break;
    case PROP_LOG_SIZE_MAX:
        self->log_size_max = g_value_get_uint64(value);
        break;
    case PROP_LOG_MAX_FILES:
        self->log_max_files = g_value_get_uint(value);
        break;
    case PROP_HAS_STDIN:
        self->has_stdin = g_value_get_boolean(value);
        break;
    case PROP_LEAVE_STDIN_OPEN:
        self->leave_stdin_open = g_value_get_boolean(value);
        break;
    case PROP_ADOPTABLE:
        self->is_adoptable = g_value_get_boolean(value);
        break;
    case PROP_MONITOR_ARGS:
        take_strings(&self->monitor_args, value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
hf_stdio_class_init(HfStdioClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
    const struct {
        guint id;
        GParamSpec *spec;
    } properties[] = {
        {PROP_STDIN, g_param_spec_string("stdin", NULL, NULL, NULL, flags)},
        {PROP_STDOUT, g_param_spec_string("stdout", NULL, NULL, NULL, flags)},
        {PROP_STDERR, g_param_spec_string("stderr", NULL, NULL, NULL, flags)},
        {PROP_LOGS, g_param_spec_boxed("logs", NULL, NULL, G_TYPE_STRV, flags)},
        {PROP_LOG_SIZE_MAX,
         g_param_spec_uint64("log-size-max", NULL, NULL, 0, G_MAXINT64, 0, flags)},
        {PROP_LOG_MAX_FILES,
         g_param_spec_uint("log-max-files", NULL, NULL, 1, HF_LOG_FILES_MAX, 1, flags)},
        {PROP_HAS_STDIN, g_param_spec_boolean("has-stdin", NULL, NULL, FALSE, flags)},
        {PROP_LEAVE_STDIN_OPEN, g_param_spec_boolean("leave-stdin-open", NULL, NULL, FALSE, flags)},
        {PROP_ADOPTABLE, g_param_spec_boolean("adoptable", NULL, NULL, TRUE, flags)},
        {PROP_MONITOR_ARGS, g_param_spec_boxed("monitor-args", NULL, NULL, G_TYPE_STRV, flags)},
    };

    object_class->finalize = hf_stdio_finalize;
    object_class->get_property = hf_stdio_get_property;
    object_class->set_property = hf_stdio_set_property;
    for (gsize i = 0; i < G_N_ELEMENTS(properties); i++)
        g_object_class_install_property(object_class, properties[i].id, properties[i].spec);
}

HfStdio *
hf_stdio_new(const char *stdin_path, const char *stdout_path, const char *stderr_path)
{
    HfStdio *self = g_object_new(HF_TYPE_STDIO, NULL);

    set_path(&self->stdin_path, stdin_path);
    set_path(&self->stdout_path, stdout_path);
    set_path(&self->stderr_path, stderr_path);
    return self;
}

static const char *
path_or_none(const char *path)
{
    return path != NULL ? path : NO_PATH;
}

const char *
hf_stdio_get_stdin(HfStdio *self)
{
    g_return_val_if_fail(HF_IS_STDIO(self), NULL);
    return path_or_none(self->stdin_path);
}

const char *
hf_stdio_get_stdout(HfStdio *self)
{
    g_return_val_if_fail(HF_IS_STDIO(self), NULL);
    return path_or_none(self->stdout_path);
}

const char *
hf_stdio_get_stderr(HfStdio *self)
{
    g_return_val_if_fail(HF_IS_STDIO(self), NULL);
    return path_or_none(self->stderr_path);
}

const char *const *
hf_stdio_get_logs(HfStdio *self)
{
    g_return_val_if_fail(HF_IS_STDIO(self), NULL);
    return (const char *const *)self->logs;
}

void
hf_stdio_set_logs(HfStdio *self, const char *const *logs)
{
    g_return_if_fail(HF_IS_STDIO(self));

    char **copy = g_strdupv((char **)logs);
    g_strfreev(self->logs);
    self->logs = copy;
}

gboolean
hf_stdio_get_has_stdin(HfStdio *self)
{
    g_return_val_if_fail(HF_IS_STDIO(self), FALSE);
    return self->has_stdin;
}

void
hf_stdio_set_has_stdin(HfStdio *self, gboolean has_stdin)
{
    g_return_if_fail(HF_IS_STDIO(self));
    self->has_stdin = has_stdin != FALSE;
}
