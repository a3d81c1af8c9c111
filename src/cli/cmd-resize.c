/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"

static gboolean
parse_size(const char *text, guint *out_size, GError **error)
{
    guint64 size = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &size, NULL)) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "'%s' is no size from 0 to %d",
                    text, G_MAXUINT16);
        return FALSE;
    }
    *out_size = (guint)size;
    return TRUE;
}

int
hf_cmd_resize(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *process_id = NULL;
    g_autoptr(HfProcess) process = NULL;
    guint width = 0;
    guint height = 0;
    const GOptionEntry entries[] = {
        {"process", 'p', 0, G_OPTION_ARG_STRING, &process_id,
         "Of which process: the first by default", "PROCESS"},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID WIDTH HEIGHT", 3, 3, &argc, &argv, error) ||
        !parse_size(argv[2], &width, error) || !parse_size(argv[3], &height, error))
        return -1;
    process = hf_cli_load_watched_process(cli, argv[1], process_id, error);
    if (process == NULL || !hf_process_resize(process, width, height, error))
        return -1;
    return 0;
}
