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
G_STATIC_ASSERT(PIDFD_GET_INFO_V0 == HF_PROCESS_REF_STATUS_IOCTL);

struct HfProcessRef {
    pid_t pid;
    int pid_fd; /* owned */
    guint64 start_time;
};

bool
hf_process_parse_start_time(const char *text, guint64 *out_ticks)
{
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
        return false;
    *out_ticks = ticks;
    return true;
}

gboolean
hf_process_read_start_time(pid_t pid, guint64 *out_ticks, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, 4096, NULL, error);

    if (text == NULL)
        return FALSE;
    if (!hf_process_parse_start_time(text, out_ticks))
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' has no start time", path);
    return TRUE;
}

bool
hf_process_ref_is_gone(const HfProcessRef *self)
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
    if (hf_process_ref_is_gone(self)) {
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

/* What field 52 of /proc/PID/stat says of a process in state Z. To who may not trace the process it
 * is always 0; the link /proc/PID/ns/user is kept from the same readers. */
static bool
try_zombie_status(const HfProcessRef *self, int *out_wait_status)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)self->pid);
    g_autofree char *link = g_strdup_printf("/proc/%d/ns/user", (int)self->pid);
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, 4096, NULL, NULL);
    char *fields = text != NULL ? strrchr(text, ')') : NULL;
    char target[64];

    /* Looked at after it was read, so that what was read is this process's. */
    if (fields == NULL || readlink(link, target, sizeof target) <= 0 ||
        hf_process_ref_is_gone(self))
        return false;
    g_auto(GStrv) words = g_strsplit(g_strchomp(fields), " ", -1);
    /* words[0] is the bracket, words[1] field 3. */
    if (g_strv_length(words) < 51 || strcmp(words[1], "Z") != 0)
        return false;
    *out_wait_status = (int)g_ascii_strtoll(words[50], NULL, 10);
    return true;
}

bool
hf_process_ref_try_exit_status(const HfProcessRef *self, int *out_wait_status)
{
    struct pidfd_info_v0 info = {.mask = PIDFD_INFO_EXIT_BIT};

    if (ioctl(self->pid_fd, PIDFD_GET_INFO_V0, &info) < 0 || (info.mask & PIDFD_INFO_EXIT_BIT) == 0)
        return try_zombie_status(self, out_wait_status);
    *out_wait_status = info.exit_code;
    return true;
}

void
hf_process_ref_save(const HfProcessRef *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "pidfd", self->pid_fd);
    hf_state_put_number(writer, "pid", self->pid);
    hf_state_put_number(writer, "start-time", (gint64)MIN(self->start_time, G_MAXINT64));
}

HfProcessRef *
hf_process_ref_new_saved(HfStateReader *reader)
{
    HfProcessRef *self = g_new0(HfProcessRef, 1);

    self->pid_fd = hf_state_take_needed_fd(reader, "pidfd");
    self->pid = (pid_t)hf_state_get_number(reader, "pid", 1, G_MAXINT32, 0);
    self->start_time = (guint64)hf_state_get_number(reader, "start-time", 0, G_MAXINT64, 0);
    if (self->pid_fd >= 0 && self->pid > 0)
        return self;
    hf_state_reader_fail(reader, "pidfd", "names no process");
    g_free(self);
    return NULL;
}
