/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/table.h"
#include "cli/text.h"

static void
print_json(GPtrArray *containers)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < containers->len; i++) {
        HfContainer *container = g_ptr_array_index(containers, i);
        g_autoptr(HfProcess) init = hf_describe_get_init(container);

        json_builder_begin_object(builder);
        hf_describe_container(builder, container, init);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    hf_json_print(builder);
}

static char *
describe_state(HfContainer *container, HfProcess *init)
{
    HfContainerState state = hf_container_get_state(container);
    int exit_status = state == HF_CONTAINER_STATE_STOPPED ? hf_describe_exit_status(init) : -1;

    if (exit_status >= 0)
        return g_strdup_printf("stopped (%d)", exit_status);
    return g_strdup(hf_container_state_to_string(state));
}

static char **
make_row(HfContainer *container, GDateTime *now)
{
    g_autoptr(HfProcess) init = hf_describe_get_init(container);
    g_autoptr(GDateTime) created = hf_container_dup_created(container);
    int pid = init != NULL ? hf_process_get_system_pid(init) : 0;
    char **row = g_new0(char *, 7);

    row[0] = g_strdup(hf_container_get_id(container));
    row[1] = pid != 0 ? g_strdup_printf("%d", pid) : g_strdup("-");
    row[2] = describe_state(container, init);
    row[3] = created != NULL ? hf_text_age(created, now) : g_strdup("-");
    row[4] = g_path_get_basename(hf_container_get_runtime(container));
    row[5] = g_strdup(hf_container_get_bundle(container));
    return row;
}

static void
print_table(GPtrArray *containers)
{
    static const char *const headings[] = {"ID",      "PID",    "STATE", "CREATED",
                                           "RUNTIME", "BUNDLE", NULL};
    g_autoptr(HfTable) table = hf_table_new(headings);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *text = NULL;

    for (guint i = 0; i < containers->len; i++)
        hf_table_take_row(table, make_row(g_ptr_array_index(containers, i), now));
    text = hf_table_to_string(table);
    g_print("%s", text);
}

static void
print_ids(GPtrArray *containers)
{
    for (guint i = 0; i < containers->len; i++)
        g_print("%s\n", hf_container_get_id(g_ptr_array_index(containers, i)));
}

static void
remove_ended(GPtrArray *containers)
{
    for (guint i = containers->len; i > 0; i--) {
        HfContainerState state = hf_container_get_state(g_ptr_array_index(containers, i - 1));

        if (state == HF_CONTAINER_STATE_STOPPED || state == HF_CONTAINER_STATE_NEW)
            g_ptr_array_remove_index(containers, i - 1);
    }
}

int
hf_cmd_list(HfCli *cli, int argc, char **argv, GError **error)
{
    gboolean is_quiet = FALSE;
    gboolean is_running_only = FALSE;
    g_auto(GStrv) problems = NULL;
    g_autoptr(GPtrArray) containers = NULL;
    const GOptionEntry entries[] = {
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &is_quiet, "Only the ids", NULL},
        {"running", 'r', 0, G_OPTION_ARG_NONE, &is_running_only,
         "Only those that have a living process", NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "", 0, 0, &argc, &argv, error))
        return -1;
    containers = hf_container_load_all(cli->root, &problems, error);
    if (containers == NULL)
        return -1;
    if (is_running_only)
        remove_ended(containers);
    if (is_quiet)
        print_ids(containers);
    else if (cli->format == HF_CLI_JSON)
        print_json(containers);
    else
        print_table(containers);
    for (gsize i = 0; problems != NULL && problems[i] != NULL; i++)
        hf_cli_warn(problems[i]);
    return 0;
}
