/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/lock-file.h"
#include "library/process-remains.h"
#include "library/runtime-command.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: a starter holds the container's lock, makes the directory, and starts
 * holdfast-shim, which becomes the monitor, which takes the directory's lock. A starter that is
 * killed leaves
 *
 *   a directory in which some files are missing         half made
 *   a shim, or a monitor without its lock yet           in flight
 *   a monitor at work                                   starting, then started
 *
 * Who comes next takes the container's lock. That it is free says that the starter is dead and that
 * no child of it is between fork and exec, as such a child holds the lock as well. The child has
 * changed its directory by then: so what is in flight is found as a process that has the process
 * directory as working directory and the container's id as a whole argument. It is a matter of
 * milliseconds until it holds the lock or has failed, so it is waited for. It is never signalled,
 * as it may after all be somebody's pager. */

#define IN_FLIGHT_TIMEOUT_MS 10000
#define MONITOR_TERM_TIMEOUT_MS 5000
#define MONITOR_KILL_TIMEOUT_MS 10000
#define PROCESS_TIMEOUT_MS 10000
#define LOOK_AGAIN_MS 5
#define COMMAND_LINE_MAX (256 * 1024)

/* Where that cannot be learnt (no descriptors left) somebody may hold it. */
static bool
is_locked(int dir_fd)
{
    bool is_held = false;

    return !hf_lock_file_is_held(dir_fd, HF_STATE_LOCK, &is_held, NULL) || is_held;
}

static gint64
deadline_after(guint timeout_ms)
{
    return g_get_monotonic_time() + (gint64)timeout_ms * 1000;
}

/* Until @fd (-1: nothing) is readable, or for a moment. */
static void
wait_a_moment(int fd)
{
    GPollFD poll_fd = {.fd = fd, .events = G_IO_IN};

    (void)g_poll(&poll_fd, fd >= 0 ? 1 : 0, LOOK_AGAIN_MS);
}

HfProcessRef *
hf_process_remains_find_monitor(int dir_fd)
{
    guint64 pid = 0, start_time = 0;
    g_autoptr(HfProcessRef) ref = NULL;

    if (!is_locked(dir_fd) || !hf_state_read_number(dir_fd, HF_STATE_MONITOR_PID, &pid, NULL) ||
        !hf_state_read_number(dir_fd, HF_STATE_MONITOR_START, &start_time, NULL) || pid == 0 ||
        pid > G_MAXINT32)
        return NULL;
    ref = hf_process_ref_new((pid_t)pid, NULL);
    if (ref == NULL || hf_process_ref_get_start_time(ref) != start_time)
        return NULL;
    return g_steal_pointer(&ref);
}

bool
hf_process_remains_wait_monitor(int dir_fd, guint timeout_ms)
{
    gint64 deadline_us = deadline_after(timeout_ms);

    while (is_locked(dir_fd)) {
        g_autoptr(HfProcessRef) ref = hf_process_remains_find_monitor(dir_fd);

        if (g_get_monotonic_time() >= deadline_us)
            return false;
        wait_a_moment(ref != NULL ? hf_process_ref_get_fd(ref) : -1);
    }
    return true;
}

static void
signal_monitor(int dir_fd, int signal_number)
{
    g_autoptr(HfProcessRef) ref = hf_process_remains_find_monitor(dir_fd);
    g_autoptr(GError) ignored = NULL;

    if (ref != NULL && !hf_process_ref_signal(ref, signal_number, &ignored))
        g_debug("signal %d to a monitor: %s", signal_number, ignored->message);
}

gboolean
hf_process_remains_end_monitor(int dir_fd, GError **error)
{
    /* One that has just begun has not written its pid yet. */
    gint64 deadline_us = deadline_after(MONITOR_TERM_TIMEOUT_MS);
    guint64 pid;
    bool is_held;

    /* What is no lock would be waited for in vain. */
    if (!hf_lock_file_is_held(dir_fd, HF_STATE_LOCK, &is_held, error))
        return FALSE;
    while (is_locked(dir_fd) && !hf_state_read_number(dir_fd, HF_STATE_MONITOR_START, &pid, NULL) &&
           g_get_monotonic_time() < deadline_us)
        wait_a_moment(-1);
    signal_monitor(dir_fd, SIGTERM);
    if (hf_process_remains_wait_monitor(dir_fd, MONITOR_TERM_TIMEOUT_MS))
        return TRUE;
    signal_monitor(dir_fd, SIGKILL);
    if (hf_process_remains_wait_monitor(dir_fd, MONITOR_KILL_TIMEOUT_MS))
        return TRUE;
    return hf_throw(error, HF_ERROR_TIMED_OUT, "the monitor does not end");
}

static bool
has_argument(const char *command_line, gsize length, const char *argument)
{
    for (gsize i = 0; i < length; i += strlen(command_line + i) + 1) {
        if (strcmp(command_line + i, argument) == 0)
            return true;
    }
    return false;
}

/* Whether the process is one that was started for the directory with this identity. */
static bool
is_in_flight(int proc_fd, const char *pid, const struct stat *dir, const char *container_id)
{
    g_autofree char *cwd = g_strdup_printf("%s/cwd", pid);
    g_autofree char *command_line_name = g_strdup_printf("%s/cmdline", pid);
    struct stat status;
    size_t length;

    if (fstatat(proc_fd, cwd, &status, 0) < 0 || status.st_dev != dir->st_dev ||
        status.st_ino != dir->st_ino)
        return false;
    g_autofree char *command_line =
        hf_io_read_file_at(proc_fd, command_line_name, COMMAND_LINE_MAX, &length, NULL);
    return command_line != NULL && has_argument(command_line, length, container_id);
}

/* One that is in flight; *@out_ref is NULL if there is none. */
static gboolean
find_in_flight(int dir_fd, const char *container_id, HfProcessRef **out_ref, GError **error)
{
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    struct stat dir;

    *out_ref = NULL;
    if (proc == NULL || fstat(dir_fd, &dir) < 0) {
        hf_throw_errno(error, "look for processes");
        g_clear_pointer(&proc, closedir);
        return FALSE;
    }
    while (*out_ref == NULL && (entry = readdir(proc)) != NULL) {
        gint64 pid = g_ascii_strtoll(entry->d_name, NULL, 10);
        if (pid <= 0 || pid > G_MAXINT32 || (pid_t)pid == getpid() ||
            !is_in_flight(dirfd(proc), entry->d_name, &dir, container_id))
            continue;
        /* Looked at again, as the pidfd may be of a later process. */
        *out_ref = hf_process_ref_new((pid_t)pid, NULL);
        if (*out_ref != NULL && !is_in_flight(dirfd(proc), entry->d_name, &dir, container_id))
            g_clear_pointer(out_ref, hf_process_ref_free);
    }
    (void)closedir(proc);
    return TRUE;
}

static gboolean
settle(int dir_fd, const char *container_id, GError **error)
{
    gint64 deadline_us = deadline_after(IN_FLIGHT_TIMEOUT_MS);

    while (!is_locked(dir_fd)) {
        g_autoptr(HfProcessRef) ref = NULL;

        if (!find_in_flight(dir_fd, container_id, &ref, error))
            return FALSE;
        if (ref == NULL)
            return TRUE;
        if (g_get_monotonic_time() >= deadline_us)
            return hf_throw(error, HF_ERROR_TIMED_OUT,
                            "process %d works in its directory, and neither starts it nor ends",
                            (int)hf_process_ref_get_pid(ref));
        wait_a_moment(hf_process_ref_get_fd(ref));
    }
    return TRUE;
}

static bool
has_file(int dir_fd, const char *name)
{
    struct stat status;

    return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_size > 0;
}

/* -1 without an error: there is no directory. */
static int
open_dir(HfContainer *container, const HfContainerChange *change, const char *process_id,
         GError **error)
{
    g_autofree char *path = g_build_filename(container->path, process_id, NULL);
    g_autoptr(GError) failure = NULL;
    int fd = hf_state_open_dir(change->dir_fd, process_id, path, &failure);

    if (fd < 0 && !g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&failure));
    return fd;
}

gboolean
hf_process_remains_look(HfContainer *container, const HfContainerChange *change,
                        const char *process_id, HfProcessRemains *out_remains, GError **error)
{
    g_autoptr(GError) failure = NULL;
    hf_autofd fd = open_dir(container, change, process_id, &failure);

    if (failure != NULL)
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (fd < 0) {
        *out_remains = HF_REMAINS_NONE;
        return TRUE;
    }
    /* In this order: what is not locked may have been until now, and has written its files. */
    bool has_monitor = is_locked(fd);
    bool has_process = has_file(fd, HF_STATE_PID) || has_file(fd, HF_STATE_EXIT_STATUS);
    if (!has_monitor && !has_process) {
        if (!settle(fd, container->id, error))
            return FALSE;
        has_monitor = is_locked(fd);
        has_process = has_file(fd, HF_STATE_PID) || has_file(fd, HF_STATE_EXIT_STATUS);
    }
    if (has_process)
        *out_remains = HF_REMAINS_STARTED;
    else
        *out_remains = has_monitor ? HF_REMAINS_STARTING : HF_REMAINS_HALF_MADE;
    return TRUE;
}

static gboolean
end_process(HfContainer *container, const char *process_id, GError **error)
{
    g_autoptr(HfProcess) process = hf_process_new(container, process_id);
    gint64 deadline_us = deadline_after(PROCESS_TIMEOUT_MS);
    HfProcessRef *ref;
    pid_t pid;

    /* A `pid` that makes no sense names nobody. */
    while ((ref = hf_process_find(process, &pid, NULL)) != NULL) {
        bool is_late = g_get_monotonic_time() >= deadline_us;

        if (!is_late && hf_process_ref_signal(ref, SIGKILL, NULL))
            wait_a_moment(hf_process_ref_get_fd(ref));
        hf_process_ref_free(ref);
        if (is_late)
            return hf_throw(error, HF_ERROR_TIMED_OUT, "process %d does not end", (int)pid);
    }
    return TRUE;
}

/* Some runtimes call it an error that there is nothing to delete. It is none if that is what they
 * say and they know no state of it either. */
static bool
is_unknown(HfContainer *container, const HfContainerChange *change, const GError *failure)
{
    const char *const args[] = {"state", container->id, NULL};
    g_autoptr(GError) ignored = NULL;

    if (!g_error_matches(failure, HF_ERROR, HF_ERROR_RUNTIME_FAILED) ||
        (strstr(failure->message, "does not exist") == NULL &&
         strstr(failure->message, "No such file or directory") == NULL))
        return false;
    return !hf_runtime_command_run_locked(container, change->lock_fd, args, NULL, NULL, &ignored) &&
           g_error_matches(ignored, HF_ERROR, HF_ERROR_RUNTIME_FAILED);
}

gboolean
hf_process_remains_forget(HfContainer *container, const HfContainerChange *change, GError **error)
{
    const char *const args[] = {"delete", "--force", container->id, NULL};
    g_autoptr(GError) failure = NULL;

    if (hf_runtime_command_run_locked(container, change->lock_fd, args, NULL, NULL, &failure) ||
        is_unknown(container, change, failure))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
hf_process_remains_clear(HfContainer *container, const HfContainerChange *change,
                         const char *process_id, GError **error)
{
    g_autoptr(GError) failure = NULL;
    hf_autofd fd = open_dir(container, change, process_id, &failure);

    if (failure != NULL)
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (fd < 0)
        return TRUE;
    if (!settle(fd, container->id, error) || !hf_process_remains_end_monitor(fd, error) ||
        !end_process(container, process_id, error))
        return FALSE;
    /* A runtime that is not there has made nothing. */
    if (strcmp(process_id, HF_STATE_INIT) == 0 &&
        !hf_process_remains_forget(container, change, &failure) &&
        !g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    return hf_state_remove_tree(change->dir_fd, process_id, error);
}
