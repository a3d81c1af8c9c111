/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <sys/stat.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "library/container-change.h"

/* While we waited for the lock, its holder may have deleted the container, and somebody may have
 * made one of the same name since: the lock is of the directory that was opened, so only if that is
 * still the one of the name is the container ours to change. A deletion renames first, so that this
 * look fails also for one whose deleter was killed. */
static gboolean
check_is_same(HfContainer *container, int dir_fd, GError **error)
{
    struct stat locked, named;
    hf_autofd named_fd = hf_container_open(container, error);

    if (named_fd < 0)
        return FALSE;
    if (fstat(dir_fd, &locked) < 0 || fstat(named_fd, &named) < 0)
        return hf_throw_errno(error, "look at '%s'", container->path);
    if (locked.st_dev != named.st_dev || locked.st_ino != named.st_ino)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "container '%s' was deleted meanwhile",
                        container->id);
    return TRUE;
}

gboolean
hf_container_change_begin(HfContainer *container, HfContainerLockKind kind,
                          GCancellable *cancellable, HfContainerChange *out_change, GError **error)
{
    hf_autofd dir_fd = hf_container_open(container, error);

    if (dir_fd < 0)
        return FALSE;
    hf_autofd lock_fd = hf_container_lock_take(dir_fd, container->id, kind,
                                               HF_CONTAINER_LOCK_TIMEOUT_MS, cancellable, error);
    if (lock_fd < 0 || !check_is_same(container, dir_fd, error))
        return FALSE;
    out_change->dir_fd = hf_steal_fd(&dir_fd);
    out_change->lock_fd = hf_steal_fd(&lock_fd);
    return TRUE;
}

void
hf_container_change_end(HfContainerChange *change)
{
    hf_close_fd(&change->lock_fd);
    hf_close_fd(&change->dir_fd);
}

void
hf_container_leave_mark(int dir_fd, const char *name)
{
    g_autoptr(GError) failure = NULL;

    if (!hf_atomic_file_write_at(dir_fd, name, "", 0, 0600, &failure))
        g_debug("%s", failure->message);
}

gboolean
hf_container_prefix_error(HfContainer *container, GError **error)
{
    g_prefix_error(error, "container '%s': ", container->id);
    return FALSE;
}
