/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What every command has at hand: the global options, and how a command is made of its arguments.
 */

#pragma once

#include <holdfast/holdfast.h>
#include <signal.h>

/* Exit statuses besides those of containers, as Podman has them. */
#define HF_CLI_FAILED 125        /* holdfast itself, or the OCI runtime */
#define HF_CLI_CANNOT_INVOKE 126 /* the container's command is no program */
#define HF_CLI_NO_COMMAND 127    /* there is no such command in the container */
#define HF_CLI_NOT_READ 141      /* nobody reads the output any more: as SIGPIPE would end it */

typedef enum {
    HF_CLI_TABLE,
    HF_CLI_JSON,
} HfCliFormat;

typedef struct {
    char *root;    /* NULL: the default */
    char *runtime; /* NULL: the default */
    HfCliFormat format;
    char **words; /* the command's, which its argv borrows */
    char **argv;  /* the array of it */
} HfCli;

void hf_cli_clear(HfCli *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfCli, hf_cli_clear)

/* Runs a command: @argv[0] is its name. The exit status of the program, or -1 with @error set. */
typedef int (*HfCliFunc)(HfCli *cli, int argc, char **argv, GError **error);

typedef struct {
    const char *name;
    HfCliFunc run;
    const char *summary; /* one line for people, without a full stop */
    gboolean hands_on;   /* what stands after the first operand is another program's */
} HfCliCommand;

/* All commands in the order in which they are told to people; the last one has no name. */
extern const HfCliCommand hf_cli_commands[];

/* Parses what @context has and the global options, which @cli keeps: a later one counts. @flags:
 * theirs, as %G_OPTION_FLAG_HIDDEN. --help prints and ends the program. */
gboolean hf_cli_parse_options(HfCli *cli, GOptionContext *context, int flags, int *argc,
                              char ***argv, GError **error);

/* Parses the options of the command whose name is (*@argv)[0] and leaves the operands in @argv from
 * 1 on. @operands: "ID COMMAND [ARG...]", for --help. @maximum: -1: any number. */
gboolean hf_cli_parse_operands(HfCli *cli, const GOptionEntry *entries, const char *operands,
                               int minimum, int maximum, int *argc, char ***argv, GError **error);

HfContainer *hf_cli_load(const HfCli *cli, const char *id, GError **error);

/* The container's first process. */
HfProcess *hf_cli_load_process(const HfCli *cli, const char *id, const char *process_id,
                               GError **error);

/* The same, for what needs a monitor: if that died there is a new one, or a warning. */
HfProcess *hf_cli_load_watched_process(const HfCli *cli, const char *id, const char *process_id,
                                       GError **error);

/* Does @act to each container named in @argv, from 1 on, and prints the id of each; goes on after
 * one that fails, which is told on stderr. 0, or HF_CLI_FAILED if any failed. */
typedef gboolean (*HfCliActFunc)(HfContainer *container, gpointer user_data, GError **error);
int hf_cli_for_each(HfCli *cli, int argc, char **argv, HfCliActFunc act, gpointer user_data);

/* Blocks these signals, *@out_signals, and reads them from a signalfd. -1 with @error set. */
int hf_cli_open_signals(const int *numbers, gsize count, sigset_t *out_signals, GError **error);

/* "holdfast: MESSAGE" on stderr, control characters escaped. */
void hf_cli_warn(const char *message);
