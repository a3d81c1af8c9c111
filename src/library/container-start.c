/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "library/async-call.h"
#include "library/container-change.h"
#include "library/container-start.h"
#include "library/monitor-launch.h"
#include "library/process-make.h"
#include "library/process-remains.h"
#include "library/rootfs-mounts.h"
#include "library/runtime-command.h"
#include "protocol/state-names.h"

/* How this works: whoever holds the container's lock alone looks at ROOT/ID/init first. A start
 * that succeeded is there to stay, also one whose caller was killed before he knew: that is EXISTS.
 * One whose monitor is still at work is BUSY: it will have succeeded or failed in a moment. What a
 * killed caller left half made is cleared away, with what the OCI runtime may know of it.
 *
 * After a failure of our own the same clearing leaves no init/, whatever point was reached. */

static gboolean
make_room(HfContainer *self, const HfContainerChange *change, GError **error)
{
    HfProcessRemains remains = HF_REMAINS_NONE;

    if (!hf_process_remains_look(self, change, HF_STATE_INIT, &remains, error))
        return FALSE;
    switch (remains) {
    case HF_REMAINS_NONE:
        return TRUE;
    case HF_REMAINS_HALF_MADE:
        return hf_process_remains_clear(self, change, HF_STATE_INIT, error);
    case HF_REMAINS_STARTING:
        return hf_throw(error, HF_ERROR_BUSY, "it is being started");
    case HF_REMAINS_STARTED:
        return hf_throw(error, HF_ERROR_EXISTS, "it was started already");
    }
    g_assert_not_reached();
}

/* The first error is the one that counts. */
static void
undo(HfContainer *self, const HfContainerChange *change, const char *process_id)
{
    g_autoptr(GError) failure = NULL;

    if (!hf_process_remains_clear(self, change, process_id, &failure))
        g_debug("container '%s': clear '%s': %s", self->id, process_id, failure->message);
}

gboolean
hf_container_launch(HfProcess *process, const HfContainerChange *change, GCancellable *cancellable,
                    GError **error)
{
    if (!hf_process_make_directory(process, change, error))
        return FALSE;
    if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
        !hf_monitor_launch(process, cancellable, error)) {
        undo(process->container, change, process->id);
        return FALSE;
    }
    return TRUE;
}

/* A runtime that is missing is told before anything is made. */
static gboolean
prepare_locked(HfProcess *process, const HfContainerChange *change, GPtrArray *mounts,
               GError **error)
{
    g_autofree char *runtime = hf_runtime_command_find(process->container, error);

    return runtime != NULL && make_room(process->container, change, error) &&
           (mounts == NULL || hf_rootfs_mount(process->container, mounts, error));
}

static gboolean
start_locked(HfProcess *process, const HfContainerChange *change, GPtrArray *mounts,
             GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (!prepare_locked(process, change, mounts, error))
        return FALSE;
    if (hf_container_launch(process, change, cancellable, error))
        return TRUE;
    if (mounts != NULL && !hf_rootfs_unmount(process->container, &failure))
        g_debug("container '%s': %s", process->container->id, failure->message);
    return FALSE;
}

gboolean
hf_container_start_process(HfProcess *process, GPtrArray *mounts, GCancellable *cancellable,
                           GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;
    HfContainer *self = process->container;

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!start_locked(process, &change, mounts, cancellable, error))
        return hf_container_prefix_error(self, error);
    return TRUE;
}

gboolean
hf_container_prepare_process(HfProcess *process, GPtrArray *mounts, GCancellable *cancellable,
                             GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;
    HfContainer *self = process->container;

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!prepare_locked(process, &change, mounts, error))
        return hf_container_prefix_error(self, error);
    return TRUE;
}

HfProcess *
hf_container_start(HfContainer *self, const char *checkpoint, HfStdio *stdio,
                   GCancellable *cancellable, GError **error)
{
    g_autoptr(HfProcess) process = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(stdio == NULL || HF_IS_STDIO(stdio), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    process = hf_process_make_init(self, checkpoint, stdio, error);
    if (process == NULL) {
        hf_container_prefix_error(self, error);
        return NULL;
    }
    if (!hf_container_start_process(process, NULL, cancellable, error))
        return NULL;
    return g_steal_pointer(&process);
}

typedef struct {
    char *checkpoint;
    HfStdio *stdio;
} StartArguments;

static void
start_arguments_free(gpointer data)
{
    StartArguments *self = data;

    g_free(self->checkpoint);
    g_clear_object(&self->stdio);
    g_free(self);
}

static gpointer
run_start(gpointer source, gpointer arguments, GCancellable *cancellable, GError **error)
{
    const StartArguments *start = arguments;

    return hf_container_start(source, start->checkpoint, start->stdio, cancellable, error);
}

static const HfAsyncCall start_call = {run_start, start_arguments_free, g_object_unref};

void
hf_container_start_async(HfContainer *self, const char *checkpoint, HfStdio *stdio,
                         GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data)
{
    StartArguments *arguments = NULL;

    g_return_if_fail(HF_IS_CONTAINER(self));
    g_return_if_fail(stdio == NULL || HF_IS_STDIO(stdio));

    arguments = g_new0(StartArguments, 1);
    arguments->checkpoint = g_strdup(checkpoint);
    arguments->stdio = stdio != NULL ? g_object_ref(stdio) : NULL;
    hf_async_call(&start_call, self, arguments, cancellable, callback, user_data);
}

HfProcess *
hf_container_start_finish(HfContainer *self, GAsyncResult *result, GError **error)
{
    return hf_async_finish(&start_call, self, result, error);
}
