/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "cli/commands.h"
#include "cli/json.h"

static int
print_pids(const int *pids, gsize length)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (gsize i = 0; i < length; i++)
        json_builder_add_int_value(builder, pids[i]);
    json_builder_end_array(builder);
    hf_json_print(builder);
    return 0;
}

static char *
join_pids(const int *pids, gsize length)
{
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < length; i++)
        g_string_append_printf(text, "%s%d", i == 0 ? "" : ",", pids[i]);
    return g_string_free(text, FALSE);
}

/* ps(1) knows best how to show processes, and people know how to ask it. */
static int
run_ps(const char *pids, char **ps_args, GError **error)
{
    static const char *const default_args[] = {"-o", "user,pid,ppid,pcpu,stime,tty,time,args",
                                               NULL};
    const char *const *args = ps_args[0] != NULL ? (const char *const *)ps_args : default_args;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    int wait_status = 0;

    g_ptr_array_add(argv, (gpointer) "ps");
    for (gsize i = 0; args[i] != NULL; i++)
        g_ptr_array_add(argv, (gpointer)args[i]);
    g_ptr_array_add(argv, (gpointer) "-p");
    g_ptr_array_add(argv, (gpointer)pids);
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                      &wait_status, error))
        return -1;
    return g_spawn_check_wait_status(wait_status, NULL) ? 0 : HF_CLI_FAILED;
}

int
hf_cmd_top(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autoptr(HfContainer) container = NULL;
    g_autofree int *pids = NULL;
    g_autofree char *list = NULL;
    gsize length = 0;

    if (!hf_cli_parse_operands(cli, NULL, "ID [PS-OPTION...]", 1, -1, &argc, &argv, error))
        return -1;
    container = hf_cli_load(cli, argv[1], error);
    if (container == NULL)
        return -1;
    pids = hf_container_list_pids(container, &length, error);
    if (pids == NULL)
        return -1;
    if (cli->format == HF_CLI_JSON)
        return print_pids(pids, length);
    list = join_pids(pids, length);
    return run_ps(list, argv + 2, error);
}
