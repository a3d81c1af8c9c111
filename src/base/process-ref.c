/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/process-ref.h"

/* The kernel's struct pidfd_info in its first published size; older headers do not have it. */
struct pidfd_info_v0 {
    guint64 mask;
    guint64 cgroup_id;
    guint32 ids[11];
    gint32 exit_code;
};
G_STATIC_ASSERT(sizeof(struct pidfd_info_v0) == 64);

#define PIDFD_INFO_EXIT_BIT (G_GUINT64_CONSTANT(1) << 3)
#define PIDFD_GET_INFO_V0 _IOWR(0xFF, 11, struct pidfd_info_v0)

struct HfProcessRef {
    pid_t pid;
    int pid_fd; /* owned */
    guint64 start_time;
};

gboolean
hf_process_read_start_time(pid_t pid, guint64 *out_ticks, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, 4096, NULL, error);

    if (text == NULL)
        return FALSE;
    /* The command's name may hold spaces and brackets, so count from the last bracket: what
     * follows it is field 3. */
    const char *field = strrchr(text, ')');
    for (int number = 2; field != NULL && number < 22; number++) {
        field = strchr(field, ' ');
        if (field != NULL)
            field++;
    }
    char *end = NULL;
    guint64 ticks = field != NULL ? g_ascii_strtoull(field, &end, 10) : 0;
    if (field == NULL || end == field)
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' has no start time", path);
    *out_ticks = ticks;
    return TRUE;
}

/* Ended and reaped: a zombie still has its pid. */
static bool
has_ended(const HfProcessRef *self)
{
    return syscall(SYS_pidfd_send_signal, self->pid_fd, 0, NULL, 0) < 0 && errno == ESRCH;
}

HfProcessRef *
hf_process_ref_new(pid_t pid, GError **error)
{
    g_autoptr(HfProcessRef) self = g_new0(HfProcessRef, 1);

    self->pid = pid;
    self->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (self->pid_fd < 0 && errno == ENOSYS)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "this kernel has no pidfds"), NULL;
    if (self->pid_fd < 0 && errno == ESRCH)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no process %d", (int)pid), NULL;
    if (self->pid_fd < 0)
        return hf_throw_errno(error, "open a pidfd for process %d", (int)pid), NULL;
    bool is_read = hf_process_read_start_time(pid, &self->start_time, error);
    /* Its parent may have reaped it in between, and the pid may be another's. While the process is
     * there, its pid is nobody else's, so the time read before was its own. */
    if (has_ended(self)) {
        g_clear_error(error);
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no process %d", (int)pid), NULL;
    }
    return is_read ? g_steal_pointer(&self) : NULL;
}

void
hf_process_ref_free(HfProcessRef *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->pid_fd);
    g_free(self);
}

pid_t
hf_process_ref_get_pid(const HfProcessRef *self)
{
    return self->pid;
}

guint64
hf_process_ref_get_start_time(const HfProcessRef *self)
{
    return self->start_time;
}

int
hf_process_ref_get_fd(const HfProcessRef *self)
{
    return self->pid_fd;
}

gboolean
hf_process_ref_signal(const HfProcessRef *self, int signal_number, GError **error)
{
    if (syscall(SYS_pidfd_send_signal, self->pid_fd, signal_number, NULL, 0) == 0)
        return TRUE;
    if (errno == ESRCH)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "process %d has ended", (int)self->pid);
    return hf_throw_errno(error, "send signal %d to process %d", signal_number, (int)self->pid);
}

gboolean
hf_process_ref_kill_group(const HfProcessRef *self, GError **error)
{
    /* A group has no descriptor of its own. It cannot have been recycled between the two calls
     * while its member exists, which the pidfd's signal 0 shows. */
    pid_t group = getpgid(self->pid);

    if (!hf_process_ref_signal(self, 0, error))
        return FALSE;
    if (group > 1 && group != getpgrp() && kill(-group, SIGKILL) == 0)
        return TRUE;
    return hf_process_ref_signal(self, SIGKILL, error);
}

bool
hf_process_ref_try_exit_status(const HfProcessRef *self, int *out_wait_status)
{
    struct pidfd_info_v0 info = {.mask = PIDFD_INFO_EXIT_BIT};

    if (ioctl(self->pid_fd, PIDFD_GET_INFO_V0, &info) < 0 || (info.mask & PIDFD_INFO_EXIT_BIT) == 0)
        return false;
    *out_wait_status = info.exit_code;
    return true;
}
