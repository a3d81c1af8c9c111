/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "protocol/state-names.h"
#include "shim/shim-argv.h"

/* How this works.
 *
 * Each value but the container's id is written as --name=value, so that none, whatever it begins
 * with, is taken for an option.
 *
 * The monitor stays the process that it is started as (--sync): containerd 0.2 takes the end of its
 * shim for the end of the container's supervision.
 *
 * A terminal's input is there for every client. With --stdin as well, as conmon has it, it would
 * end with the first client that leaves; so that one is left out.
 *
 * The runtime's delete is the exit command, for a container and not for an exec. It is forced:
 * where a container has no pid namespace of its own, what its first process left behind is killed
 * with it. A process.json whose "monitorArgs" have an exit command of their own has that one
 * instead: the arguments of two would be mixed. */

#define STDIN_OPTION "--stdin"
#define EXIT_COMMAND_OPTION "--exit-command="

static void
add(GStrvBuilder *argv, const char *name, const char *value)
{
    g_autofree char *word = g_strdup_printf("--%s=%s", name, value);

    g_strv_builder_add(argv, word);
}

static void
add_each(GStrvBuilder *argv, const char *name, const char *const *values)
{
    for (; values != NULL && *values != NULL; values++)
        add(argv, name, *values);
}

static void
add_in_process_dir(GStrvBuilder *argv, const char *name, const HfShimRequest *request,
                   const char *file)
{
    g_autofree char *path = g_build_filename(request->process_dir, file, NULL);

    add(argv, name, path);
}

static void
add_container(GStrvBuilder *argv, const HfShimRequest *request, const HfProcessFile *file)
{
    g_autofree char *process_id = g_path_get_basename(request->process_dir);

    /* The id is a word of its own, by which libholdfast knows a monitor that is just starting. */
    g_strv_builder_add_many(argv, "--sync", "--api-version", "--cid", request->container_id, NULL);
    add(argv, "cuuid", file->is_exec ? process_id : request->container_id);
    add(argv, "name", request->container_id);
    add(argv, "bundle", request->bundle);
    add(argv, "process-dir", request->process_dir);
    add_in_process_dir(argv, "container-pidfile", request, HF_STATE_PID);
}

static void
add_runtime(GStrvBuilder *argv, const HfShimRequest *request, const HfProcessFile *file)
{
    add(argv, "runtime", request->runtime);
    add(argv, "runtime-arg", "--log");
    add_in_process_dir(argv, "runtime-arg", request, HF_STATE_RUNTIME_LOG);
    add(argv, "runtime-arg", "--log-format");
    add(argv, "runtime-arg", "json");
    add_each(argv, "runtime-arg", (const char *const *)file->runtime_args);
}

static void
add_action(GStrvBuilder *argv, const HfShimRequest *request, const HfProcessFile *file)
{
    if (file->is_exec) {
        g_strv_builder_add(argv, "--exec");
        add(argv, "exec-process-spec", request->spec);
        return;
    }
    if (file->no_pivot_root)
        g_strv_builder_add(argv, "--no-pivot");
    if (*file->checkpoint == '\0')
        return;
    add(argv, "restore", file->checkpoint);
    add_each(argv, "runtime-opt", request->restore_options);
}

static bool
is_path(const char *path)
{
    return *path != '\0' && strcmp(path, "/dev/null") != 0;
}

static void
add_stdio(GStrvBuilder *argv, const HfProcessFile *file)
{
    g_autofree char *owner = g_strdup_printf("%u:%u", file->root_uid, file->root_gid);

    if (file->has_terminal)
        g_strv_builder_add(argv, "--terminal");
    else if (is_path(file->stdin_path))
        g_strv_builder_add(argv, "--stdin");
    if (is_path(file->stdin_path))
        add(argv, "stdin-path", file->stdin_path);
    if (is_path(file->stdout_path))
        add(argv, "stdout-path", file->stdout_path);
    if (is_path(file->stderr_path) && !file->has_terminal)
        add(argv, "stderr-path", file->stderr_path);
    if (file->root_uid != 0 || file->root_gid != 0)
        add(argv, "stdio-owner", owner);
}

static bool
has_exit_command(const HfProcessFile *file)
{
    for (char **arg = file->monitor_args; *arg != NULL; arg++) {
        if (g_str_has_prefix(*arg, EXIT_COMMAND_OPTION))
            return true;
    }
    return false;
}

static void
add_exit_command(GStrvBuilder *argv, const HfShimRequest *request, const HfProcessFile *file)
{
    if (file->is_exec || has_exit_command(file))
        return;
    add(argv, "exit-command", request->runtime);
    add_each(argv, "exit-command-arg", (const char *const *)file->runtime_args);
    add(argv, "exit-command-arg", "delete");
    add(argv, "exit-command-arg", "--force");
    add(argv, "exit-command-arg", request->container_id);
}

static void
add_monitor_args(GStrvBuilder *argv, const HfProcessFile *file)
{
    for (char **arg = file->monitor_args; *arg != NULL; arg++) {
        if (!file->has_terminal || strcmp(*arg, STDIN_OPTION) != 0)
            g_strv_builder_add(argv, *arg);
    }
}

char **
hf_shim_argv_new(const HfShimRequest *request, const HfProcessFile *file)
{
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();

    g_strv_builder_add(argv, request->monitor);
    add_container(argv, request, file);
    add_runtime(argv, request, file);
    add_action(argv, request, file);
    add_stdio(argv, file);
    add_exit_command(argv, request, file);
    if (request->is_adopting)
        add(argv, "adopt", request->process_dir);
    add_monitor_args(argv, file);
    return g_strv_builder_end(argv);
}
