/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "cgroup/cgroup-freezer.h"
#include "library/container-private.h"
#include "library/freezer-place.h"
#include "library/process-private.h"
#include "library/runtime-command.h"
#include "protocol/state-names.h"
#include "state/json-text.h"

/* How this works: what the files say of the first process, and the kernel of whether it lives and
 * is frozen, is all that is needed but for one thing: whether the container's program runs yet.
 * Before `start` the process is the runtime's own program, which shows in its name; it may also be
 * a program that happens to be called so. Only then the runtime is asked. */

#define RUNC_INIT_PREFIX "runc:["
#define COMM_MAX 64
#define COMM_LENGTH 15 /* the kernel cuts there */

G_DEFINE_ENUM_TYPE(HfContainerState, hf_container_state,
                   G_DEFINE_ENUM_VALUE(HF_CONTAINER_STATE_NEW, "new"),
                   G_DEFINE_ENUM_VALUE(HF_CONTAINER_STATE_CREATED, "created"),
                   G_DEFINE_ENUM_VALUE(HF_CONTAINER_STATE_RUNNING, "running"),
                   G_DEFINE_ENUM_VALUE(HF_CONTAINER_STATE_PAUSED, "paused"),
                   G_DEFINE_ENUM_VALUE(HF_CONTAINER_STATE_STOPPED, "stopped"))

/* A runtime that executes a copy of itself, by descriptor, has a name like "exe" or "6". */
static bool
is_name_of_copy(const char *comm)
{
    return strcmp(comm, "exe") == 0 || strspn(comm, "0123456789") == strlen(comm);
}

static bool
may_wait_for_start(HfContainer *self, pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
    g_autofree char *comm = hf_io_read_file_at(AT_FDCWD, path, COMM_MAX, NULL, NULL);
    g_autofree char *runtime = g_path_get_basename(self->file->runtime);

    if (comm == NULL)
        return false;
    g_strchomp(comm);
    return g_str_has_prefix(comm, RUNC_INIT_PREFIX) || is_name_of_copy(comm) ||
           strncmp(comm, runtime, COMM_LENGTH) == 0;
}

static bool
is_frozen(pid_t pid)
{
    g_autoptr(HfCgroupDirs) dirs = hf_freezer_place_find(pid);
    HfCgroupFreezerState state;

    if (dirs == NULL)
        dirs = hf_cgroup_dirs_new_for_process(pid, NULL);
    return dirs != NULL && hf_cgroup_freezer_read(dirs, &state, NULL) &&
           hf_cgroup_freezer_is_paused(state);
}

static char *
parse_status(const char *output, GError **error)
{
    g_autoptr(JsonObject) object = hf_json_text_parse(output, strlen(output), error);

    if (object == NULL)
        return NULL;
    JsonNode *status = json_object_get_member(object, "status");
    if (status == NULL || !JSON_NODE_HOLDS_VALUE(status) ||
        json_node_get_value_type(status) != G_TYPE_STRING)
        return hf_throw(error, HF_ERROR_PROTOCOL, "the OCI runtime tells no status"), NULL;
    return g_strdup(json_node_get_string(status));
}

char *
hf_container_query_status(HfContainer *self, GCancellable *cancellable, GError **error)
{
    g_autofree char *output = NULL;
    char *status = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    const char *const args[] = {"state", self->id, NULL};
    if (hf_runtime_command_run(self, args, NULL, &output, cancellable, error))
        status = parse_status(output, error);
    if (status == NULL)
        g_prefix_error(error, "container '%s': ", self->id);
    return status;
}

/* A runtime that does not answer leaves what the name says. */
static HfContainerState
ask_runtime(HfContainer *self)
{
    g_autofree char *status = hf_container_query_status(self, NULL, NULL);

    if (status == NULL || strcmp(status, "created") == 0)
        return HF_CONTAINER_STATE_CREATED;
    return strcmp(status, "paused") == 0 ? HF_CONTAINER_STATE_PAUSED : HF_CONTAINER_STATE_RUNNING;
}

HfContainerState
hf_container_get_state(HfContainer *self)
{
    g_autoptr(HfProcess) init = NULL;
    g_autoptr(HfProcessRef) ref = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), HF_CONTAINER_STATE_NEW);

    init = hf_process_new(self, HF_STATE_INIT);
    ref = hf_process_find(init, NULL, NULL);
    if (ref == NULL && hf_process_get_state(init) == HF_PROCESS_STATE_STOPPED)
        return HF_CONTAINER_STATE_STOPPED;
    if (ref == NULL)
        return HF_CONTAINER_STATE_NEW;
    pid_t pid = hf_process_ref_get_pid(ref);
    if (is_frozen(pid))
        return HF_CONTAINER_STATE_PAUSED;
    return may_wait_for_start(self, pid) ? ask_runtime(self) : HF_CONTAINER_STATE_RUNNING;
}
