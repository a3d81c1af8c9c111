/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <signal.h>

#include "cli/commands.h"
#include "cli/text.h"

typedef struct {
    const char *process_id;
    int signal_number;
} Kill;

static gboolean
kill_process(HfContainer *container, gpointer user_data, GError **error)
{
    const Kill *kill = user_data;
    g_autoptr(HfProcess) process = hf_container_get_process(container, kill->process_id, error);

    return process != NULL && hf_process_signal(process, kill->signal_number, error);
}

int
hf_cmd_kill(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *signal_name = NULL;
    g_autofree char *process_id = NULL;
    Kill kill = {.process_id = HF_INIT_PROCESS_ID, .signal_number = SIGTERM};
    const GOptionEntry entries[] = {
        {"signal", 's', 0, G_OPTION_ARG_STRING, &signal_name, "Which signal: TERM by default",
         "SIGNAL"},
        {"process", 'p', 0, G_OPTION_ARG_STRING, &process_id,
         "To which process: the first by default", "PROCESS"},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID...", 1, -1, &argc, &argv, error))
        return -1;
    if (signal_name != NULL) {
        kill.signal_number = hf_text_parse_signal(signal_name, error);
        if (kill.signal_number < 0)
            return -1;
    }
    if (process_id != NULL)
        kill.process_id = process_id;
    return hf_cli_for_each(cli, argc, argv, kill_process, &kill);
}
