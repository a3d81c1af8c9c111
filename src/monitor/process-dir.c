/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/control-fifo.h"
#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/lock-file.h"
#include "base/process-ref.h"
#include "monitor/monitor-log.h"
#include "monitor/process-dir.h"
#include "protocol/state-names.h"
#include "version.h"

/* How this works.
 *
 * The directory is opened once and everything is reached through that descriptor, so that what is
 * written cannot end up elsewhere when a path is exchanged meanwhile. It has to be ours and nobody
 * else may write to it: names in it are trusted from then on, but for links, which are not
 * followed.
 *
 * Two descriptors tell others that this program lives, for as long as it does:
 *
 *   lock   a write lock: who can take it knows that there is no monitor
 *   exit   the FIFO's write side: whoever has opened it for reading sees its hang-up. It is opened
 *          for reading as well, because that needs nobody on the other side
 *
 * The kernel closes both, also after SIGKILL. Children must not keep them: they are close-on-exec,
 * and a child that does not exec closes them.
 *
 * The order in time: lock, exit, (shim-log.json), monitor.pid, pid (by the runtime), starttime,
 * exitStatus, hang-up.
 *
 * Each answer in `upgrade` has a number, one more than that of the answer before, whoever gave it:
 * by that an answer is told from an earlier one that says the same. */

#define FILE_MODE 0644
#define SMALL_FILE_MAX 4096
#define REASON_MAX 2048
/* Of log.json, which a runtime in debug mode can fill. */
#define RUNTIME_LOG_MAX (256 * 1024)
#define STATUS_UNKNOWN 255
#define LEFT_LOCK_TRIES 100
#define LEFT_LOCK_WAIT_US 10000

struct HfProcessDir {
    char *path; /* for messages */
    int fd;     /* O_PATH */
    int lock_fd;
    int exit_fd;
    HfMonitorLog *log; /* NULL: messages go to stderr */
};

static gboolean
check_owner(const HfProcessDir *self, GError **error)
{
    struct stat status;

    if (fstat(self->fd, &status) < 0)
        return hf_throw_errno(error, "look at '%s'", self->path);
    if (status.st_uid != geteuid())
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "'%s' belongs to user %u, and this is user %u", self->path,
                        (unsigned)status.st_uid, (unsigned)geteuid());
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "others may write to '%s' (mode %04o)",
                        self->path, (unsigned)status.st_mode & 07777);
    return TRUE;
}

/* What a small file holds, without white space; NULL if it is not there or cannot be read. */
static char *
read_text(const HfProcessDir *self, const char *name)
{
    char *text = hf_io_read_file_at(self->fd, name, SMALL_FILE_MAX, NULL, NULL);

    return text != NULL ? g_strstrip(text) : NULL;
}

static gboolean
take_lock(HfProcessDir *self, GError **error)
{
    g_autofree char *holder = NULL;

    switch (hf_lock_file_try_take(self->fd, HF_STATE_LOCK, &self->lock_fd, error)) {
    case HF_LOCK_TAKEN:
        return TRUE;
    case HF_LOCK_HELD:
        holder = read_text(self, HF_STATE_MONITOR_PID);
        return hf_throw(error, HF_ERROR_EXISTS, "'%s' has a monitor, process %s", self->path,
                        holder != NULL && *holder != '\0' ? holder : "that is just starting");
    case HF_LOCK_FAILED:
        break;
    }
    g_prefix_error(error, "'%s': ", self->path);
    return FALSE;
}

HfProcessDir *
hf_process_dir_new(const char *path, GError **error)
{
    g_autoptr(HfProcessDir) self = g_new0(HfProcessDir, 1);

    self->path = g_strdup(path);
    self->lock_fd = -1;
    self->exit_fd = -1;
    self->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->fd < 0)
        return hf_throw_errno(error, "open the process directory '%s'", path), NULL;
    if (!check_owner(self, error) || !take_lock(self, error))
        return NULL;
    return g_steal_pointer(&self);
}

/* Whether the monitor that the directory names is there, as more than a zombie. */
static bool
has_living_monitor(const char *path)
{
    g_autofree char *name = g_build_filename(path, HF_STATE_MONITOR_PID, NULL);
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, name, SMALL_FILE_MAX, NULL, NULL);
    g_autoptr(HfProcessRef) ref = NULL;
    guint64 pid = 0;

    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT, &pid, NULL))
        return false;
    ref = hf_process_ref_new((pid_t)pid, NULL);
    struct pollfd end = {.fd = ref != NULL ? hf_process_ref_get_fd(ref) : -1, .events = POLLIN};
    return ref != NULL && poll(&end, 1, 0) == 0;
}

HfProcessDir *
hf_process_dir_new_left(const char *path, GError **error)
{
    for (int tries = 0;; tries++) {
        GError *local = NULL;
        HfProcessDir *self = hf_process_dir_new(path, &local);

        if (self != NULL)
            return self;
        if (!g_error_matches(local, HF_ERROR, HF_ERROR_EXISTS) || tries == LEFT_LOCK_TRIES ||
            has_living_monitor(path)) {
            g_propagate_error(error, local);
            return NULL;
        }
        g_error_free(local);
        g_usleep(LEFT_LOCK_WAIT_US);
    }
}

void
hf_process_dir_free(HfProcessDir *self)
{
    if (self == NULL)
        return;
    if (self->log != NULL)
        hf_diag_set_sink(NULL, NULL);
    hf_monitor_log_free(self->log);
    hf_close_fd(&self->exit_fd);
    hf_close_fd(&self->lock_fd);
    hf_close_fd(&self->fd);
    g_free(self->path);
    g_free(self);
}

gboolean
hf_process_dir_check_unused(const HfProcessDir *self, GError **error)
{
    g_autofree char *pid = read_text(self, HF_STATE_PID);
    g_autofree char *status = read_text(self, HF_STATE_EXIT_STATUS);

    if (status != NULL)
        return hf_throw(error, HF_ERROR_INVALID_STATE,
                        "the process of '%s' has ended, with status %s", self->path, status);
    if (pid != NULL && *pid != '\0')
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' has a process already, %s", self->path,
                        pid);
    return TRUE;
}

gboolean
hf_process_dir_hold_exit(HfProcessDir *self, GError **error)
{
    self->exit_fd = hf_control_fifo_open(self->fd, HF_STATE_EXIT, error);
    return self->exit_fd >= 0;
}

gboolean
hf_process_dir_take_messages(HfProcessDir *self, GError **error)
{
    self->log = hf_monitor_log_new(self->fd, error);
    if (self->log == NULL)
        return FALSE;
    hf_diag_set_sink(hf_monitor_log_write, self->log);
    return TRUE;
}

bool
hf_process_dir_has_messages(const HfProcessDir *self)
{
    return self->log != NULL;
}

const char *
hf_process_dir_get_path(const HfProcessDir *self)
{
    return self->path;
}

int
hf_process_dir_get_fd(const HfProcessDir *self)
{
    return self->fd;
}

static gboolean
write_number(const HfProcessDir *self, const char *name, guint64 number, GError **error)
{
    char text[24];
    int length = g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, number);

    return hf_atomic_file_write_at(self->fd, name, text, (size_t)length, FILE_MODE, error);
}

static gboolean
write_version(const HfProcessDir *self, GError **error)
{
    return hf_atomic_file_write_at(self->fd, HF_STATE_MONITOR_VERSION, HF_VERSION,
                                   strlen(HF_VERSION), FILE_MODE, error);
}

/* The pid comes last: who finds it finds the others. */
gboolean
hf_process_dir_write_monitor(const HfProcessDir *self, GError **error)
{
    guint64 start_time = 0;

    return hf_process_read_start_time(getpid(), &start_time, error) && write_version(self, error) &&
           write_number(self, HF_STATE_MONITOR_START, start_time, error) &&
           write_number(self, HF_STATE_MONITOR_PID, (guint64)getpid(), error);
}

gboolean
hf_process_dir_write_upgrade(const HfProcessDir *self, const char *reason, GError **error)
{
    g_autofree char *before = read_text(self, HF_STATE_UPGRADE);
    guint64 number = before != NULL ? g_ascii_strtoull(before, NULL, 10) : 0;
    g_autofree char *text =
        g_strdup_printf("%" G_GUINT64_FORMAT "\n%.*s%s", number + 1, REASON_MAX,
                        reason != NULL ? reason : "", reason != NULL ? "\n" : "");

    return (reason != NULL || write_version(self, error)) &&
           hf_atomic_file_write_at(self->fd, HF_STATE_UPGRADE, text, strlen(text), FILE_MODE,
                                   error);
}

gboolean
hf_process_dir_write_start_time(const HfProcessDir *self, pid_t pid, GError **error)
{
    guint64 start_time = 0;

    return hf_process_read_start_time(pid, &start_time, error) &&
           write_number(self, HF_STATE_START_TIME, start_time, error);
}

gboolean
hf_process_dir_write_oom(const HfProcessDir *self, guint64 kills, GError **error)
{
    return write_number(self, HF_STATE_OOM, kills, error);
}

gboolean
hf_process_dir_write_pid(const HfProcessDir *self, pid_t pid, GError **error)
{
    return write_number(self, HF_STATE_PID, (guint64)pid, error);
}

gboolean
hf_process_dir_write_streams(const HfProcessDir *self, const HfStreamsFile *file, GError **error)
{
    g_autofree char *text = hf_streams_file_format(file);

    return hf_atomic_file_write_at(self->fd, HF_STATE_STREAMS, text, strlen(text), FILE_MODE,
                                   error);
}

gboolean
hf_process_dir_read_streams(const HfProcessDir *self, HfStreamsFile *out_file, GError **error)
{
    size_t length = 0;
    g_autofree char *text =
        hf_io_read_file_at(self->fd, HF_STATE_STREAMS, HF_STREAMS_FILE_MAX, &length, error);

    if (text == NULL)
        return FALSE;
    if (hf_streams_file_parse(text, length, out_file, error))
        return TRUE;
    g_prefix_error(error, HF_STATE_STREAMS ": ");
    return FALSE;
}

gboolean
hf_process_dir_write_ending(const HfProcessDir *self, int status, GError **error)
{
    char text[16];
    int length = g_snprintf(text, sizeof text, "%d", status);

    return hf_atomic_file_write_at(self->fd, HF_STATE_ENDING, text, (size_t)length, FILE_MODE,
                                   error);
}

bool
hf_process_dir_read_number(const HfProcessDir *self, const char *name, gint64 *out_number)
{
    g_autofree char *text = read_text(self, name);

    return text != NULL && g_ascii_string_to_signed(text, 10, -1, G_MAXINT64, out_number, NULL);
}

gboolean
hf_process_dir_check_unfinished(const HfProcessDir *self, GError **error)
{
    g_autofree char *status = read_text(self, HF_STATE_EXIT_STATUS);

    if (status != NULL)
        return hf_throw(error, HF_ERROR_INVALID_STATE,
                        "the process of '%s' has ended, with status %s", self->path, status);
    return TRUE;
}

gboolean
hf_process_dir_write_exit_status(const HfProcessDir *self, int status, GError **error)
{
    char text[16];
    int length = g_snprintf(text, sizeof text, "%d", status < 0 ? STATUS_UNKNOWN : status);

    return hf_atomic_file_write_durable_at(self->fd, HF_STATE_EXIT_STATUS, text, (size_t)length,
                                           FILE_MODE, error);
}

char *
hf_process_dir_read_runtime_log(const HfProcessDir *self)
{
    return hf_io_read_file_at(self->fd, HF_STATE_RUNTIME_LOG, RUNTIME_LOG_MAX, NULL, NULL);
}

void
hf_process_dir_save(const HfProcessDir *self, HfStateWriter *writer)
{
    hf_state_put_text(writer, "path", self->path);
    hf_state_put_fd(writer, "directory", self->fd);
    hf_state_put_fd(writer, "lock", self->lock_fd);
    hf_state_put_fd(writer, "exit", self->exit_fd);
    if (self->log == NULL)
        return;
    hf_state_begin(writer, "messages");
    hf_monitor_log_save(self->log, writer);
    hf_state_end(writer);
}

HfProcessDir *
hf_process_dir_new_saved(HfStateReader *reader)
{
    HfProcessDir *self = g_new0(HfProcessDir, 1);
    HfStateReader *messages = hf_state_open(reader, "messages");

    self->path = g_strdup(hf_state_get_text(reader, "path"));
    self->fd = hf_state_take_needed_fd(reader, "directory");
    self->lock_fd = hf_state_take_needed_fd(reader, "lock");
    self->exit_fd = hf_state_take_fd(reader, "exit");
    if (self->path == NULL)
        hf_state_reader_fail(reader, "path", "is missing");
    if (messages != NULL) {
        self->log = hf_monitor_log_new_saved(messages);
        hf_diag_set_sink(hf_monitor_log_write, self->log);
    }
    return self;
}
