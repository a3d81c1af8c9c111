/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A monitor runs "delete --background" when its container has ended, for run --detach --rm.
 * Deleting waits for the monitor, and the monitor for the command it runs: so a child is left
 * behind that does it. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.h"

typedef struct {
    gboolean force;
    char *process_id; /* NULL: the container */
} Delete;

static gboolean
delete_one(HfContainer *container, gpointer user_data, GError **error)
{
    const Delete *what = user_data;

    if (what->process_id != NULL)
        return hf_container_remove_process(container, what->process_id, error);
    return hf_container_delete(container, what->force, NULL, error);
}

/* In the child that is to go on. */
static void
leave_caller(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    for (int fd = STDIN_FILENO; null_fd >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null_fd, fd);
}

int
hf_cmd_delete(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *process_id = NULL;
    gboolean is_background = FALSE;
    Delete what = {0};
    const GOptionEntry entries[] = {
        {"force", 'f', 0, G_OPTION_ARG_NONE, &what.force, "End what still runs with SIGKILL", NULL},
        {"process", 'p', 0, G_OPTION_ARG_STRING, &process_id,
         "Only this process of the container, an exec that has ended", "PROCESS"},
        {"background", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &is_background, NULL, NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID...", 1, -1, &argc, &argv, error))
        return -1;
    if (is_background) {
        pid_t pid = fork();

        if (pid < 0) {
            g_set_error(error, HF_ERROR, HF_ERROR_FAILED, "fork: %s", g_strerror(errno));
            return -1;
        }
        if (pid > 0)
            return 0;
        leave_caller();
    }
    what.process_id = process_id;
    return hf_cli_for_each(cli, argc, argv, delete_one, &what);
}
