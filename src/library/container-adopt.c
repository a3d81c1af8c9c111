/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/async-call.h"
#include "library/container-change.h"
#include "library/monitor-launch.h"
#include "library/process-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: a process needs a monitor if it has a pid and no exit status, and nobody holds
 * the lock of its directory. The container's lock is held alone meanwhile, so that no start is
 * under way. Without a pid nothing was started, or nobody knows of it; what a start that was killed
 * left is the next start's to clear. */

static bool
needs_monitor(HfProcess *process)
{
    hf_autofd dir_fd = hf_process_open(process, NULL);
    guint64 pid = 0;
    struct stat status;

    return dir_fd >= 0 && hf_state_read_number(dir_fd, HF_STATE_PID, &pid, NULL) && pid > 0 &&
           fstatat(dir_fd, HF_STATE_EXIT_STATUS, &status, AT_SYMLINK_NOFOLLOW) < 0 &&
           !hf_process_has_witness(dir_fd);
}

/* Another may have been faster. */
static gboolean
adopt_process(HfProcess *process, GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (hf_monitor_launch_adopter(process, cancellable, &local) || !needs_monitor(process))
        return TRUE;
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "process '%s': ", process->id);
    return FALSE;
}

/* Goes on after one that fails: the first error is told. */
static gboolean
adopt_all(GPtrArray *processes, guint *out_count, GCancellable *cancellable, GError **error)
{
    GError *first = NULL;

    for (guint i = 0; i < processes->len; i++) {
        HfProcess *process = g_ptr_array_index(processes, i);

        if (!needs_monitor(process))
            continue;
        if (adopt_process(process, cancellable, first == NULL ? &first : NULL))
            (*out_count)++;
    }
    if (first == NULL)
        return TRUE;
    g_propagate_error(error, first);
    return FALSE;
}

/* Without the lock, which is not worth waiting for where there is nothing to do. */
static bool
has_orphan(GPtrArray *processes)
{
    for (guint i = 0; i < processes->len; i++) {
        if (needs_monitor(g_ptr_array_index(processes, i)))
            return true;
    }
    return false;
}

gboolean
hf_container_adopt(HfContainer *self, guint *out_count, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;
    g_autoptr(GPtrArray) processes = NULL;
    guint count = 0;
    gboolean ok = TRUE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    processes = hf_container_list_processes(self, error);
    if (processes == NULL)
        return FALSE;
    if (has_orphan(processes)) {
        if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change,
                                       error))
            return FALSE;
        ok = adopt_all(processes, &count, cancellable, error);
        if (!ok)
            hf_container_prefix_error(self, error);
    }
    if (out_count != NULL)
        *out_count = count;
    return ok;
}

static gpointer
run_adopt(gpointer source, gpointer arguments, GCancellable *cancellable, GError **error)
{
    return HF_ASYNC_DONE(hf_container_adopt(source, NULL, cancellable, error));
}

static const HfAsyncCall adopt_call = {run_adopt, NULL, NULL};

void
hf_container_adopt_async(HfContainer *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data)
{
    g_return_if_fail(HF_IS_CONTAINER(self));

    hf_async_call(&adopt_call, self, NULL, cancellable, callback, user_data);
}

gboolean
hf_container_adopt_finish(HfContainer *self, GAsyncResult *result, GError **error)
{
    return hf_async_finish(&adopt_call, self, result, error) != NULL;
}
