/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "library/async-call.h"
#include "library/container-change.h"
#include "library/container-start.h"
#include "library/process-make.h"
#include "library/process-remains.h"
#include "library/runtime-command.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: execs of one container run at once, under a shared lock, and the making of
 * ROOT/ID/EXEC-ID/ decides between two with one id. A directory that is there already may be
 * another's who is at work now, or what a killed caller left: nobody with the lock alone can meet
 * the first kind, so in that case the lock is let go and taken alone, and what is half made then is
 * cleared away. */

static gboolean
check_is_running(HfContainer *self, GError **error)
{
    g_autoptr(HfProcess) init = hf_process_new(self, HF_STATE_INIT);
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) failure = NULL;
    pid_t pid = 0;

    ref = hf_process_find(init, &pid, &failure);
    if (ref != NULL)
        return TRUE;
    if (failure != NULL && !g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (failure != NULL || pid == 0)
        return hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "it was not started");
    return hf_throw(error, HF_ERROR_CONTAINER_EXITED, "its first process has ended");
}

static gboolean
throw_exists(const char *id, GError **error)
{
    return hf_throw(error, HF_ERROR_EXISTS, "there is a process '%s' already", id);
}

static gboolean
make_room(HfProcess *process, const HfContainerChange *change, GError **error)
{
    HfProcessRemains remains = HF_REMAINS_NONE;

    if (!hf_process_remains_look(process->container, change, process->id, &remains, error))
        return FALSE;
    if (remains == HF_REMAINS_STARTING || remains == HF_REMAINS_STARTED)
        return throw_exists(process->id, error);
    return remains == HF_REMAINS_NONE ||
           hf_process_remains_clear(process->container, change, process->id, error);
}

static gboolean
exec_alone(HfProcess *process, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;
    HfContainer *self = process->container;

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!make_room(process, &change, error) || !check_is_running(self, error) ||
        !hf_container_launch(process, &change, cancellable, error))
        return hf_container_prefix_error(self, error);
    return TRUE;
}

static gboolean
exec_process(HfProcess *process, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;
    g_autoptr(GError) failure = NULL;
    HfContainer *self = process->container;

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_SHARED, cancellable, &change, error))
        return FALSE;
    if (check_is_running(self, &failure) &&
        hf_container_launch(process, &change, cancellable, &failure))
        return TRUE;
    if (g_error_matches(failure, HF_ERROR, HF_ERROR_EXISTS)) {
        hf_container_change_end(&change);
        return exec_alone(process, cancellable, error);
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return hf_container_prefix_error(self, error);
}

static HfProcess *
make_process(HfContainer *self, const char *id, HfProcessSpec *spec, HfStdio *stdio, GError **error)
{
    g_autofree char *runtime = NULL;

    if (!hf_state_check_id("process", id, error))
        return NULL;
    if (strcmp(id, HF_STATE_INIT) == 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is the first process's id", id),
               NULL;
    runtime = hf_runtime_command_find(self, error);
    return runtime != NULL ? hf_process_make_exec(self, id, spec, stdio, error) : NULL;
}

HfProcess *
hf_container_exec(HfContainer *self, const char *id, HfProcessSpec *spec, HfStdio *stdio,
                  GCancellable *cancellable, GError **error)
{
    g_autoptr(HfProcess) process = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(id != NULL, NULL);
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(spec), NULL);
    g_return_val_if_fail(stdio == NULL || HF_IS_STDIO(stdio), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    process = make_process(self, id, spec, stdio, error);
    if (process == NULL) {
        hf_container_prefix_error(self, error);
        return NULL;
    }
    return exec_process(process, cancellable, error) ? g_steal_pointer(&process) : NULL;
}

typedef struct {
    char *id;
    HfProcessSpec *spec;
    HfStdio *stdio;
} ExecArguments;

static void
exec_arguments_free(gpointer data)
{
    ExecArguments *self = data;

    g_free(self->id);
    g_clear_object(&self->spec);
    g_clear_object(&self->stdio);
    g_free(self);
}

static gpointer
run_exec(gpointer source, gpointer arguments, GCancellable *cancellable, GError **error)
{
    const ExecArguments *exec = arguments;

    return hf_container_exec(source, exec->id, exec->spec, exec->stdio, cancellable, error);
}

static const HfAsyncCall exec_call = {run_exec, exec_arguments_free, g_object_unref};

void
hf_container_exec_async(HfContainer *self, const char *id, HfProcessSpec *spec, HfStdio *stdio,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    ExecArguments *arguments = NULL;

    g_return_if_fail(HF_IS_CONTAINER(self));
    g_return_if_fail(id != NULL);
    g_return_if_fail(HF_IS_PROCESS_SPEC(spec));
    g_return_if_fail(stdio == NULL || HF_IS_STDIO(stdio));

    arguments = g_new0(ExecArguments, 1);
    arguments->id = g_strdup(id);
    /* The caller may change his own meanwhile. */
    arguments->spec = hf_process_spec_copy(spec);
    arguments->stdio = stdio != NULL ? g_object_ref(stdio) : NULL;
    hf_async_call(&exec_call, self, arguments, cancellable, callback, user_data);
}

HfProcess *
hf_container_exec_finish(HfContainer *self, GAsyncResult *result, GError **error)
{
    return hf_async_finish(&exec_call, self, result, error);
}
