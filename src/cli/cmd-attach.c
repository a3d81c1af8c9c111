/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"
#include "cli/foreground.h"

int
hf_cmd_attach(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *process_id = NULL;
    g_autofree char *detach_keys = NULL;
    gboolean has_no_stdin = FALSE;
    g_autoptr(HfProcess) process = NULL;
    g_autoptr(HfForeground) foreground = NULL;
    HfForegroundEnd end = HF_FOREGROUND_ENDED;
    const GOptionEntry entries[] = {
        {"process", 'p', 0, G_OPTION_ARG_STRING, &process_id,
         "To which process: the first by default", "PROCESS"},
        {"detach-keys", 0, 0, G_OPTION_ARG_STRING, &detach_keys,
         "What leaves a terminal: ctrl-p,ctrl-q by default, \"\" for nothing", "KEYS"},
        {"no-stdin", 0, 0, G_OPTION_ARG_NONE, &has_no_stdin, "Look on only", NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID", 1, 1, &argc, &argv, error))
        return -1;
    process = hf_cli_load_watched_process(cli, argv[1], process_id, error);
    if (process == NULL)
        return -1;
    foreground = hf_foreground_new(process, !has_no_stdin, detach_keys, error);
    if (foreground == NULL)
        return -1;
    return hf_foreground_run(foreground, &end, error);
}
