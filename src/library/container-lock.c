/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/container-lock.h"
#include "protocol/state-names.h"

/* How this works: the lock is tried, and tried again after a pause that grows, because a lock that
 * is waited for (F_OFD_SETLKW) has no deadline and no cancellation. Waiters have no order.
 *
 * A container's deletion renames or removes the directory while it holds the lock. Whoever had
 * opened the directory by then gets a lock that says nothing. So, once he has it, he looks whether
 * the directory still has the container's name and the file is still in it, and otherwise tells
 * that the container is gone. There may be a new one of that name: its directory is another.
 *
 * The holder's pid, for the message, is what the file contains: the kernel does not tell it of a
 * lock of this kind. A shared holder does not write it, as there may be many. */

#define PAUSE_FIRST_MS 1
#define PAUSE_MAX_MS 50

static int
open_lock(int dir_fd, GError **error)
{
    hf_autofd fd = openat(dir_fd, HF_STATE_LOCK,
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    struct stat status;

    if (fd < 0 && errno == ENOENT)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "it was deleted"), -1;
    if (fd < 0 || fstat(fd, &status) < 0)
        return hf_throw_errno(error, "open '%s'", HF_STATE_LOCK), -1;
    if (!S_ISREG(status.st_mode))
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' is not a file", HF_STATE_LOCK), -1;
    return hf_steal_fd(&fd);
}

static gboolean
throw_busy(int fd, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[16] = "";

    if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK &&
        pread(fd, text, sizeof text - 1, 0) > 0 && g_ascii_isdigit(text[0]))
        return hf_throw(error, HF_ERROR_BUSY, "process %s is changing it", g_strchomp(text));
    return hf_throw(error, HF_ERROR_BUSY, "another process is changing it");
}

/* Whether the directory still has the container's name. */
static bool
has_name(int dir_fd, const char *container_id)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", dir_fd);
    g_autofree char *path = g_file_read_link(link, NULL);
    g_autofree char *name = path != NULL ? g_path_get_basename(path) : NULL;

    return name != NULL && g_str_equal(name, container_id);
}

/* Whether the file that was locked is still the container's. */
static gboolean
check_name(int dir_fd, const char *container_id, int fd, GError **error)
{
    struct stat named;
    struct stat locked;

    if (fstat(fd, &locked) == 0 &&
        fstatat(dir_fd, HF_STATE_LOCK, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        named.st_ino == locked.st_ino && named.st_dev == locked.st_dev &&
        has_name(dir_fd, container_id))
        return TRUE;
    return hf_throw(error, HF_ERROR_NOT_FOUND, "it was deleted");
}

/* The message is all that is lost where this fails. */
static void
write_holder(int fd)
{
    char text[16];
    int length = g_snprintf(text, sizeof text, "%d\n", (int)getpid());

    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, text, (size_t)length, 0);
}

static gboolean
wait_for_lock(int fd, short type, guint timeout_ms, GCancellable *cancellable, GError **error)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    gint64 deadline_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    GPollFD cancelled = {.fd = -1};
    int pause_ms = PAUSE_FIRST_MS;
    bool is_locked = false;

    (void)g_cancellable_make_pollfd(cancellable, &cancelled);
    while (!(is_locked = fcntl(fd, F_OFD_SETLK, &lock) == 0)) {
        if (errno != EAGAIN && errno != EACCES) {
            hf_throw_errno(error, "lock '%s'", HF_STATE_LOCK);
            break;
        }
        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            break;
        if (g_get_monotonic_time() >= deadline_us) {
            throw_busy(fd, error);
            break;
        }
        (void)g_poll(&cancelled, 1, pause_ms);
        pause_ms = MIN(pause_ms * 2, PAUSE_MAX_MS);
    }
    if (cancelled.fd >= 0)
        g_cancellable_release_fd(cancellable);
    return is_locked;
}

int
hf_container_lock_take(int dir_fd, const char *container_id, HfContainerLockKind kind,
                       guint timeout_ms, GCancellable *cancellable, GError **error)
{
    hf_autofd fd = open_lock(dir_fd, error);
    bool is_shared = kind == HF_CONTAINER_LOCK_SHARED;

    if (fd < 0 ||
        !wait_for_lock(fd, is_shared ? F_RDLCK : F_WRLCK, timeout_ms, cancellable, error) ||
        !check_name(dir_fd, container_id, fd, error)) {
        g_prefix_error(error, "container '%s': ", container_id);
        return -1;
    }
    if (!is_shared)
        write_holder(fd);
    return hf_steal_fd(&fd);
}
