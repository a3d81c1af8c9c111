/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/describe.h"

HfProcess *
hf_describe_get_init(HfContainer *container)
{
    return hf_container_get_process(container, HF_INIT_PROCESS_ID, NULL);
}

int
hf_describe_exit_status(HfProcess *process)
{
    int status = -1;

    if (process == NULL || !hf_process_get_exit_status(process, &status, NULL))
        return -1;
    return status;
}

void
hf_describe_container(JsonBuilder *builder, HfContainer *container, HfProcess *init)
{
    g_autoptr(GDateTime) created = hf_container_dup_created(container);
    HfContainerState state = hf_container_get_state(container);
    int exit_status = hf_describe_exit_status(init);

    hf_json_add_string(builder, "id", hf_container_get_id(container));
    hf_json_add_string(builder, "state", hf_container_state_to_string(state));
    hf_json_add_int(builder, "pid", init != NULL ? hf_process_get_system_pid(init) : 0);
    hf_json_add_int(builder, "monitorPid", init != NULL ? hf_process_get_monitor_pid(init) : 0);
    if (exit_status >= 0)
        hf_json_add_int(builder, "exitStatus", exit_status);
    if (init != NULL && hf_process_is_terminal_lost(init))
        hf_json_add_bool(builder, "terminalLost", TRUE);
    hf_json_add_time(builder, "created", created);
    hf_json_add_string(builder, "bundle", hf_container_get_bundle(container));
    hf_json_add_string(builder, "runtime", hf_container_get_runtime(container));
    hf_json_add_labels(builder, "labels", hf_container_get_labels(container));
}
