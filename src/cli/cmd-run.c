/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* run and create: both make a container and its process; run also starts it, and stays with it
 * unless told otherwise. A container whose start failed is deleted again, as nobody has its id yet.
 */

#include <string.h>

#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/foreground.h"
#include "cli/seccomp-trace.h"
#include "cli/stdio-options.h"

typedef enum {
    MODE_RUN,
    MODE_CREATE,
    MODE_RESTORE, /* the process runs from its creation on, as with exec */
} Mode;

typedef struct {
    Mode mode;
    char *checkpoint; /* RESTORE: its directory */
    char *bundle;
    char **labels;
    char **runtime_args;
    char *pid_file;
    gboolean is_detached;
    gboolean is_removed; /* once it has ended */
    gboolean no_pivot;
    char *profile;         /* --seccomp-trace; NULL: no trace */
    HfSeccompTrace *trace; /* the same */
    HfStdioOptions stdio;
} RunOptions;

static void
run_options_clear(RunOptions *self)
{
    g_free(self->checkpoint);
    g_free(self->bundle);
    g_strfreev(self->labels);
    g_strfreev(self->runtime_args);
    g_free(self->pid_file);
    g_free(self->profile);
    hf_seccomp_trace_free(self->trace);
    hf_stdio_options_clear(&self->stdio);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RunOptions, run_options_clear)

static gboolean
parse(HfCli *cli, RunOptions *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry common[] = {
        {"bundle", 'b', 0, G_OPTION_ARG_FILENAME, &options->bundle,
         "The directory with config.json; the present one by default", "DIR"},
        {"label", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &options->labels,
         "Something to remember about the container; may be repeated", "NAME=VALUE"},
        {"runtime-arg", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->runtime_args,
         "What stands before the OCI runtime's command; may be repeated", "ARG"},
        {"no-pivot", 0, 0, G_OPTION_ARG_NONE, &options->no_pivot,
         "Have the OCI runtime use no pivot_root, as a root on a ramdisk needs", NULL},
        {"pid-file", 0, 0, G_OPTION_ARG_FILENAME, &options->pid_file,
         "Write the pid of the container's process to a file", "FILE"},
        {"tty", 't', 0, G_OPTION_ARG_NONE, &options->stdio.has_terminal,
         "Be sure of a terminal: config.json must ask for one", NULL},
    };
    const GOptionEntry of_waiting[] = {
        {"detach", 'd', 0, G_OPTION_ARG_NONE, &options->is_detached,
         "Leave it to itself, and print its id", NULL},
        {"rm", 0, 0, G_OPTION_ARG_NONE, &options->is_removed, "Delete it once it has ended", NULL},
    };
    const GOptionEntry of_run[] = {
        {"seccomp-trace", 0, 0, G_OPTION_ARG_FILENAME, &options->profile,
         "Write a seccomp profile of what it called, - for standard output; implies --rm", "FILE"},
    };
    g_autoptr(GArray) entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    gboolean is_restore = options->mode == MODE_RESTORE;

    g_array_append_vals(entries, common, G_N_ELEMENTS(common));
    if (options->mode != MODE_CREATE)
        g_array_append_vals(entries, of_waiting, G_N_ELEMENTS(of_waiting));
    if (options->mode == MODE_RUN)
        g_array_append_vals(entries, of_run, G_N_ELEMENTS(of_run));
    hf_stdio_options_add(&options->stdio, entries);
    if (!hf_cli_parse_operands(cli, (const GOptionEntry *)(gpointer)entries->data,
                               is_restore ? "ID CHECKPOINT" : "ID", is_restore ? 2 : 1,
                               is_restore ? 2 : 1, argc, argv, error))
        return FALSE;
    return TRUE;
}

/* The container is made of a bundle that is there for its time only. */
static gboolean
prepare_trace(RunOptions *options, GError **error)
{
    g_autoptr(GStrvBuilder) args = g_strv_builder_new();

    if (options->profile == NULL)
        return TRUE;
    if (options->is_detached) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "--seccomp-trace: not with --detach");
        return FALSE;
    }
    options->trace = hf_seccomp_trace_new(options->bundle != NULL ? options->bundle : ".", error);
    if (options->trace == NULL)
        return FALSE;
    options->is_removed = TRUE;
    g_free(options->bundle);
    options->bundle = g_strdup(hf_seccomp_trace_get_bundle(options->trace));
    g_free(options->stdio.detach_keys);
    options->stdio.detach_keys = g_strdup("");
    g_strv_builder_addv(args, (const char **)hf_seccomp_trace_get_monitor_args(options->trace));
    if (options->stdio.monitor_args != NULL)
        g_strv_builder_addv(args, (const char **)options->stdio.monitor_args);
    g_strfreev(options->stdio.monitor_args);
    options->stdio.monitor_args = g_strv_builder_end(args);
    return TRUE;
}

/* A terminal comes from config.json, which the OCI runtime reads by itself. */
static gboolean
check_terminal(const RunOptions *options, HfContainer *container, GError **error)
{
    g_autoptr(HfSpec) spec = hf_container_load_spec(container, error);
    g_autoptr(HfProcessSpec) process = NULL;

    if (spec == NULL)
        return FALSE;
    process = hf_spec_dup_process(spec);
    if (options->stdio.has_terminal &&
        (process == NULL || !hf_process_spec_get_terminal(process))) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "--tty: process.terminal is not true in '%s/config.json'",
                    hf_container_get_bundle(container));
        return FALSE;
    }
    return TRUE;
}

/* A path, or a name in the bundle's "checkpoints". */
static char *
find_checkpoint(const RunOptions *options, const char *name)
{
    if (strchr(name, '/') != NULL)
        return g_canonicalize_filename(name, NULL);
    return g_build_filename(options->bundle != NULL ? options->bundle : ".", "checkpoints", name,
                            NULL);
}

static HfContainer *
make_container(const HfCli *cli, const RunOptions *options, const char *id, GError **error)
{
    g_autoptr(HfContainerOptions) how = hf_container_options_new();

    if (cli->runtime != NULL)
        g_object_set(how, "runtime", cli->runtime, NULL);
    g_object_set(how, "labels", options->labels, "runtime-args", options->runtime_args,
                 "no-pivot-root", options->no_pivot, NULL);
    return hf_container_new(cli->root, id, options->bundle != NULL ? options->bundle : ".", how,
                            error);
}

static gboolean
write_pid_file(const RunOptions *options, HfProcess *process, GError **error)
{
    g_autofree char *pid = g_strdup_printf("%d", hf_process_get_system_pid(process));

    return options->pid_file == NULL || g_file_set_contents(options->pid_file, pid, -1, error);
}

static HfProcess *
make_process(const HfCli *cli, const RunOptions *options, HfContainer *container, GError **error)
{
    g_autoptr(HfStdio) stdio = NULL;
    g_autoptr(HfProcess) process = NULL;

    if (!check_terminal(options, container, error))
        return NULL;
    stdio = hf_stdio_options_make(&options->stdio, error);
    if (stdio == NULL)
        return NULL;
    if (options->mode != MODE_CREATE && !options->is_detached)
        hf_stdio_options_set_foreground(stdio, options->mode == MODE_RESTORE);
    else if (options->is_removed &&
             !hf_stdio_options_set_removed(stdio, cli->root, hf_container_get_id(container), error))
        return NULL;
    process = hf_container_start(container, options->checkpoint, stdio, NULL, error);
    if (process == NULL || !write_pid_file(options, process, error))
        return NULL;
    return g_steal_pointer(&process);
}

/* Starts the process and stays with it. From *@out_started on, a failure is only ours. */
static int
stay(const RunOptions *options, HfContainer *container, HfProcess *process, gboolean *out_started,
     GError **error)
{
    g_autoptr(HfForeground) foreground =
        hf_foreground_new(process, options->stdio.has_stdin, options->stdio.detach_keys, error);
    HfForegroundEnd end = HF_FOREGROUND_ENDED;
    g_autoptr(GError) local_error = NULL;
    int status = -1;

    *out_started = options->mode == MODE_RESTORE;
    if (foreground == NULL || !hf_process_start(process, NULL, error))
        return -1;
    *out_started = TRUE;
    if (options->trace != NULL)
        hf_seccomp_trace_follow(options->trace, process);
    status = hf_foreground_run(foreground, &end, error);
    if (status >= 0 && options->trace != NULL && end == HF_FOREGROUND_ENDED &&
        !hf_seccomp_trace_finish(options->trace, options->profile, &local_error)) {
        hf_cli_warn(local_error->message);
        g_clear_error(&local_error);
        status = HF_CLI_FAILED;
    }
    if (status < 0 || !options->is_removed || end == HF_FOREGROUND_DETACHED)
        return status;
    if (!hf_container_delete(container, end == HF_FOREGROUND_NOT_READ, NULL, &local_error))
        hf_cli_warn(local_error->message);
    return status;
}

static int
run(const HfCli *cli, const RunOptions *options, HfContainer *container, gboolean *out_started,
    GError **error)
{
    g_autoptr(HfProcess) process = make_process(cli, options, container, error);

    if (process == NULL)
        return -1;
    if (options->mode != MODE_CREATE && !options->is_detached)
        return stay(options, container, process, out_started, error);
    if (options->mode != MODE_CREATE && !hf_process_start(process, NULL, error))
        return -1;
    g_print("%s\n", hf_container_get_id(container));
    return 0;
}

static int
run_in_mode(HfCli *cli, Mode mode, int argc, char **argv, GError **error)
{
    g_auto(RunOptions) options = {.mode = mode};
    g_autoptr(HfContainer) container = NULL;
    g_autoptr(GError) local_error = NULL;
    gboolean is_started = FALSE;
    int status = -1;

    if (!parse(cli, &options, &argc, &argv, error) || !prepare_trace(&options, error))
        return -1;
    if (mode == MODE_RESTORE)
        options.checkpoint = find_checkpoint(&options, argv[2]);
    container = make_container(cli, &options, argv[1], error);
    if (container == NULL)
        return -1;
    status = run(cli, &options, container, &is_started, &local_error);
    if (status >= 0)
        return status;
    if (is_started) {
        g_propagate_error(error, g_steal_pointer(&local_error));
        return -1;
    }
    status = hf_failure_to_status(local_error);
    hf_cli_warn(local_error->message);
    g_clear_error(&local_error);
    /* The monitor may have had it deleted already. */
    if (!hf_container_delete(container, TRUE, NULL, &local_error) &&
        !g_error_matches(local_error, HF_ERROR, HF_ERROR_NOT_FOUND))
        hf_cli_warn(local_error->message);
    return status;
}

int
hf_cmd_run(HfCli *cli, int argc, char **argv, GError **error)
{
    return run_in_mode(cli, MODE_RUN, argc, argv, error);
}

int
hf_cmd_create(HfCli *cli, int argc, char **argv, GError **error)
{
    return run_in_mode(cli, MODE_CREATE, argc, argv, error);
}

int
hf_cmd_restore(HfCli *cli, int argc, char **argv, GError **error)
{
    return run_in_mode(cli, MODE_RESTORE, argc, argv, error);
}
