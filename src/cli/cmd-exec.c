/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* An exec runs from its creation on, before this program can attach to it. So its monitor is told
 * to leave the output where it is until the first client has come. */

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/foreground.h"
#include "cli/stdio-options.h"

typedef struct {
    gboolean is_detached;
    gboolean has_terminal;
    char **env;
    char *user;
    char *cwd;
    char *id;
    HfStdioOptions stdio;
} ExecOptions;

static void
exec_options_clear(ExecOptions *self)
{
    g_strfreev(self->env);
    g_free(self->user);
    g_free(self->cwd);
    g_free(self->id);
    hf_stdio_options_clear(&self->stdio);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExecOptions, exec_options_clear)

static gboolean
parse(HfCli *cli, ExecOptions *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry own[] = {
        {"detach", 'd', 0, G_OPTION_ARG_NONE, &options->is_detached,
         "Leave it to itself, and print its id", NULL},
        {"tty", 't', 0, G_OPTION_ARG_NONE, &options->has_terminal, "Give it a terminal", NULL},
        {"env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options->env,
         "Set a variable of its environment, or hand on one's own; may be repeated",
         "NAME[=VALUE]"},
        {"user", 'u', 0, G_OPTION_ARG_STRING, &options->user, "As which user", "UID[:GID]"},
        {"workdir", 'w', 0, G_OPTION_ARG_FILENAME, &options->cwd, "In which directory", "DIR"},
        {"id", 0, 0, G_OPTION_ARG_STRING, &options->id, "The process's id; made up by default",
         "PROCESS"},
    };
    g_autoptr(GArray) entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));

    g_array_append_vals(entries, own, G_N_ELEMENTS(own));
    hf_stdio_options_add(&options->stdio, entries);
    if (!hf_cli_parse_operands(cli, (const GOptionEntry *)(gpointer)entries->data,
                               "ID COMMAND [ARG...]", 2, -1, argc, argv, error))
        return FALSE;
    if (options->id == NULL)
        options->id = g_strdup_printf("exec-%08x%08x", g_random_int(), g_random_int());
    return TRUE;
}

static gboolean
set_user(HfProcessSpec *spec, const char *user, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(user, ":", 2);
    guint64 uid = 0;
    guint64 gid = 0;

    if (!g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT32, &uid, NULL) ||
        (parts[1] != NULL &&
         !g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT32, &gid, NULL))) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "--user: '%s' is not UID[:GID]",
                    user);
        return FALSE;
    }
    hf_process_spec_set_user(spec, (guint32)uid, (guint32)gid);
    return TRUE;
}

/* A name alone hands on the variable of this program, if it has it, as Podman does. */
static gboolean
set_env(HfProcessSpec *spec, char **env, GError **error)
{
    for (gsize i = 0; env != NULL && env[i] != NULL; i++) {
        const char *equals = strchr(env[i], '=');
        g_autofree char *name =
            equals != NULL ? g_strndup(env[i], (gsize)(equals - env[i])) : g_strdup(env[i]);
        const char *value = equals != NULL ? equals + 1 : g_getenv(name);

        if (*name == '\0') {
            g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                        "--env: '%s' is not NAME[=VALUE]", env[i]);
            return FALSE;
        }
        if (value != NULL)
            hf_process_spec_set_env(spec, name, value);
    }
    return TRUE;
}

/* The process runs before this program can attach and hand a size on. */
static void
set_terminal(HfProcessSpec *spec, gboolean has_terminal)
{
    struct winsize size;

    hf_process_spec_set_terminal(spec, has_terminal);
    if (has_terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        hf_process_spec_set_console_size(spec, size.ws_col, size.ws_row);
}

/* What the container's first process is, with another command. */
static HfProcessSpec *
make_spec(const ExecOptions *options, HfContainer *container, char **command, GError **error)
{
    g_autoptr(HfSpec) container_spec = hf_container_load_spec(container, error);
    g_autoptr(HfProcessSpec) spec = NULL;

    if (container_spec == NULL)
        return NULL;
    spec = hf_spec_dup_process(container_spec);
    if (spec == NULL)
        spec = hf_process_spec_new((const char *const *)command);
    hf_process_spec_set_args(spec, (const char *const *)command);
    set_terminal(spec, options->has_terminal);
    if (options->cwd != NULL)
        hf_process_spec_set_cwd(spec, options->cwd);
    if (!set_env(spec, options->env, error) ||
        (options->user != NULL && !set_user(spec, options->user, error)))
        return NULL;
    return g_steal_pointer(&spec);
}

static HfStdio *
make_stdio(const ExecOptions *options, GError **error)
{
    static const char *const no_logs[] = {NULL};
    g_autoptr(HfStdio) stdio = hf_stdio_options_make(&options->stdio, error);

    if (stdio == NULL)
        return NULL;
    if (options->stdio.logs == NULL)
        hf_stdio_set_logs(stdio, no_logs);
    if (!options->is_detached)
        hf_stdio_options_set_foreground(stdio, TRUE);
    return g_steal_pointer(&stdio);
}

static int
stay(const ExecOptions *options, HfContainer *container, HfProcess *process, GError **error)
{
    g_autoptr(HfForeground) foreground =
        hf_foreground_new(process, options->stdio.has_stdin, options->stdio.detach_keys, error);
    g_autoptr(GError) local_error = NULL;
    HfForegroundEnd end = HF_FOREGROUND_ENDED;
    int status = -1;

    if (foreground == NULL)
        return -1;
    status = hf_foreground_run(foreground, &end, error);
    if (status >= 0 && end == HF_FOREGROUND_ENDED &&
        !hf_container_remove_process(container, options->id, &local_error))
        hf_cli_warn(local_error->message);
    return status;
}

int
hf_cmd_exec(HfCli *cli, int argc, char **argv, GError **error)
{
    g_auto(ExecOptions) options = {0};
    g_autoptr(HfContainer) container = NULL;
    g_autoptr(HfProcessSpec) spec = NULL;
    g_autoptr(HfStdio) stdio = NULL;
    g_autoptr(HfProcess) process = NULL;
    g_autoptr(GError) local_error = NULL;

    if (!parse(cli, &options, &argc, &argv, error))
        return -1;
    container = hf_cli_load(cli, argv[1], error);
    if (container == NULL)
        return -1;
    spec = make_spec(&options, container, argv + 2, error);
    stdio = spec != NULL ? make_stdio(&options, error) : NULL;
    if (stdio == NULL)
        return -1;
    process = hf_container_exec(container, options.id, spec, stdio, NULL, &local_error);
    if (process == NULL) {
        hf_cli_warn(local_error->message);
        return hf_failure_to_status(local_error);
    }
    if (!options.is_detached)
        return stay(&options, container, process, error);
    g_print("%s\n", options.id);
    return 0;
}
