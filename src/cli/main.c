/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"

const HfCliCommand hf_cli_commands[] = {
    {"run", hf_cmd_run, "Run a container from a bundle"},
    {"create", hf_cmd_create, "Create a container whose process waits for start"},
    {"start", hf_cmd_start, "Start created containers"},
    {"exec", hf_cmd_exec, "Run another process in a container", TRUE},
    {"attach", hf_cmd_attach, "Attach to a process of a container"},
    {"logs", hf_cmd_logs, "Show what a container printed"},
    {"list", hf_cmd_list, "List containers"},
    {"inspect", hf_cmd_inspect, "Show all that is known of containers, as JSON"},
    {"top", hf_cmd_top, "List the processes in a container", TRUE},
    {"pause", hf_cmd_pause, "Freeze containers"},
    {"resume", hf_cmd_resume, "Let frozen containers go on"},
    {"kill", hf_cmd_kill, "Send a signal to containers"},
    {"adopt", hf_cmd_adopt, "Give containers whose monitor died a new one"},
    {"upgrade", hf_cmd_upgrade, "Have monitors become the installed program"},
    {"wait", hf_cmd_wait, "Wait for containers to end, and print their exit status"},
    {"resize", hf_cmd_resize, "Set the size of a container's terminal"},
    {"reopen-logs", hf_cmd_reopen_logs, "Open log files anew, after they were renamed"},
    {"stats", hf_cmd_stats, "Show what containers use, live"},
    {"events", hf_cmd_events, "Show what happened and happens to containers"},
    {"update", hf_cmd_update, "Change the limits of containers"},
    {"checkpoint", hf_cmd_checkpoint, "Write a container's processes to disk"},
    {"checkpoints", hf_cmd_checkpoints, "List the checkpoints of a container"},
    {"restore", hf_cmd_restore, "Run a container from a checkpoint"},
    {"delete-checkpoint", hf_cmd_delete_checkpoint, "Delete a checkpoint"},
    {"delete", hf_cmd_delete, "Delete containers"},
    {"version", hf_cmd_version, "Show the version"},
    {0},
};

static char *
describe_commands(void)
{
    GString *text = g_string_new("Commands:\n");

    for (const HfCliCommand *command = hf_cli_commands; command->name != NULL; command++)
        g_string_append_printf(text, "  %-18s %s\n", command->name, command->summary);
    g_string_append(text, "\n\"holdfast COMMAND --help\" tells a command's options.");
    return g_string_free(text, FALSE);
}

/* Parses what stands before the command. */
static gboolean
parse_global(HfCli *cli, gboolean *out_version, int *argc, char ***argv, GError **error)
{
    g_autofree char *commands = describe_commands();
    const GOptionEntry entries[] = {
        {"version", 0, 0, G_OPTION_ARG_NONE, out_version, "Show the version", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("COMMAND [ARG...]");

    g_option_context_set_strict_posix(context, TRUE);
    g_option_context_set_summary(context, "Runs and looks after containers that live on disk.");
    g_option_context_set_description(context, commands);
    g_option_context_add_main_entries(context, entries, NULL);
    return hf_cli_parse_options(cli, context, 0, argc, argv, error);
}

static int
run_command(HfCli *cli, int argc, char **argv, GError **error)
{
    if (argc < 2) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "a command is missing: see holdfast --help");
        return -1;
    }
    for (const HfCliCommand *command = hf_cli_commands; command->name != NULL; command++) {
        if (g_str_equal(command->name, argv[1]))
            return command->run(cli, argc - 1, argv + 1, error);
    }
    g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                "'%s' is no command: see holdfast --help", argv[1]);
    return -1;
}

/* A descriptor that nobody opened would be taken by the next file, and then printed to. */
static void
open_standard_streams(void)
{
    int fd = -1;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* What was printed may have failed to be written, long ago: its errno is lost. Nobody needs to be
 * told that he reads no more. */
static int
finish_output(int status)
{
    struct pollfd output = {.fd = STDOUT_FILENO};

    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0)
        return HF_CLI_NOT_READ;
    hf_cli_warn("the output could not be written");
    return HF_CLI_FAILED;
}

int
main(int argc, char **argv)
{
    g_auto(HfCli) cli = {0};
    gboolean shows_version = FALSE;
    g_autoptr(GError) error = NULL;
    const struct sigaction ignored = {.sa_handler = SIG_IGN};
    char *version_argv[] = {(char *)"holdfast", (char *)"version", NULL};
    int status = -1;

    open_standard_streams();
    setlocale(LC_ALL, "");
    g_set_prgname("holdfast");
    /* A reader of the output that goes is an error of a write. */
    sigaction(SIGPIPE, &ignored, NULL);

    if (parse_global(&cli, &shows_version, &argc, &argv, &error)) {
        if (shows_version)
            status = run_command(&cli, 2, version_argv, &error);
        else
            status = run_command(&cli, argc, argv, &error);
    }
    if (status < 0) {
        hf_cli_warn(error->message);
        status = HF_CLI_FAILED;
    }
    return finish_output(status);
}
