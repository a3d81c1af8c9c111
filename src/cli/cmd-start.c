/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"

static gboolean
start(HfContainer *container, gpointer user_data, GError **error)
{
    g_autoptr(HfProcess) process = hf_container_get_process(container, HF_INIT_PROCESS_ID, error);

    return process != NULL && hf_process_start(process, NULL, error);
}

int
hf_cmd_start(HfCli *cli, int argc, char **argv, GError **error)
{
    if (!hf_cli_parse_operands(cli, NULL, "ID...", 1, -1, &argc, &argv, error))
        return -1;
    return hf_cli_for_each(cli, argc, argv, start, NULL);
}
