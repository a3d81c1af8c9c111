/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/async-call.h"
#include "library/container-change.h"
#include "library/events-spool.h"
#include "library/process-remains.h"
#include "library/rootfs-mounts.h"
#include "library/runtime-command.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works, under the container's lock and in this order:
 *
 *   look at every process directory     one that lives or is being started is refused, or killed
 *   wait for the monitors               each writes its process's status and runs its exit command
 *   the OCI runtime forgets             with what is left in the cgroup
 *   unmount the root file system
 *   rename ROOT/ID to a hidden name     from here on there is no such container
 *   remove what the hidden name is
 *
 * A deleter that is killed before the renaming leaves a container that can be deleted again: each
 * step does nothing where it was done. One that is killed later leaves a hidden directory, which
 * the next deletion in the same root removes. A deleter at work is known by its lock, which moves
 * along with the directory. */

#define PROCESS_TIMEOUT_MS 10000
#define MONITOR_TIMEOUT_MS 10000
#define DELETED_PREFIX ".deleted-"
#define REMOVE_TRIES 5

static bool
is_directory(int dir_fd, const char *name)
{
    struct stat status;

    return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* The process directories; others are not looked at. */
static GPtrArray *
list_processes(const HfContainerChange *change, GError **error)
{
    g_autoptr(GPtrArray) names = hf_state_list_names(change->dir_fd, error);

    for (guint i = names != NULL ? names->len : 0; i > 0; i--) {
        const char *name = g_ptr_array_index(names, i - 1);

        if (!hf_state_check_id("process", name, NULL) || !is_directory(change->dir_fd, name))
            g_ptr_array_remove_index(names, i - 1);
    }
    return g_steal_pointer(&names);
}

static gboolean
check_has_ended(HfContainer *self, const HfContainerChange *change, const char *id, GError **error)
{
    g_autoptr(HfProcess) process = hf_process_new(self, id);
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) failure = NULL;
    HfProcessRemains remains = HF_REMAINS_NONE;

    if (!hf_process_remains_look(self, change, id, &remains, error))
        return FALSE;
    if (remains == HF_REMAINS_STARTING)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "process '%s' is being started", id);
    ref = hf_process_find(process, NULL, &failure);
    if (failure != NULL)
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (ref != NULL)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "process '%s' runs", id);
    return TRUE;
}

static gboolean
kill_process(HfContainer *self, const HfContainerChange *change, const char *id, GError **error)
{
    g_autoptr(HfProcess) process = hf_process_new(self, id);
    g_autoptr(HfProcessRef) ref = NULL;
    HfProcessRemains remains = HF_REMAINS_NONE;
    hf_autofd dir_fd = -1;

    if (!hf_process_remains_look(self, change, id, &remains, error))
        return FALSE;
    if (remains == HF_REMAINS_STARTING) {
        dir_fd = hf_process_open(process, error);
        if (dir_fd < 0 || !hf_process_remains_end_monitor(dir_fd, error))
            return FALSE;
    }
    /* That it has ended, and that `pid` names nobody, is the same here. */
    ref = hf_process_find(process, NULL, NULL);
    if (ref != NULL)
        (void)!hf_process_ref_signal(ref, SIGKILL, NULL);
    return TRUE;
}

static gboolean
wait_for_process(HfContainer *self, const char *id, GError **error)
{
    g_autoptr(HfProcess) process = hf_process_new(self, id);
    g_autoptr(HfProcessRef) ref = hf_process_find(process, NULL, NULL);
    GPollFD poll_fd = {.events = G_IO_IN};

    if (ref == NULL)
        return TRUE;
    poll_fd.fd = hf_process_ref_get_fd(ref);
    if (g_poll(&poll_fd, 1, PROCESS_TIMEOUT_MS) > 0)
        return TRUE;
    return hf_throw(error, HF_ERROR_TIMED_OUT, "process '%s' does not end", id);
}

static gboolean
wait_for_monitor(HfContainer *self, const char *id, GError **error)
{
    g_autoptr(HfProcess) process = hf_process_new(self, id);
    hf_autofd dir_fd = hf_process_open(process, error);

    if (dir_fd < 0)
        return FALSE;
    return hf_process_remains_wait_monitor(dir_fd, MONITOR_TIMEOUT_MS) ||
           hf_process_remains_end_monitor(dir_fd, error);
}

/* A frozen process of cgroup v1 dies when it is thawed. */
static void
thaw(HfContainer *self, const HfContainerChange *change)
{
    const char *const args[] = {"resume", self->id, NULL};
    g_autoptr(GError) failure = NULL;

    if (hf_container_get_state(self) == HF_CONTAINER_STATE_PAUSED &&
        !hf_runtime_command_run_locked(self, change->lock_fd, args, NULL, NULL, &failure))
        g_debug("container '%s': %s", self->id, failure->message);
}

static gboolean
end_processes(HfContainer *self, const HfContainerChange *change, GPtrArray *names, bool force,
              GError **error)
{
    for (guint i = 0; i < names->len; i++) {
        const char *id = g_ptr_array_index(names, i);

        if (force ? !kill_process(self, change, id, error)
                  : !check_has_ended(self, change, id, error))
            return FALSE;
    }
    if (force)
        thaw(self, change);
    for (guint i = 0; i < names->len; i++) {
        const char *id = g_ptr_array_index(names, i);

        if (!wait_for_process(self, id, error) || !wait_for_monitor(self, id, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
forget(HfContainer *self, const HfContainerChange *change, bool force, GError **error)
{
    g_autoptr(GError) failure = NULL;

    /* Without a first process the runtime was never asked for anything. */
    if (!is_directory(change->dir_fd, HF_STATE_INIT) ||
        hf_process_remains_forget(self, change, &failure))
        return TRUE;
    if (force && g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* Somebody who waits for the lock may make the file anew while the tree is removed: he has had the
 * directory open since before the renaming, and finds out that it is no container. */
static gboolean
remove_hidden(int root_fd, const char *name, GError **error)
{
    for (int i = 1; i < REMOVE_TRIES; i++) {
        if (hf_state_remove_tree(root_fd, name, NULL))
            return TRUE;
    }
    return hf_state_remove_tree(root_fd, name, error);
}

/* What deleters left who were killed. */
static void
sweep(HfContainer *self, int root_fd)
{
    g_autoptr(GPtrArray) names = hf_state_list_names(root_fd, NULL);

    for (guint i = 0; names != NULL && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *path = g_build_filename(self->root, name, NULL);
        g_autoptr(GError) failure = NULL;

        if (!g_str_has_prefix(name, DELETED_PREFIX))
            continue;
        hf_autofd dir_fd = hf_state_open_dir(root_fd, name, path, NULL);
        hf_autofd lock_fd =
            dir_fd >= 0
                ? hf_container_lock_take(dir_fd, name, HF_CONTAINER_LOCK_EXCLUSIVE, 0, NULL, NULL)
                : -1;
        if (lock_fd >= 0 && !remove_hidden(root_fd, name, &failure))
            g_debug("remove '%s': %s", path, failure->message);
    }
}

static gboolean
remove_directory(HfContainer *self, const HfContainerChange *change, GPtrArray *names,
                 GError **error)
{
    g_autofree char *hidden =
        g_strdup_printf("%s%s-%08x", DELETED_PREFIX, self->id, g_random_int());
    hf_autofd root_fd = hf_state_open_root(self->root, false, error);

    if (root_fd < 0)
        return FALSE;
    for (guint i = 0; i < names->len; i++)
        hf_events_spool_keep_process(self, change->dir_fd, g_ptr_array_index(names, i));
    if (renameat(root_fd, self->id, root_fd, hidden) < 0)
        return hf_throw_errno(error, "rename '%s'", self->path);
    if (!remove_hidden(root_fd, hidden, error))
        return FALSE;
    sweep(self, root_fd);
    return TRUE;
}

static gboolean
delete_locked(HfContainer *self, const HfContainerChange *change, bool force,
              GCancellable *cancellable, GError **error)
{
    g_autoptr(GPtrArray) names = list_processes(change, error);

    return names != NULL && end_processes(self, change, names, force, error) &&
           !g_cancellable_set_error_if_cancelled(cancellable, error) &&
           forget(self, change, force, error) && hf_rootfs_unmount(self, error) &&
           remove_directory(self, change, names, error);
}

gboolean
hf_container_delete(HfContainer *self, gboolean force, GCancellable *cancellable, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!delete_locked(self, &change, force, cancellable, error))
        return hf_container_prefix_error(self, error);
    return TRUE;
}

static gpointer
run_delete(gpointer source, gpointer arguments, GCancellable *cancellable, GError **error)
{
    return HF_ASYNC_DONE(
        hf_container_delete(source, GPOINTER_TO_INT(arguments), cancellable, error));
}

static const HfAsyncCall delete_call = {run_delete, NULL, NULL};

void
hf_container_delete_async(HfContainer *self, gboolean force, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(HF_IS_CONTAINER(self));

    hf_async_call(&delete_call, self, GINT_TO_POINTER(force), cancellable, callback, user_data);
}

gboolean
hf_container_delete_finish(HfContainer *self, GAsyncResult *result, GError **error)
{
    return hf_async_finish(&delete_call, self, result, error) != NULL;
}

static gboolean
remove_process_locked(HfContainer *self, const HfContainerChange *change, const char *id,
                      GError **error)
{
    if (!is_directory(change->dir_fd, id))
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no process '%s'", id);
    if (!check_has_ended(self, change, id, error) || !wait_for_monitor(self, id, error))
        return FALSE;
    hf_events_spool_keep_process(self, change->dir_fd, id);
    return hf_state_remove_tree(change->dir_fd, id, error);
}

gboolean
hf_container_remove_process(HfContainer *self, const char *id, GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(id != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!hf_state_check_id("process", id, error))
        return FALSE;
    if (strcmp(id, HF_STATE_INIT) == 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "the first process goes with its container");
    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, NULL, &change, error))
        return FALSE;
    if (!remove_process_locked(self, &change, id, error))
        return hf_container_prefix_error(self, error);
    return TRUE;
}
