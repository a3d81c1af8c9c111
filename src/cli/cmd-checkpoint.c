/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* checkpoint, checkpoints and delete-checkpoint; restore is a way to run (cmd-run.c). */

#include <signal.h>

#include <glib-unix.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"

typedef struct {
    gboolean has_come;
    gboolean is_made;
    GError *error;
} Ending;

static void
on_checkpoint(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Ending *ending = user_data;

    ending->is_made = hf_container_checkpoint_finish(HF_CONTAINER(source), result, &ending->error);
    ending->has_come = TRUE;
}

static gboolean
on_interrupt(gpointer user_data)
{
    g_cancellable_cancel(user_data);
    return G_SOURCE_CONTINUE;
}

/* Waits for it, and says on a terminal how long that takes. Control-C gives it up, and what was
 * begun is undone. */
static gboolean
make_checkpoint(HfContainer *container, HfCheckpoint *checkpoint, const char *directory,
                GError **error)
{
    g_autoptr(HfProgress) progress = hf_progress_new("writing checkpoint");
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GSource) interrupt = g_unix_signal_source_new(SIGINT);
    Ending ending = {0};

    g_source_set_callback(interrupt, on_interrupt, cancellable, NULL);
    g_source_attach(interrupt, NULL);
    hf_container_checkpoint_async(container, checkpoint, directory, cancellable, on_checkpoint,
                                  &ending);
    while (!ending.has_come)
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(interrupt);
    if (!ending.is_made)
        g_propagate_error(error, ending.error);
    return ending.is_made;
}

int
hf_cmd_checkpoint(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *directory = NULL;
    g_auto(GStrv) empty_ns = NULL;
    gboolean exits = FALSE;
    gboolean has_tcp = FALSE;
    gboolean has_unix_sockets = FALSE;
    gboolean is_shell_job = FALSE;
    g_autoptr(HfContainer) container = NULL;
    g_autoptr(HfCheckpoint) checkpoint = NULL;
    const GOptionEntry entries[] = {
        {"directory", 0, 0, G_OPTION_ARG_FILENAME, &directory,
         "Where it is kept: in the bundle's \"checkpoints\" by default", "DIR"},
        {"exit", 0, 0, G_OPTION_ARG_NONE, &exits, "End the container by it", NULL},
        {"tcp", 0, 0, G_OPTION_ARG_NONE, &has_tcp, "With established TCP connections", NULL},
        {"unix-sockets", 0, 0, G_OPTION_ARG_NONE, &has_unix_sockets, "With connected unix sockets",
         NULL},
        {"shell", 0, 0, G_OPTION_ARG_NONE, &is_shell_job,
         "The session's leader or terminal is outside of the container", NULL},
        {"empty-ns", 0, 0, G_OPTION_ARG_STRING_ARRAY, &empty_ns,
         "A namespace to make but not to fill when restoring; may be repeated", "NAMESPACE"},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID NAME", 2, 2, &argc, &argv, error))
        return -1;
    container = hf_cli_load(cli, argv[1], error);
    if (container == NULL)
        return -1;
    checkpoint = hf_checkpoint_new(argv[2]);
    g_object_set(checkpoint, "exit", exits, "tcp", has_tcp, "unix-sockets", has_unix_sockets,
                 "shell", is_shell_job, "empty-ns", empty_ns, NULL);
    if (!make_checkpoint(container, checkpoint, directory, error))
        return -1;
    g_print("%s\n", argv[2]);
    return 0;
}

static void
print_json(GPtrArray *checkpoints)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < checkpoints->len; i++) {
        HfCheckpoint *checkpoint = g_ptr_array_index(checkpoints, i);
        g_autoptr(GDateTime) created = hf_checkpoint_dup_created(checkpoint);

        json_builder_begin_object(builder);
        hf_json_add_string(builder, "name", hf_checkpoint_get_name(checkpoint));
        hf_json_add_time(builder, "created", created);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    hf_json_print(builder);
}

static void
print_table(GPtrArray *checkpoints)
{
    static const char *const headings[] = {"NAME", "CREATED", NULL};
    g_autoptr(HfTable) table = hf_table_new(headings);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *text = NULL;

    for (guint i = 0; i < checkpoints->len; i++) {
        HfCheckpoint *checkpoint = g_ptr_array_index(checkpoints, i);
        g_autoptr(GDateTime) created = hf_checkpoint_dup_created(checkpoint);
        char **row = g_new0(char *, 3);

        row[0] = g_strdup(hf_checkpoint_get_name(checkpoint));
        row[1] = created != NULL ? hf_text_age(created, now) : g_strdup("-");
        hf_table_take_row(table, row);
    }
    text = hf_table_to_string(table);
    g_print("%s", text);
}

int
hf_cmd_checkpoints(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *directory = NULL;
    g_autoptr(HfContainer) container = NULL;
    g_autoptr(GPtrArray) checkpoints = NULL;
    const GOptionEntry entries[] = {
        {"directory", 0, 0, G_OPTION_ARG_FILENAME, &directory,
         "Where they are kept: in the bundle's \"checkpoints\" by default", "DIR"},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID", 1, 1, &argc, &argv, error))
        return -1;
    container = hf_cli_load(cli, argv[1], error);
    checkpoints =
        container != NULL ? hf_container_list_checkpoints(container, directory, error) : NULL;
    if (checkpoints == NULL)
        return -1;
    if (cli->format == HF_CLI_JSON)
        print_json(checkpoints);
    else
        print_table(checkpoints);
    return 0;
}

int
hf_cmd_delete_checkpoint(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autofree char *directory = NULL;
    g_autoptr(HfContainer) container = NULL;
    const GOptionEntry entries[] = {
        {"directory", 0, 0, G_OPTION_ARG_FILENAME, &directory,
         "Where it is kept: in the bundle's \"checkpoints\" by default", "DIR"},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "ID NAME", 2, 2, &argc, &argv, error))
        return -1;
    container = hf_cli_load(cli, argv[1], error);
    if (container == NULL || !hf_container_delete_checkpoint(container, argv[2], directory, error))
        return -1;
    g_print("%s\n", argv[2]);
    return 0;
}
