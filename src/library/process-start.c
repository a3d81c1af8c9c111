/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/async-call.h"
#include "library/container-change.h"
#include "library/container-start.h"
#include "library/process-private.h"
#include "library/runtime-command.h"
#include "protocol/state-names.h"

/* As runc and crun call it. */
#define RUNTIME_START_FIFO "exec.fifo"

/* A program that ends at once has the monitor delete the container in the OCI runtime while that is
 * still finishing its `start`: the last thing it does is to remove the FIFO that the process has
 * waited at. It has read from it then, so the program has run. */
static bool
has_run(HfProcess *self, const GError *failure)
{
    g_autoptr(HfProcessRef) ref = hf_process_find(self, NULL, NULL);

    return ref == NULL && g_error_matches(failure, HF_ERROR, HF_ERROR_RUNTIME_FAILED) &&
           strstr(failure->message, RUNTIME_START_FIFO) != NULL;
}

static gboolean
run_start_command(HfProcess *self, const HfContainerChange *change, GCancellable *cancellable,
                  GError **error)
{
    const char *const args[] = {"start", self->container->id, NULL};
    g_autoptr(GError) failure = NULL;

    if (hf_runtime_command_run_locked(self->container, change->lock_fd, args, NULL, cancellable,
                                      &failure) ||
        has_run(self, failure))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static gboolean
start_locked(HfProcess *self, const HfContainerChange *change, int dir_fd,
             GCancellable *cancellable, GError **error)
{
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) failure = NULL;
    pid_t pid = 0;

    ref = hf_process_find(self, &pid, &failure);
    if (failure != NULL)
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (ref == NULL && pid == 0)
        return hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "it has no process");
    if (ref == NULL)
        return hf_throw(error, HF_ERROR_CONTAINER_EXITED, "its first process has ended");
    if (hf_container_get_state(self->container) != HF_CONTAINER_STATE_CREATED)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "its first process runs already");
    /* First, as its end would otherwise be told before. */
    hf_container_leave_mark(dir_fd, HF_STATE_STARTED);
    if (run_start_command(self, change, cancellable, error))
        return TRUE;
    (void)unlinkat(dir_fd, HF_STATE_STARTED, 0);
    return FALSE;
}

static gboolean
start_init(HfProcess *self, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    if (!hf_container_change_begin(self->container, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable,
                                   &change, error))
        return FALSE;
    hf_autofd dir_fd = hf_process_open(self, error);
    if (dir_fd < 0)
        return FALSE;
    if (!start_locked(self, &change, dir_fd, cancellable, error))
        return hf_container_prefix_error(self->container, error);
    return TRUE;
}

gboolean
hf_process_start(HfProcess *self, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (self->is_created_at_start) {
        if (!hf_container_start_process(self, NULL, cancellable, error))
            return FALSE;
        self->is_created_at_start = false;
        return TRUE;
    }
    if (strcmp(self->id, HF_STATE_INIT) != 0 || *self->file->checkpoint != '\0')
        return TRUE;
    return start_init(self, cancellable, error);
}

static gpointer
run_start(gpointer source, gpointer arguments, GCancellable *cancellable, GError **error)
{
    return HF_ASYNC_DONE(hf_process_start(source, cancellable, error));
}

static const HfAsyncCall start_call = {run_start, NULL, NULL};

void
hf_process_start_async(HfProcess *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer user_data)
{
    g_return_if_fail(HF_IS_PROCESS(self));

    hf_async_call(&start_call, self, NULL, cancellable, callback, user_data);
}

gboolean
hf_process_start_finish(HfProcess *self, GAsyncResult *result, GError **error)
{
    return hf_async_finish(&start_call, self, result, error) != NULL;
}
