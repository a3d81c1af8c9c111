/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/table.h"

/* How this works: each monitor is one row, whether it belongs to the first process of a container,
 * to an exec in it, or to a session of an engine, which has no processes by name. An id is that of
 * a container first. A monitor that goes on as it was because of a reason of its own is a row as
 * well; what has no monitor to be asked is told on stderr. */

#define UNKNOWN "unknown"

typedef struct {
    char *id;
    char *process; /* NULL: a session of an engine */
    char *from;    /* versions; NULL: not known */
    char *to;
    gboolean is_upgraded;
    char *reason; /* NULL: it is the installed program now */
} Row;

typedef struct {
    const HfCli *cli;
    gboolean takes_all;
    gboolean is_forced;
    GPtrArray *rows;
    int status;
} Upgrade;

static void
row_free(gpointer data)
{
    Row *row = data;

    g_free(row->id);
    g_free(row->process);
    g_free(row->from);
    g_free(row->to);
    g_free(row->reason);
    g_free(row);
}

static void
fail(Upgrade *self, const GError *error)
{
    hf_cli_warn(error->message);
    self->status = HF_CLI_FAILED;
}

static gboolean
has_ended(const GError *error)
{
    return g_error_matches(error, HF_ERROR, HF_ERROR_CONTAINER_EXITED) ||
           g_error_matches(error, HF_ERROR, HF_ERROR_CONTAINER_NOT_STARTED);
}

/* @take_row with what came of it: @error if anything went wrong. */
static void
add_row(Upgrade *self, Row *take_row, const GError *error)
{
    if (error != NULL) {
        take_row->reason = g_strdup(error->message);
        self->status = HF_CLI_FAILED;
    }
    g_ptr_array_add(self->rows, take_row);
}

/* What ended while the others were looked at is nothing to tell. */
static void
upgrade_process(Upgrade *self, HfContainer *container, HfProcess *process)
{
    g_autoptr(GError) error = NULL;
    Row *row = g_new0(Row, 1);

    row->id = g_strdup(hf_container_get_id(container));
    row->process = g_strdup(hf_process_get_id(process));
    row->from = hf_process_dup_monitor_version(process);
    (void)hf_process_upgrade_monitor(process, self->is_forced, &row->is_upgraded, NULL, &error);
    row->to = hf_process_dup_monitor_version(process);
    if (has_ended(error))
        row_free(row);
    else
        add_row(self, row, error);
}

static void
upgrade_container(Upgrade *self, HfContainer *container)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) processes = hf_container_list_processes(container, &error);
    guint before = self->rows->len;

    if (processes == NULL) {
        fail(self, error);
        return;
    }
    for (guint i = 0; i < processes->len; i++)
        upgrade_process(self, container, g_ptr_array_index(processes, i));
    if (self->takes_all || self->rows->len > before)
        return;
    g_set_error(&error, HF_ERROR, HF_ERROR_INVALID_STATE, "container '%s' has no running process",
                hf_container_get_id(container));
    fail(self, error);
}

static gboolean
is_session(const HfCli *cli, const char *id)
{
    g_auto(GStrv) ids = hf_adoption_list_watched(cli->root, NULL);

    return ids != NULL && g_strv_contains((const char *const *)ids, id);
}

static void
upgrade_session(Upgrade *self, const char *id)
{
    const char *root = self->cli->root;
    g_autoptr(GError) error = NULL;
    Row *row = g_new0(Row, 1);

    row->id = g_strdup(id);
    row->from = hf_adoption_dup_monitor_version(root, id);
    (void)hf_adoption_upgrade_monitor(root, id, self->is_forced, &row->is_upgraded, NULL, &error);
    row->to = hf_adoption_dup_monitor_version(root, id);
    if (error != NULL && self->takes_all && !is_session(self->cli, id))
        row_free(row);
    else
        add_row(self, row, error);
}

static void
upgrade_one(Upgrade *self, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfContainer) container = hf_cli_load(self->cli, id, &error);

    if (container != NULL)
        upgrade_container(self, container);
    else if (g_error_matches(error, HF_ERROR, HF_ERROR_NOT_FOUND) && is_session(self->cli, id))
        upgrade_session(self, id);
    else
        fail(self, error);
}

static void
upgrade_all(Upgrade *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) containers = hf_container_load_all(self->cli->root, NULL, &error);
    g_auto(GStrv) ids = error == NULL ? hf_adoption_list_watched(self->cli->root, &error) : NULL;

    for (guint i = 0; containers != NULL && i < containers->len; i++)
        upgrade_container(self, g_ptr_array_index(containers, i));
    for (char **id = ids; ids != NULL && *id != NULL; id++)
        upgrade_session(self, *id);
    if (error != NULL)
        fail(self, error);
}

static const char *
get_result(const Row *row)
{
    if (row->reason != NULL)
        return "refused";
    return row->is_upgraded ? "upgraded" : "current";
}

static char *
describe(const Row *row)
{
    const char *from = row->from != NULL ? row->from : UNKNOWN;
    const char *to = row->to != NULL ? row->to : UNKNOWN;

    if (row->reason != NULL)
        return g_strdup_printf("%s: %s", get_result(row), row->reason);
    if (!row->is_upgraded)
        return g_strdup_printf("%s: %s", get_result(row), to);
    return g_strdup_printf("%s: %s -> %s", get_result(row), from, to);
}

static void
print_table(const GPtrArray *rows)
{
    static const char *const headings[] = {"ID", "PROCESS", "RESULT", NULL};
    g_autoptr(HfTable) table = hf_table_new(headings);
    g_autofree char *text = NULL;

    for (guint i = 0; i < rows->len; i++) {
        const Row *row = g_ptr_array_index(rows, i);
        char **cells = g_new0(char *, G_N_ELEMENTS(headings));

        cells[0] = g_strdup(row->id);
        cells[1] = g_strdup(row->process != NULL ? row->process : "-");
        cells[2] = describe(row);
        hf_table_take_row(table, cells);
    }
    text = hf_table_to_string(table);
    g_print("%s", text);
}

static void
print_json(const GPtrArray *rows)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = g_ptr_array_index(rows, i);

        json_builder_begin_object(builder);
        hf_json_add_string(builder, "id", row->id);
        hf_json_add_string(builder, "process", row->process);
        hf_json_add_string(builder, "result", get_result(row));
        hf_json_add_string(builder, "from", row->from);
        hf_json_add_string(builder, "to", row->to);
        hf_json_add_string(builder, "reason", row->reason);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    hf_json_print(builder);
}

int
hf_cmd_upgrade(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(row_free);
    Upgrade self = {.cli = cli, .rows = rows};
    const GOptionEntry entries[] = {
        {"all", 'a', 0, G_OPTION_ARG_NONE, &self.takes_all,
         "Those of all containers, and of the sessions of engines", NULL},
        {"force", 'f', 0, G_OPTION_ARG_NONE, &self.is_forced,
         "Also those that are the installed program already", NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "[ID...]", 0, -1, &argc, &argv, error))
        return -1;
    if (self.takes_all != (argc == 1)) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "either --all or ids are needed");
        return -1;
    }
    if (self.takes_all)
        upgrade_all(&self);
    for (int i = 1; i < argc; i++)
        upgrade_one(&self, argv[i]);
    if (cli->format == HF_CLI_JSON)
        print_json(rows);
    else if (rows->len > 0)
        print_table(rows);
    return self.status;
}
