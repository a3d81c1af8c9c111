/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "monitor/monitor-log.h"
#include "protocol/message-line.h"
#include "protocol/state-names.h"

#define FULL_TEXT "the limit of this file is reached, and nothing more is said here"

struct HfMonitorLog {
    int fd;
    bool is_full;
};

static off_t
get_size(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

HfMonitorLog *
hf_monitor_log_new(int dir_fd, GError **error)
{
    HfMonitorLog *self;
    hf_autofd fd = openat(
        dir_fd, HF_STATE_MONITOR_LOG,
        O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);

    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", HF_STATE_MONITOR_LOG), NULL;
    off_t size = get_size(fd);
    if (size < 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is not a regular file",
                        HF_STATE_MONITOR_LOG),
               NULL;
    self = g_new0(HfMonitorLog, 1);
    self->fd = hf_steal_fd(&fd);
    self->is_full = size >= HF_MONITOR_LOG_MAX;
    return self;
}

void
hf_monitor_log_free(HfMonitorLog *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_free(self);
}

static void
write_line(HfMonitorLog *self, HfDiagLevel level, const char *text)
{
    struct timespec now = hf_clock_now();
    off_t old_size = get_size(self->fd);
    size_t length = 0;
    size_t written = 0;
    g_autofree char *line =
        hf_message_line_format(hf_diag_level_to_string(level), text, &now, &length);

    /* Who reads the file takes half a line for the end of it. */
    if (hf_io_write(self->fd, line, length, &written, NULL) == HF_IO_DATA && written < length &&
        old_size >= 0)
        (void)!ftruncate(self->fd, old_size);
}

void
hf_monitor_log_write(HfDiagLevel level, const char *text, gpointer user_data)
{
    HfMonitorLog *self = user_data;

    if (self->is_full)
        return;
    write_line(self, level, text);
    if (get_size(self->fd) < HF_MONITOR_LOG_MAX)
        return;
    self->is_full = true;
    write_line(self, HF_DIAG_WARNING, FULL_TEXT);
}

void
hf_monitor_log_save(const HfMonitorLog *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "fd", self->fd);
    hf_state_put_bool(writer, "is-full", self->is_full);
}

HfMonitorLog *
hf_monitor_log_new_saved(HfStateReader *reader)
{
    HfMonitorLog *self = g_new0(HfMonitorLog, 1);

    self->fd = hf_state_take_needed_fd(reader, "fd");
    self->is_full = hf_state_get_bool(reader, "is-full");
    return self;
}
