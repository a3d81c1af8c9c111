/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "library/async-call.h"

typedef struct {
    const HfAsyncCall *call;
    gpointer arguments;
} AsyncTask;

static void
async_task_free(gpointer data)
{
    AsyncTask *self = data;

    if (self->call->free_arguments != NULL)
        self->call->free_arguments(self->arguments);
    g_free(self);
}

static void
run_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const AsyncTask *self = data;
    g_autoptr(GError) error = NULL;
    gpointer result = self->call->run(source, self->arguments, cancellable, &error);

    if (result == NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, result, self->call->free_result);
}

void
hf_async_call(const HfAsyncCall *call, gpointer source, gpointer take_arguments,
              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(source, cancellable, callback, user_data);
    AsyncTask *self = g_new0(AsyncTask, 1);

    self->call = call;
    self->arguments = take_arguments;
    /* What was done in spite of a late cancelling is told as it is. */
    g_task_set_check_cancellable(task, FALSE);
    g_task_set_source_tag(task, (gpointer)call);
    g_task_set_task_data(task, self, async_task_free);
    g_task_run_in_thread(task, run_in_thread);
}

gpointer
hf_async_finish(const HfAsyncCall *call, gpointer source, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, source), NULL);
    g_return_val_if_fail(g_async_result_is_tagged(result, (gpointer)call), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
