/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <unistd.h>

#include "base/error.h"
#include "cgroup/cgroup-procs.h"
#include "library/container-change.h"
#include "library/events-spool.h"
#include "library/process-private.h"
#include "library/runtime-command.h"
#include "protocol/state-names.h"

/* More processes than a machine can have. */
#define PIDS_MAX (4 * 1024 * 1024)

static gboolean
run_in_state(HfContainer *self, const HfContainerChange *change, HfContainerState required,
             const char *command, GCancellable *cancellable, GError **error)
{
    const char *const args[] = {command, self->id, NULL};
    HfContainerState state = hf_container_get_state(self);

    if (state != required)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "%s: it is %s", command,
                        hf_container_state_to_string(state));
    return hf_runtime_command_run_locked(self, change->lock_fd, args, NULL, cancellable, error);
}

gboolean
hf_container_pause(HfContainer *self, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!run_in_state(self, &change, HF_CONTAINER_STATE_RUNNING, "pause", cancellable, error))
        return hf_container_prefix_error(self, error);
    hf_container_leave_mark(change.dir_fd, HF_STATE_PAUSED);
    return TRUE;
}

gboolean
hf_container_resume(HfContainer *self, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!run_in_state(self, &change, HF_CONTAINER_STATE_PAUSED, "resume", cancellable, error))
        return hf_container_prefix_error(self, error);
    hf_events_spool_keep_mark(self, change.dir_fd, HF_STATE_PAUSED);
    (void)unlinkat(change.dir_fd, HF_STATE_PAUSED, 0);
    return TRUE;
}

/* The first process's pid, 0 on error. */
static pid_t
find_first_pid(HfContainer *self, GError **error)
{
    g_autoptr(HfProcess) init = hf_process_new(self, HF_STATE_INIT);
    g_autoptr(HfProcessRef) ref = hf_process_find(init, NULL, NULL);

    if (ref != NULL)
        return hf_process_ref_get_pid(ref);
    if (hf_process_get_state(init) == HF_PROCESS_STATE_STOPPED)
        hf_throw(error, HF_ERROR_CONTAINER_EXITED, "its first process has ended");
    else
        hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "it was not started");
    return 0;
}

static GArray *
read_pids(HfContainer *self, GError **error)
{
    pid_t pid = find_first_pid(self, error);
    g_autoptr(HfCgroupDirs) dirs = pid != 0 ? hf_cgroup_dirs_new_for_process(pid, error) : NULL;

    return dirs != NULL ? hf_cgroup_procs_read(dirs, PIDS_MAX, error) : NULL;
}

int *
hf_container_list_pids(HfContainer *self, gsize *out_length, GError **error)
{
    g_autoptr(GArray) pids = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(out_length != NULL, NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    pids = read_pids(self, error);
    if (pids == NULL) {
        hf_container_prefix_error(self, error);
        return NULL;
    }
    /* One more, so that an empty list is not NULL. */
    int *list = g_new0(int, pids->len + 1);
    for (guint i = 0; i < pids->len; i++)
        list[i] = (int)g_array_index(pids, guint32, i);
    *out_length = pids->len;
    return list;
}
