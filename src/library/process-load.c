/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/container-private.h"
#include "library/process-private.h"
#include "library/state-dir.h"
#include "library/stdio-private.h"
#include "protocol/state-names.h"

/* How a process is told from a later one with its pid: a pidfd is opened first, which names whoever
 * has the pid at that moment and from then on nobody else; then that one's start time is compared
 * with what the monitor wrote. Signals go through the pidfd that passed.
 *
 * `pid` is written by the OCI runtime and `starttime` a moment later by the monitor. A monitor that
 * was killed in between leaves no start time. Then the file's own time decides: the process was
 * there before its pid could be written. */

/* A kernel's clock tick, the grain of start times, and that of a file's time are this at most. */
#define TIME_GRAIN_US 20000

static HfProcessFile *
read_file(int dir_fd, GError **error)
{
    gsize length = 0;
    g_autoptr(GError) local = NULL;
    g_autofree char *text = hf_state_read_file(dir_fd, HF_STATE_PROCESS, &length, &local);
    HfProcessFile *file = text != NULL ? hf_process_file_parse(text, length, &local) : NULL;

    if (file != NULL)
        return file;
    /* The directory is there, so this is no process that is missing. */
    if (g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        local->code = HF_ERROR_PROTOCOL;
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "%s: ", HF_STATE_PROCESS);
    return NULL;
}

static int
open_dir(HfContainer *container, const char *id, const char *path, GError **error)
{
    hf_autofd container_fd = hf_container_open(container, error);

    return container_fd >= 0 ? hf_state_open_dir(container_fd, id, path, error) : -1;
}

HfProcess *
hf_process_load(HfContainer *container, const char *id, GError **error)
{
    g_autofree char *path = g_build_filename(container->path, id, NULL);
    g_autoptr(HfProcessFile) file = NULL;
    hf_autofd dir_fd = -1;

    if (hf_state_check_id("process", id, error))
        dir_fd = open_dir(container, id, path, error);
    if (dir_fd >= 0)
        file = read_file(dir_fd, error);
    if (file == NULL)
        return g_prefix_error(error, "container '%s', process '%s': ", container->id, id), NULL;

    HfProcess *self = hf_process_new(container, id);
    self->stdio = hf_stdio_new_from_file(file);
    self->file = g_steal_pointer(&file);
    return self;
}

int
hf_process_open(HfProcess *self, GError **error)
{
    return open_dir(self->container, self->id, self->path, error);
}

/* A number that may not be there yet: *@out_number is 0 then. */
static gboolean
read_number_if_any(int dir_fd, const char *name, guint64 *out_number, GError **error)
{
    g_autoptr(GError) local = NULL;

    *out_number = 0;
    if (hf_state_read_number(dir_fd, name, out_number, &local) ||
        g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gint64
clock_us(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Whether the process was there when its pid was written. */
static bool
is_older_than_file(const HfProcessRef *ref, int dir_fd, const char *name)
{
    gint64 boot_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_BOOTTIME);
    gint64 tick_us = G_USEC_PER_SEC / MAX(sysconf(_SC_CLK_TCK), 1);
    gint64 start_us = boot_us + (gint64)hf_process_ref_get_start_time(ref) * tick_us;
    struct stat status;

    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    gint64 written_us = status.st_mtim.tv_sec * G_USEC_PER_SEC + status.st_mtim.tv_nsec / 1000;
    return start_us <= written_us + TIME_GRAIN_US;
}

/* A process that has ended has a pid until its parent has asked for its status. */
static bool
has_ended(const HfProcessRef *ref)
{
    struct pollfd fd = {.fd = hf_process_ref_get_fd(ref), .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

/* As hf_process_find(), in the process's directory. */
static HfProcessRef *
find_at(int dir_fd, pid_t *out_pid, GError **error)
{
    guint64 pid = 0;
    guint64 start_time = 0;
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) local = NULL;

    if (!read_number_if_any(dir_fd, HF_STATE_PID, &pid, error) ||
        !read_number_if_any(dir_fd, HF_STATE_START_TIME, &start_time, error))
        return NULL;
    if (pid > G_MAXINT)
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' is not a process's number", HF_STATE_PID),
               NULL;
    *out_pid = (pid_t)pid;
    if (pid == 0)
        return NULL;
    ref = hf_process_ref_new((pid_t)pid, &local);
    if (ref == NULL && !g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&local));
    if (ref == NULL || has_ended(ref))
        return NULL;
    bool is_it = start_time != 0 ? hf_process_ref_get_start_time(ref) == start_time
                                 : is_older_than_file(ref, dir_fd, HF_STATE_PID);
    return is_it ? g_steal_pointer(&ref) : NULL;
}

HfProcessRef *
hf_process_find(HfProcess *self, pid_t *out_pid, GError **error)
{
    g_autoptr(GError) local = NULL;
    HfProcessRef *ref = NULL;
    pid_t pid = 0;
    hf_autofd dir_fd = hf_process_open(self, &local);

    if (dir_fd >= 0)
        ref = find_at(dir_fd, &pid, &local);
    if (local != NULL) {
        g_propagate_prefixed_error(error, g_steal_pointer(&local),
                                   "container '%s', process '%s': ", self->container->id, self->id);
        return NULL;
    }
    if (out_pid != NULL)
        *out_pid = pid;
    return ref;
}

bool
hf_process_has_monitor(HfProcess *self)
{
    g_autoptr(GError) error = NULL;
    hf_autofd dir_fd = hf_process_open(self, &error);
    bool is_held = false;

    if (dir_fd < 0)
        return !g_error_matches(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    return !hf_lock_file_is_held(dir_fd, HF_STATE_LOCK, &is_held, NULL) || is_held;
}
