/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"

int
hf_cmd_wait(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *process_id = NULL;
    gboolean has_failed = FALSE;
    int status = 0;
    const GOptionEntry entries[] = {
        {"process", 'p', 0, G_OPTION_ARG_STRING, &process_id,
         "For which process: the first by default", "PROCESS"},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID...", 1, -1, &argc, &argv, error))
        return -1;
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) local_error = NULL;
        g_autoptr(HfProcess) process =
            hf_cli_load_watched_process(cli, argv[i], process_id, &local_error);

        if (process == NULL || !hf_process_wait(process, NULL, &status, &local_error)) {
            hf_cli_warn(local_error->message);
            has_failed = TRUE;
            continue;
        }
        g_print("%d\n", status);
    }
    return has_failed ? HF_CLI_FAILED : status;
}
