/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "runtime/runtime-argv.h"

static void
add_pair(GStrvBuilder *argv, const char *option, const char *value)
{
    if (value != NULL)
        g_strv_builder_add_many(argv, option, value, NULL);
}

static void
add_flag(GStrvBuilder *argv, const char *flag, bool is_wanted)
{
    if (is_wanted)
        g_strv_builder_add(argv, flag);
}

static void
add_all(GStrvBuilder *argv, const char *const *words)
{
    for (; words != NULL && *words != NULL; words++)
        g_strv_builder_add(argv, *words);
}

/* Nobody asks for --tty here: the process spec of an exec says it, and a runtime that gets both
 * would have two opinions. --detach is the long option because not every runtime knows -d. */
static void
add_exec(GStrvBuilder *argv, const HfRuntimeRequest *request)
{
    g_strv_builder_add(argv, "exec");
    add_pair(argv, "--pid-file", request->pid_file);
    add_pair(argv, "--process", request->process_spec);
    g_strv_builder_add(argv, "--detach");
}

static void
add_create_or_restore(GStrvBuilder *argv, const HfRuntimeRequest *request)
{
    bool is_restore = request->action == HF_RUNTIME_RESTORE;

    g_strv_builder_add(argv, is_restore ? "restore" : "create");
    add_pair(argv, "--bundle", request->bundle);
    add_pair(argv, "--pid-file", request->pid_file);
    add_flag(argv, "--no-pivot", request->no_pivot);
    add_flag(argv, "--no-new-keyring", request->no_new_keyring);
    if (!is_restore)
        return;
    g_strv_builder_add(argv, "--detach");
    add_pair(argv, "--image-path", request->checkpoint_dir);
    add_pair(argv, "--work-path", request->bundle);
}

char **
hf_runtime_argv_new(const HfRuntimeRequest *request)
{
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
    bool is_exec = request->action == HF_RUNTIME_EXEC;

    g_strv_builder_add(argv, request->runtime);
    add_flag(argv, "--systemd-cgroup", request->use_systemd_cgroup && !is_exec);
    add_all(argv, request->global_args);
    if (is_exec)
        add_exec(argv, request);
    else
        add_create_or_restore(argv, request);
    add_all(argv, request->action_opts);
    add_pair(argv, "--console-socket", request->console_socket);
    g_strv_builder_add(argv, request->container_id);
    return g_strv_builder_end(argv);
}
