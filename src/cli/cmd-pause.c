/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* pause, and its opposite. */

#include "cli/commands.h"

static gboolean
pause_container(HfContainer *container, gpointer user_data, GError **error)
{
    return hf_container_pause(container, NULL, error);
}

static gboolean
resume_container(HfContainer *container, gpointer user_data, GError **error)
{
    return hf_container_resume(container, NULL, error);
}

static int
run(HfCli *cli, int argc, char **argv, HfCliActFunc act, GError **error)
{
    if (!hf_cli_parse_operands(cli, NULL, "ID...", 1, -1, &argc, &argv, error))
        return -1;
    return hf_cli_for_each(cli, argc, argv, act, NULL);
}

int
hf_cmd_pause(HfCli *cli, int argc, char **argv, GError **error)
{
    return run(cli, argc, argv, pause_container, error);
}

int
hf_cmd_resume(HfCli *cli, int argc, char **argv, GError **error)
{
    return run(cli, argc, argv, resume_container, error);
}
