/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/session-private.h"
#include "runtime/pid-file.h"
#include "runtime/runtime-argv.h"
#include "runtime/spawn.h"

/* How this works.
 *
 * The runtime is a child like any other: the loop goes on while it runs, its stderr is read, its
 * console arrives, and its end is told by the reaper. Then its pid file says which process it left.
 *
 * create and restore succeeded if the runtime says so (status 0) and the pid file agrees. exec is
 * judged by the pid file alone: some runtimes end with the status of a process that was quick, so
 * only a file without a pid proves that nothing ran. The file is emptied beforehand, so that the
 * one of an earlier run proves nothing.
 *
 * A failed runtime's message may still be in the pipe when its end is noticed, so the streams are
 * drained first, and FAILED follows their closing (session-streams.c). */

static HfRuntimeAction
get_action(const HfOptions *o)
{
    if (o->is_exec)
        return HF_RUNTIME_EXEC;
    return o->restore_dir != NULL ? HF_RUNTIME_RESTORE : HF_RUNTIME_CREATE;
}

static char **
make_argv(HfSession *self)
{
    const HfOptions *o = self->options;
    HfRuntimeRequest request = {
        .action = get_action(o),
        .runtime = o->runtime,
        .container_id = o->container_id,
        .bundle = o->bundle,
        .pid_file = o->container_pid_file,
        .process_spec = o->exec_process_spec,
        .checkpoint_dir = o->restore_dir,
        .global_args = (const char *const *)o->runtime_args,
        .action_opts = (const char *const *)o->runtime_opts,
        .use_systemd_cgroup = o->use_systemd_cgroup,
        .no_pivot = o->no_pivot,
        .no_new_keyring = o->no_new_keyring,
    };

    if (self->console_socket != NULL)
        request.console_socket = hf_console_socket_get_path(self->console_socket);
    return hf_runtime_argv_new(&request);
}

static void
empty_pid_file(const char *path)
{
    hf_autofd fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        (void)!ftruncate(fd, 0);
}

static void
fail(HfSession *self, GError *error)
{
    self->failure = error;
    hf_session_end_hold(self);
    if (self->pump != NULL) {
        hf_session_release_streams(self);
        hf_stdio_pump_set_paused(self->pump, false);
        hf_stdio_pump_drain(self->pump);
    } else {
        hf_session_dispatch(self, HF_EVENT_FAILED);
    }
}

static gboolean
check_runtime_status(HfSession *self, int wait_status, bool is_known, GError **error)
{
    const char *runtime = self->options->runtime;

    if (!is_known)
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "the status of %s could not be learnt",
                        runtime);
    if (WIFSIGNALED(wait_status))
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s was killed by signal %d", runtime,
                        WTERMSIG(wait_status));
    if (WEXITSTATUS(wait_status) != 0)
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s ended with status %d", runtime,
                        WEXITSTATUS(wait_status));
    return TRUE;
}

/* What the runtime left, judged as the comment at the top says. */
static gboolean
check_result(HfSession *self, int wait_status, bool is_known, GError **error)
{
    const HfOptions *o = self->options;
    g_autoptr(GError) status_error = NULL;
    g_autoptr(GError) file_error = NULL;
    bool is_status_ok = check_runtime_status(self, wait_status, is_known, &status_error);
    bool has_pid = hf_pid_file_read(o->container_pid_file, &self->pid, &file_error);

    if (!is_status_ok && (!o->is_exec || !has_pid)) {
        g_propagate_error(error, g_steal_pointer(&status_error));
        return FALSE;
    }
    if (!has_pid) {
        g_propagate_prefixed_error(error, g_steal_pointer(&file_error),
                                   "the runtime ended and left no container: ");
        return FALSE;
    }
    if (o->has_terminal && self->terminal_fd < 0)
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED,
                        "%s ended without sending a console for the terminal", o->runtime);
    return TRUE;
}

/* A process that was made but cannot be watched as asked is not left behind. */
static void
kill_orphan(HfSession *self)
{
    g_autoptr(HfProcessRef) process = NULL;

    if (self->pid > 0)
        process = hf_process_ref_new(self->pid, NULL);
    if (process != NULL)
        (void)!hf_process_ref_signal(process, SIGKILL, NULL);
}

static void
on_runtime_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfSession *self = user_data;
    g_autoptr(GError) error = NULL;

    self->runtime_pid = 0;
    if (self->console_socket != NULL)
        hf_console_socket_poll(self->console_socket);
    if (check_result(self, wait_status, is_known, &error)) {
        g_clear_pointer(&self->console_socket, hf_console_socket_free);
        hf_session_dispatch(self, HF_EVENT_RUNTIME_DONE);
        return;
    }
    kill_orphan(self);
    fail(self, g_steal_pointer(&error));
}

static void
run(HfSession *self)
{
    g_auto(GStrv) argv = make_argv(self);
    HfSpawnOptions spawn = {
        .argv = (const char *const *)argv,
        .stdin_fd = self->container_stdio.fds[STDIN_FILENO],
        .stdout_fd = self->container_stdio.fds[STDOUT_FILENO],
        .stderr_fd = self->container_stdio.fds[STDERR_FILENO],
        .die_with_parent = true,
        .listen_pid = self->options->replace_listen_pid ? HF_SPAWN_LISTEN_PID_REPLACE
                                                        : HF_SPAWN_LISTEN_PID_HAND_ON,
        .oom_score_adj = self->owner->oom_score_adj,
    };
    GError *error = NULL;

    hf_parent_pipes_close(self->owner->parent, HF_PARENT_START);
    empty_pid_file(self->options->container_pid_file);
    hf_session_note_streams(self);
    self->runtime_errors = hf_error_text_new();
    self->runtime_pid = hf_spawn(&spawn, &error);
    hf_session_close_container_stdio(self);
    if (self->is_passthrough)
        (void)!hf_fd_null_standard_streams(NULL);
    if (self->runtime_pid < 0) {
        self->runtime_pid = 0;
        hf_session_take_failure(self, error);
        return;
    }
    self->has_run_runtime = true;
    hf_reaper_watch(self->owner->reaper, self->runtime_pid, on_runtime_exited, self);
}

void
hf_session_run_runtime(HfSession *self)
{
    if (self->options->seccomp_socket != NULL && !self->options->is_exec)
        hf_session_start_seccomp(self, run);
    else
        run(self);
}
