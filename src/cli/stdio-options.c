/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/stdio-options.h"
#include "cli/text.h"

/* seconds, after which it is let go without a client */
#define HOLD_OUTPUT_ARG "--hold-output=10"

/* seconds: the most that it takes */
#define PATIENCE_ARG "--attach-timeout=86400"

void
hf_stdio_options_clear(HfStdioOptions *self)
{
    g_clear_pointer(&self->logs, g_strfreev);
    g_clear_pointer(&self->log_size_max, g_free);
    g_clear_pointer(&self->monitor_args, g_strfreev);
    g_clear_pointer(&self->detach_keys, g_free);
}

void
hf_stdio_options_add(HfStdioOptions *self, GArray *entries)
{
    const GOptionEntry own[] = {
        {"interactive", 'i', 0, G_OPTION_ARG_NONE, &self->has_stdin,
         "Keep standard input open for clients, and attach to it", NULL},
        {"leave-stdin-open", 0, 0, G_OPTION_ARG_NONE, &self->leaves_stdin_open,
         "With -i: not even the client that closes it closes it", NULL},
        {"log", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->logs,
         "Where the output is kept, k8s-file:PATH, json-file:PATH, journald, none, ...; may be "
         "repeated",
         "DRIVER[:PATH]"},
        {"log-size-max", 0, 0, G_OPTION_ARG_STRING, &self->log_size_max,
         "Start a new log file when one has this size", "SIZE"},
        {"log-max-files", 0, 0, G_OPTION_ARG_INT, &self->log_max_files,
         "How many full log files are kept", "N"},
        {"monitor-arg", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->monitor_args,
         "A further option for holdfast-monitor(8); may be repeated", "--NAME=VALUE"},
        {"detach-keys", 0, 0, G_OPTION_ARG_STRING, &self->detach_keys,
         "What leaves a terminal: ctrl-p,ctrl-q by default, \"\" for nothing", "KEYS"},
    };

    g_array_append_vals(entries, own, G_N_ELEMENTS(own));
}

HfStdio *
hf_stdio_options_make(const HfStdioOptions *self, GError **error)
{
    g_autoptr(HfStdio) stdio = hf_stdio_new(NULL, NULL, NULL);
    gint64 size = 0;

    if (self->log_size_max != NULL && !hf_text_parse_size(self->log_size_max, &size, error))
        return NULL;
    if (self->log_max_files < 0) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "--log-max-files: %d is no number "
                    "of files",
                    self->log_max_files);
        return NULL;
    }
    if (self->logs != NULL)
        hf_stdio_set_logs(stdio, (const char *const *)self->logs);
    g_object_set(stdio, "has-stdin", self->has_stdin, "leave-stdin-open", self->leaves_stdin_open,
                 "log-size-max", MAX(size, 0), "monitor-args", self->monitor_args, NULL);
    if (self->log_max_files > 0)
        g_object_set(stdio, "log-max-files", (guint)self->log_max_files, NULL);
    return g_steal_pointer(&stdio);
}

/* Before what the user gave, which comes later, and counts. */
static void
add_monitor_args(HfStdio *stdio, const char *const *args)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) given = NULL;
    g_auto(GStrv) all = NULL;

    g_strv_builder_addv(builder, (const char **)args);
    g_object_get(stdio, "monitor-args", &given, NULL);
    if (given != NULL)
        g_strv_builder_addv(builder, (const char **)given);
    all = g_strv_builder_end(builder);
    g_object_set(stdio, "monitor-args", all, NULL);
}

void
hf_stdio_options_set_foreground(HfStdio *stdio, gboolean runs_at_once)
{
    const char *const args[] = {PATIENCE_ARG, runs_at_once ? HOLD_OUTPUT_ARG : NULL, NULL};

    add_monitor_args(stdio, args);
}

gboolean
hf_stdio_options_set_removed(HfStdio *stdio, const char *root, const char *id, GError **error)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", error);
    g_autofree char *default_root = root == NULL ? hf_default_root() : NULL;
    g_autofree char *path = g_canonicalize_filename(root != NULL ? root : default_root, NULL);
    g_autofree char *command = g_strconcat("--exit-command=", program, NULL);
    g_autofree char *root_arg = g_strconcat("--exit-command-arg=--root=", path, NULL);
    g_autofree char *id_arg = g_strconcat("--exit-command-arg=", id, NULL);
    const char *const args[] = {
        command, root_arg, "--exit-command-arg=delete", "--exit-command-arg=--background",
        id_arg,  NULL,
    };

    if (program == NULL)
        return FALSE;
    add_monitor_args(stdio, args);
    return TRUE;
}
