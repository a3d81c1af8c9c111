/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/adoption-dir.h"
#include "monitor/fd-store.h"
#include "monitor/session-private.h"
#include "monitor/stream-finder.h"
#include "protocol/state-names.h"
#include "runtime/pid-file.h"

/* How this works.
 *
 * The first half is what every monitor with --adoptable does, so that another can take its place:
 *
 *   streams.json   before the runtime runs: which pipes are the container's. Again once the process
 *                  is known: from where OOM kills are counted
 *   starttime, pid the process; in a process directory the runtime writes `pid`
 *   oom            how many OOM kills were told
 *   ending         the exit status, as soon as it is known: nobody can learn it a second time
 *
 * The second half is the adopter, who has the directory's lock. He finds one of three:
 *
 *   no pid           the runtime died with its monitor (PDEATHSIG) before it was done. The start
 * has failed, and is told and cleaned up after as such pid, a process   it is watched by pidfd, its
 * pipes are opened through /proc, endpoints are made anew pid, no process  it has ended: with the
 * status in `ending`, or one that nobody knows
 *
 * All that can fail is done before the engine is left. An adopter that fails there goes, and leaves
 * everything as it was: the container, and the directory for the next one.
 *
 * A monitor may die between the runtime's writing of the pid and its own of the start time. Then
 * the process is the one that has that pid if it is older than the file: a pid belongs to one
 * process for as long as that lives.
 *
 * What a dead monitor held and nobody else did is gone: the container's stdin (it reads end of
 * file), a terminal without a service manager that kept it, what clients had not been sent, the
 * engine's pipes and ports. */

#define TICK_TOLERANCE_US 20000

static gboolean
note(HfSession *self, gboolean ok, GError **error)
{
    if (!ok)
        hf_diag_take_error(HF_DIAG_WARNING, error, "what an adopter would need");
    return ok;
}

static guint64
get_inode(int fd)
{
    struct stat status;

    return fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) ? status.st_ino : 0;
}

void
hf_session_write_streams(HfSession *self)
{
    HfProcessDir *dir = self->owner->adoption_dir;
    g_autoptr(GError) error = NULL;

    if (dir != NULL)
        note(self, hf_process_dir_write_streams(dir, &self->streams, &error), &error);
}

void
hf_session_note_streams(HfSession *self)
{
    const int *fds = self->container_stdio.fds;

    if (self->owner->adoption_dir == NULL)
        return;
    self->streams = (HfStreamsFile){
        .stdin_inode = get_inode(fds[STDIN_FILENO]),
        .stdout_inode = get_inode(fds[STDOUT_FILENO]),
        .stderr_inode = self->options->has_terminal ? 0 : get_inode(fds[STDERR_FILENO]),
        .has_terminal = self->options->has_terminal,
    };
    hf_session_write_streams(self);
}

/* Its cgroup cannot be asked for any more when the process has gone. */
static void
note_cgroup(HfSession *self)
{
    HfCgroupVersion version = HF_CGROUP_V2;

    self->streams.memory_cgroup = hf_cgroup_path_of_process(self->pid, "memory", &version, NULL);
    self->streams.is_cgroup_v2 = version == HF_CGROUP_V2;
    if (self->oom_watch != NULL) {
        self->streams.has_oom_base = true;
        self->streams.oom_base = hf_oom_watch_get_base(self->oom_watch);
    }
}

void
hf_session_note_adoptable_process(HfSession *self)
{
    HfProcessDir *dir = self->owner->adoption_dir;
    g_autoptr(GError) error = NULL;

    if (dir != NULL && self->owner->process_dir == NULL)
        note(self,
             hf_process_dir_write_start_time(dir, self->pid, &error) &&
                 hf_process_dir_write_pid(dir, self->pid, &error),
             &error);
}

void
hf_session_note_watch(HfSession *self)
{
    if (self->owner->adoption_dir == NULL)
        return;
    note_cgroup(self);
    hf_session_write_streams(self);
    g_clear_pointer(&self->streams.memory_cgroup, g_free);
}

void
hf_session_note_ending(HfSession *self)
{
    HfProcessDir *dir = self->owner->adoption_dir;
    g_autoptr(GError) error = NULL;

    if (dir != NULL)
        note(self, hf_process_dir_write_ending(dir, self->exit_status, &error), &error);
}

void
hf_session_leave_adoption_dir(HfSession *self)
{
    HfProcessDir *dir = self->owner->adoption_dir;
    g_autofree char *name = NULL;

    if (dir == NULL || self->has_left_adoption_dir)
        return;
    self->has_left_adoption_dir = true;
    if (self->streams.has_terminal)
        hf_fd_store_remove(hf_options_get_session_id(self->options));
    if (dir != self->owner->process_dir) {
        hf_adoption_dir_remove(dir);
        return;
    }
    (void)unlinkat(hf_process_dir_get_fd(dir), HF_STATE_ENDING, 0);
    (void)unlinkat(hf_process_dir_get_fd(dir), HF_STATE_JOURNAL, 0);
}

/* --- the adopter --- */

static gint64
now_us(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* When @process was started, by the clock that counts from the boot. */
static gint64
get_start_us(const HfProcessRef *process)
{
    gint64 tick_us = G_USEC_PER_SEC / MAX(sysconf(_SC_CLK_TCK), 1);

    return (gint64)hf_process_ref_get_start_time(process) * tick_us;
}

static bool
is_older_than_file(const HfProcessRef *process, const char *path)
{
    gint64 boot_us = now_us(CLOCK_REALTIME) - now_us(CLOCK_BOOTTIME);
    struct stat status;

    if (stat(path, &status) < 0)
        return false;
    gint64 written_us =
        (gint64)status.st_mtim.tv_sec * G_USEC_PER_SEC + status.st_mtim.tv_nsec / 1000;
    return boot_us + get_start_us(process) <= written_us + TICK_TOLERANCE_US;
}

/* Sets pid and process, as far as they are known and there. */
static gboolean
find_process(HfSession *self, GError **error)
{
    const HfProcessDir *dir = self->owner->adoption_dir;
    const char *pid_file = self->options->container_pid_file;
    g_autoptr(HfProcessRef) process = NULL;
    g_autoptr(GError) local = NULL;
    gint64 start_time = -1;
    gint64 pid = 0;

    (void)hf_process_dir_read_number(dir, HF_STATE_START_TIME, &start_time);
    if (!hf_process_dir_read_number(dir, HF_STATE_PID, &pid)) {
        /* The engine's own file, which was emptied before the runtime ran. */
        start_time = -1;
        (void)!hf_pid_file_read(pid_file, &self->pid, NULL);
        pid = self->pid;
    }
    if (pid <= 0 || pid > G_MAXINT)
        return TRUE;
    self->pid = (pid_t)pid;
    process = hf_process_ref_new(self->pid, &local);
    if (process == NULL && !g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (process == NULL)
        return TRUE;
    if (start_time >= 0 ? hf_process_ref_get_start_time(process) == (guint64)start_time
                        : is_older_than_file(process, pid_file))
        self->process = g_steal_pointer(&process);
    return TRUE;
}

/* The memory cgroup is of use for the search as well, and where there is none, the unified one. */
static char *
get_cgroup(const HfSession *self)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    char *cgroup = NULL;

    if (self->streams.memory_cgroup != NULL || self->process == NULL)
        return g_strdup(self->streams.memory_cgroup);
    cgroup = hf_cgroup_path_of_process(self->pid, "memory", &version, NULL);
    return cgroup != NULL ? cgroup : hf_cgroup_path_of_process(self->pid, NULL, &version, NULL);
}

static gboolean
take_streams(HfSession *self, GError **error)
{
    const HfStreamsFile *streams = &self->streams;
    const guint64 inodes[HF_STREAM_COUNT] = {
        [HF_STREAM_STDOUT] = streams->stdout_inode,
        [HF_STREAM_STDERR] = streams->stderr_inode,
    };
    g_autofree char *cgroup = get_cgroup(self);
    int terminal_fd = -1;
    int fds[HF_STREAM_COUNT];

    hf_stream_finder_open(self->process != NULL ? self->pid : 0, cgroup, inodes, fds,
                          HF_STREAM_COUNT);
    if (streams->has_terminal)
        terminal_fd = hf_fd_store_take(hf_options_get_session_id(self->options));
    if (streams->has_terminal && terminal_fd < 0)
        hf_diag(HF_DIAG_WARNING, "the terminal went with the monitor that had it");
    self->streams.is_terminal_lost = streams->has_terminal && terminal_fd < 0;
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        if (inodes[i] != 0 && fds[i] < 0 && self->process != NULL)
            hf_diag(HF_DIAG_INFO, "no process has %s open", hf_stream_to_string((HfStream)i));
    }
    return hf_session_adopt_streams(self, fds, terminal_fd, error);
}

gboolean
hf_session_prepare_adoption(HfSession *self, GError **error)
{
    g_autoptr(GError) local = NULL;

    self->has_run_runtime =
        hf_process_dir_read_streams(self->owner->adoption_dir, &self->streams, &local);
    if (!self->has_run_runtime && !g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (!find_process(self, error))
        return FALSE;
    return (self->is_passthrough || take_streams(self, error)) &&
           hf_session_make_endpoints(self, error);
}

static void
resume_oom_watch(HfSession *self)
{
    const HfStreamsFile *streams = &self->streams;
    HfCgroupVersion version = streams->is_cgroup_v2 ? HF_CGROUP_V2 : HF_CGROUP_V1;
    GMainContext *context = self->owner->context;
    g_autoptr(GError) error = NULL;
    gint64 told = 0;

    if (streams->has_oom_base && streams->memory_cgroup != NULL)
        self->oom_watch = hf_oom_watch_new_for_path(context, streams->memory_cgroup, version,
                                                    hf_session_on_oom, self, &error);
    else if (self->process != NULL)
        self->oom_watch = hf_oom_watch_new(context, self->pid, hf_session_on_oom, self, &error);
    if (self->oom_watch == NULL && error != NULL)
        hf_diag_take_error(HF_DIAG_INFO, &error, "no watch for OOM kills");
    if (self->oom_watch == NULL || !streams->has_oom_base)
        return;
    (void)hf_process_dir_read_number(self->owner->adoption_dir, HF_STATE_OOM, &told);
    hf_oom_watch_resume(self->oom_watch, streams->oom_base, (guint64)MAX(told, 0));
    if (!hf_oom_watch_check(self->oom_watch, &error))
        hf_diag_take_error(HF_DIAG_DEBUG, &error, "first look for OOM kills");
}

static void
set_timeout(HfSession *self)
{
    gint64 end_us = (gint64)self->options->timeout_s * G_USEC_PER_SEC;

    if (end_us <= 0)
        return;
    gint64 left_us = end_us - (now_us(CLOCK_BOOTTIME) - get_start_us(self->process));
    hf_session_set_deadline(self, (guint)CLAMP(left_us / 1000, 1, G_MAXINT));
}

/* Nothing of it is left to watch. */
static void
tell_ended(HfSession *self)
{
    gint64 status = -1;

    if (hf_process_dir_read_number(self->owner->adoption_dir, HF_STATE_ENDING, &status))
        self->exit_status = (int)status;
    else
        hf_diag(HF_DIAG_WARNING, "process %d ended without a monitor; its exit status is not known",
                (int)self->pid);
    hf_session_dispatch(self, HF_EVENT_PROCESS_EXITED);
}

void
hf_session_watch_adopted(HfSession *self)
{
    hf_session_tell_pid(self);
    if (!self->options->is_exec)
        resume_oom_watch(self);
    if (self->streams.is_terminal_lost)
        hf_session_write_streams(self);
    g_clear_pointer(&self->streams.memory_cgroup, g_free);
    if (self->process == NULL) {
        tell_ended(self);
        return;
    }
    if (self->owner->process_dir != NULL)
        hf_session_note_process(self);
    set_timeout(self);
    hf_reaper_watch_ref(self->owner->reaper, self->process, hf_session_on_process_exited, self);
    hf_reaper_forget_strangers(self->owner->reaper);
    hf_session_confine(self);
}

void
hf_session_adopt(HfSession *self)
{
    if (self->pid > 0) {
        self->state = HF_STATE_STARTING;
        hf_session_dispatch(self, HF_EVENT_RUNTIME_DONE);
        return;
    }
    GError *error = NULL;
    hf_throw(&error, HF_ERROR_FAILED, "the monitor died before the runtime had made the process");
    hf_session_take_failure(self, error);
}
