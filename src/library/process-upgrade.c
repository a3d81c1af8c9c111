/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "base/fd.h"
#include "library/async-call.h"
#include "library/monitor-upgrade.h"
#include "library/process-private.h"

#define UPGRADE_COMMAND 3

/* FALSE, with an error, if the process does not live. */
static gboolean
ask(const HfProcessRef *monitor, gpointer user_data, GError **error)
{
    (void)monitor;
    return hf_process_send_command(user_data, UPGRADE_COMMAND, 0, 0, error);
}

static gboolean
throw_not_there(HfProcess *self, HfProcessState state, GError **error)
{
    if (state == HF_PROCESS_STATE_STOPPED)
        return hf_throw(error, HF_ERROR_CONTAINER_EXITED, "process '%s' has ended", self->id);
    return hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "process '%s' was not started",
                    self->id);
}

static gboolean
upgrade(HfProcess *self, gboolean is_forced, gboolean *out_is_upgraded, GCancellable *cancellable,
        GError **error)
{
    hf_autofd dir_fd = hf_process_open(self, error);

    return dir_fd >= 0 && hf_monitor_upgrade_run(dir_fd, is_forced, ask, self, out_is_upgraded,
                                                 cancellable, error);
}

gboolean
hf_process_upgrade_monitor(HfProcess *self, gboolean is_forced, gboolean *out_is_upgraded,
                           GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) local = NULL;
    HfProcessState state;

    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    state = hf_process_get_state(self);
    if (state != HF_PROCESS_STATE_RUNNING)
        return throw_not_there(self, state, error);
    if (upgrade(self, is_forced, out_is_upgraded, cancellable, &local))
        return TRUE;
    /* It may have ended meanwhile, which is the reason then. */
    state = hf_process_get_state(self);
    if (state != HF_PROCESS_STATE_RUNNING)
        return throw_not_there(self, state, error);
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "process '%s': ", self->id);
    return FALSE;
}

static gpointer
run_upgrade(gpointer source, gpointer arguments, GCancellable *cancellable, GError **error)
{
    gboolean is_upgraded = FALSE;

    if (!hf_process_upgrade_monitor(source, GPOINTER_TO_INT(arguments), &is_upgraded, cancellable,
                                    error))
        return NULL;
    return g_memdup2(&is_upgraded, sizeof is_upgraded);
}

static const HfAsyncCall upgrade_call = {run_upgrade, NULL, g_free};

void
hf_process_upgrade_monitor_async(HfProcess *self, gboolean is_forced, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(HF_IS_PROCESS(self));

    hf_async_call(&upgrade_call, self, GINT_TO_POINTER(is_forced), cancellable, callback,
                  user_data);
}

gboolean
hf_process_upgrade_monitor_finish(HfProcess *self, GAsyncResult *result, gboolean *out_is_upgraded,
                                  GError **error)
{
    g_autofree gboolean *is_upgraded = hf_async_finish(&upgrade_call, self, result, error);

    if (is_upgraded != NULL && out_is_upgraded != NULL)
        *out_is_upgraded = *is_upgraded;
    return is_upgraded != NULL;
}

char *
hf_process_dup_monitor_version(HfProcess *self)
{
    hf_autofd dir_fd = -1;

    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);

    dir_fd = hf_process_open(self, NULL);
    return dir_fd >= 0 ? hf_monitor_upgrade_dup_version(dir_fd) : NULL;
}
