/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>

#include "cli/cli.h"
#include "cli/short-options.h"
#include "cli/text.h"

static const HfCliCommand *
find_command(const char *name)
{
    for (const HfCliCommand *command = hf_cli_commands; command->name != NULL; command++) {
        if (g_str_equal(command->name, name))
            return command;
    }
    return NULL;
}

void
hf_cli_clear(HfCli *self)
{
    g_clear_pointer(&self->root, g_free);
    g_clear_pointer(&self->runtime, g_free);
    g_clear_pointer(&self->words, g_strfreev);
    g_clear_pointer(&self->argv, g_free);
}

static gboolean
parse_format(const char *text, HfCliFormat *out_format, GError **error)
{
    static const char *const formats[] = {
        [HF_CLI_TABLE] = "table",
        [HF_CLI_JSON] = "json",
    };

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (g_str_equal(text, formats[i])) {
            *out_format = (HfCliFormat)i;
            return TRUE;
        }
    }
    g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "'%s' is no format: table and json are",
                text);
    return FALSE;
}

static void
replace(char **text, char **take_text)
{
    if (*take_text == NULL)
        return;
    g_free(*text);
    *text = g_steal_pointer(take_text);
}

gboolean
hf_cli_parse_options(HfCli *cli, GOptionContext *context, int flags, int *argc, char ***argv,
                     GError **error)
{
    g_autofree char *root = NULL;
    g_autofree char *runtime = NULL;
    g_autofree char *format = NULL;
    const GOptionEntry entries[] = {
        {"root", 0, flags, G_OPTION_ARG_FILENAME, &root, "Where the containers are kept", "DIR"},
        {"runtime", 0, flags, G_OPTION_ARG_FILENAME, &runtime,
         "The OCI runtime of new containers: runc, crun or a path", "RUNTIME"},
        {"format", 0, flags, G_OPTION_ARG_STRING, &format, "table (the default) or json", "FORMAT"},
        {0},
    };

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    replace(&cli->root, &root);
    replace(&cli->runtime, &runtime);
    return format == NULL || parse_format(format, &cli->format, error);
}

/* The parser drops words from the array that it is given, but does not free them. */
static void
split_short_options(HfCli *cli, const GOptionEntry *entries, gboolean is_strict, int *argc,
                    char ***argv)
{
    gsize count = 0;

    g_strfreev(cli->words);
    g_free(cli->argv);
    cli->words = hf_short_options_split(entries, is_strict, *argv);
    count = g_strv_length(cli->words);
    cli->argv = g_memdup2(cli->words, (count + 1) * sizeof(char *));
    *argc = (int)count;
    *argv = cli->argv;
}

/* A "--" that the parser has left before what is another program's. */
static void
remove_separator(int last_index, int *argc, char **argv)
{
    for (int i = 1; i <= last_index && i < *argc; i++) {
        if (!g_str_equal(argv[i], "--"))
            continue;
        memmove(argv + i, argv + i + 1, sizeof(char *) * (gsize)(*argc - i));
        *argc -= 1;
        return;
    }
}

gboolean
hf_cli_parse_operands(HfCli *cli, const GOptionEntry *entries, const char *operands, int minimum,
                      int maximum, int *argc, char ***argv, GError **error)
{
    const HfCliCommand *command = find_command((*argv)[0]);
    g_autoptr(GOptionContext) context = g_option_context_new(operands);
    g_autofree char *program = NULL;
    g_autofree char *summary = NULL;

    g_assert(command != NULL);
    program = g_strdup_printf("holdfast %s", command->name);
    summary = g_strdup_printf("%s.", command->summary);
    g_set_prgname(program);
    g_option_context_set_strict_posix(context, command->hands_on);
    g_option_context_set_summary(context, summary);
    if (entries != NULL)
        g_option_context_add_main_entries(context, entries, NULL);
    split_short_options(cli, entries, command->hands_on, argc, argv);
    if (!hf_cli_parse_options(cli, context, G_OPTION_FLAG_HIDDEN, argc, argv, error))
        return FALSE;
    remove_separator(command->hands_on ? 2 : *argc, argc, *argv);
    if (*argc - 1 < minimum || (maximum >= 0 && *argc - 1 > maximum)) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "usage: holdfast %s [OPTION...]%s%s", command->name,
                    *operands != '\0' ? " " : "", operands);
        return FALSE;
    }
    return TRUE;
}

HfContainer *
hf_cli_load(const HfCli *cli, const char *id, GError **error)
{
    return hf_container_load(cli->root, id, error);
}

HfProcess *
hf_cli_load_process(const HfCli *cli, const char *id, const char *process_id, GError **error)
{
    g_autoptr(HfContainer) container = hf_cli_load(cli, id, error);

    if (container == NULL)
        return NULL;
    return hf_container_get_process(container, process_id != NULL ? process_id : HF_INIT_PROCESS_ID,
                                    error);
}

HfProcess *
hf_cli_load_watched_process(const HfCli *cli, const char *id, const char *process_id,
                            GError **error)
{
    g_autoptr(HfContainer) container = hf_cli_load(cli, id, error);
    g_autoptr(GError) local = NULL;

    if (container == NULL)
        return NULL;
    if (!hf_container_adopt(container, NULL, NULL, &local))
        hf_cli_warn(local->message);
    return hf_container_get_process(container, process_id != NULL ? process_id : HF_INIT_PROCESS_ID,
                                    error);
}

int
hf_cli_for_each(HfCli *cli, int argc, char **argv, HfCliActFunc act, gpointer user_data)
{
    int status = 0;

    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(HfContainer) container = hf_cli_load(cli, argv[i], &error);

        if (container != NULL && act(container, user_data, &error)) {
            g_print("%s\n", argv[i]);
            continue;
        }
        hf_cli_warn(error->message);
        status = HF_CLI_FAILED;
    }
    return status;
}

void
hf_cli_warn(const char *message)
{
    g_autofree char *text = hf_text_escape(message, strlen(message));

    g_printerr("holdfast: %s\n", text);
}

int
hf_cli_open_signals(const int *numbers, gsize count, sigset_t *out_signals, GError **error)
{
    int fd = -1;

    sigemptyset(out_signals);
    for (gsize i = 0; i < count; i++)
        sigaddset(out_signals, numbers[i]);
    if (sigprocmask(SIG_BLOCK, out_signals, NULL) < 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno), "block signals: %s",
                    g_strerror(errno));
        return -1;
    }
    fd = signalfd(-1, out_signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno), "make a signalfd: %s",
                    g_strerror(errno));
    return fd;
}
