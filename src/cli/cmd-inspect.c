/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"
#include "cli/describe.h"

static void
describe_process(JsonBuilder *builder, HfProcess *process)
{
    HfStdio *stdio = hf_process_get_stdio(process);
    g_autoptr(HfProcessSpec) spec = hf_process_dup_spec(process);
    g_autofree char *json = hf_process_spec_to_json(spec);
    g_autofree char *log_path = hf_process_dup_log_path(process);
    g_autofree char *monitor_version = hf_process_dup_monitor_version(process);
    HfProcessState state = hf_process_get_state(process);
    int exit_status = hf_describe_exit_status(process);

    json_builder_begin_object(builder);
    hf_json_add_string(builder, "id", hf_process_get_id(process));
    hf_json_add_string(builder, "state", hf_process_state_to_string(state));
    hf_json_add_int(builder, "pid", hf_process_get_system_pid(process));
    hf_json_add_int(builder, "monitorPid", hf_process_get_monitor_pid(process));
    hf_json_add_string(builder, "monitorVersion", monitor_version);
    if (exit_status >= 0)
        hf_json_add_int(builder, "exitStatus", exit_status);
    hf_json_add_int(builder, "oomKills", (gint64)hf_process_count_oom_kills(process));
    hf_json_add_string(builder, "stdin", hf_stdio_get_stdin(stdio));
    hf_json_add_string(builder, "stdout", hf_stdio_get_stdout(stdio));
    hf_json_add_string(builder, "stderr", hf_stdio_get_stderr(stdio));
    hf_json_add_string(builder, "logPath", log_path);
    hf_json_add_raw(builder, "spec", json);
    json_builder_end_object(builder);
}

static gboolean
describe(JsonBuilder *builder, HfContainer *container, GError **error)
{
    g_autoptr(GPtrArray) processes = hf_container_list_processes(container, error);
    g_autoptr(HfProcess) init = hf_describe_get_init(container);

    if (processes == NULL)
        return FALSE;
    json_builder_begin_object(builder);
    hf_describe_container(builder, container, init);
    hf_json_add_string(builder, "path", hf_container_get_path(container));
    hf_json_add_strings(builder, "runtimeArgs", hf_container_get_runtime_args(container));
    hf_json_add_strings(builder, "problems", hf_container_get_problems(container));
    json_builder_set_member_name(builder, "processes");
    json_builder_begin_array(builder);
    for (guint i = 0; i < processes->len; i++)
        describe_process(builder, g_ptr_array_index(processes, i));
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    return TRUE;
}

int
hf_cmd_inspect(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    int status = 0;

    if (!hf_cli_parse_operands(cli, NULL, "ID...", 1, -1, &argc, &argv, error))
        return -1;
    json_builder_begin_array(builder);
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) local_error = NULL;
        g_autoptr(HfContainer) container = hf_cli_load(cli, argv[i], &local_error);

        if (container != NULL && describe(builder, container, &local_error))
            continue;
        hf_cli_warn(local_error->message);
        status = HF_CLI_FAILED;
    }
    json_builder_end_array(builder);
    hf_json_print(builder);
    return status;
}
