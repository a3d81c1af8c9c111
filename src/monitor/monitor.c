/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/source.h"
#include "monitor/adoption-dir.h"
#include "monitor/daemonize.h"
#include "monitor/monitor-private.h"
#include "monitor/oom-score.h"
#include "monitor/options-check.h"
#include "monitor/process-dir.h"
#include "monitor/session.h"
#include "sandbox/probe.h"

/* How this works.
 *
 * Signals are blocked from the beginning and read from descriptors, so that none is lost before the
 * loop runs and none interrupts anything. SIGPIPE and SIGUSR1 are ignored: a peer that leaves is
 * seen by the write that fails, and systemd may be told to end a scope with SIGPIPE (CRI-O does
 * that). Children get everything back to the defaults in runtime/spawn.c.
 *
 * The engine moves the first process to its cgroup before it releases the start, so nothing may be
 * forked before that. */

static void
on_session_finished(gpointer user_data)
{
    HfMonitor *self = user_data;

    self->is_finished = true;
}

static void
on_upgrade_wanted(gpointer user_data)
{
    HfMonitor *self = user_data;
    static const char reason[] = "this program does not know where it is installed";

    if (self->upgrade != NULL) {
        hf_upgrade_request(self->upgrade);
        return;
    }
    hf_diag(HF_DIAG_ERROR, "no upgrade: %s", reason);
    hf_monitor_note_upgrade(self, reason);
}

static void
on_savable(gpointer user_data)
{
    HfMonitor *self = user_data;

    if (self->upgrade != NULL)
        hf_upgrade_look(self->upgrade);
}

static gboolean
on_signal(int fd, GIOCondition condition, gpointer user_data)
{
    HfMonitor *self = user_data;
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR2)
            on_upgrade_wanted(self);
        else if ((int)info.ssi_signo == hf_probe_get_signal())
            hf_session_probe_sandbox(self->session);
        else
            hf_session_signal(self->session, (int)info.ssi_signo);
    }
    return G_SOURCE_CONTINUE;
}

gboolean
hf_monitor_set_up_signals(HfMonitor *self, GError **error)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGQUIT);
    sigaddset(&mask, SIGUSR2);
    if (hf_probe_get_signal() != 0)
        sigaddset(&mask, hf_probe_get_signal());
    self->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&mask, SIGCHLD);
    if (self->signal_fd < 0 || sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGUSR1, &ignore, NULL) < 0 ||
        sigaction(SIGXFSZ, &ignore, NULL) < 0)
        return hf_throw_errno(error, "set up signals");
    return TRUE;
}

/* The pipes that the environment names are not among what is closed before the exit files. */
static void
forget_parent_pipes(HfMonitor *self)
{
    for (int pipe = 0; pipe < HF_PARENT_PIPE_COUNT; pipe++) {
        int pipe_fd = hf_parent_pipes_get_fd(self->parent, (HfParentPipe)pipe);

        for (guint i = self->inherited_fds->len; i > 0; i--) {
            if (g_array_index(self->inherited_fds, int, i - 1) == pipe_fd)
                g_array_remove_index(self->inherited_fds, i - 1);
        }
    }
}

static gboolean
set_up_parent(HfMonitor *self, GError **error)
{
    self->parent = hf_parent_pipes_new(error);
    if (self->parent == NULL)
        return FALSE;
    forget_parent_pipes(self);
    if (self->options->is_exec_attach && hf_parent_pipes_get_fd(self->parent, HF_PARENT_ATTACH) < 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "--attach specified but _OCI_ATTACHPIPE was not");
    return TRUE;
}

static bool
is_adopting(const HfMonitor *self)
{
    return self->options->adopt_dir != NULL;
}

/* Before anything is made: another monitor may have the directory, or had it. */
static gboolean
set_up_process_dir(HfMonitor *self, GError **error)
{
    HfProcessDir *dir;

    if (self->options->process_dir == NULL)
        return TRUE;
    dir = self->process_dir = is_adopting(self)
                                  ? hf_process_dir_new_left(self->options->process_dir, error)
                                  : hf_process_dir_new(self->options->process_dir, error);
    if (dir == NULL || !(is_adopting(self) ? hf_process_dir_check_unfinished(dir, error)
                                           : hf_process_dir_check_unused(dir, error)))
        return FALSE;
    return hf_process_dir_take_messages(dir, error) && hf_process_dir_hold_exit(dir, error) &&
           hf_options_check(self->options, error);
}

static gboolean
set_up_adoption_dir(HfMonitor *self, GError **error)
{
    const HfOptions *o = self->options;

    if (self->process_dir != NULL)
        self->adoption_dir = o->is_adoptable || is_adopting(self) ? self->process_dir : NULL;
    else if (is_adopting(self))
        self->adoption_dir = hf_process_dir_new_left(o->adopt_dir, error);
    else if (o->is_adoptable)
        self->adoption_dir = hf_adoption_dir_make(o, error);
    else
        return TRUE;
    return self->process_dir != NULL || self->adoption_dir != NULL;
}

void
hf_monitor_set_up_owner(HfMonitor *self)
{
    self->session_owner = (HfSessionOwner){
        .context = self->context,
        .reaper = self->reaper,
        .parent = self->parent,
        .oom_score_adj = self->oom_score_adj,
        .process_dir = self->process_dir,
        .adoption_dir = self->adoption_dir,
        .inherited_fds = self->inherited_fds,
        .on_finished = on_session_finished,
        .on_savable = on_savable,
        .on_upgrade_wanted = on_upgrade_wanted,
        .user_data = self,
    };
}

static gboolean
set_up_session(HfMonitor *self, GError **error)
{
    hf_monitor_set_up_owner(self);
    self->session = hf_session_new(self->options, &self->session_owner, error);
    if (self->session == NULL)
        return FALSE;
    return !is_adopting(self) || hf_session_prepare_adoption(self->session, error);
}

/* What goes wrong before the start is said on stderr by main; an engine that reads its sync pipe
 * instead gets it there too. */
static void
tell_early_failure(HfMonitor *self, const GError *error)
{
    if (self->parent != NULL)
        hf_parent_pipes_tell(self->parent, HF_PARENT_SYNC, hf_options_get_sync_key(self->options),
                             -1, error->message, strlen(error->message));
}

HfMonitor *
hf_monitor_new(HfOptions *options, GArray *inherited_fds, GError **error)
{
    g_autoptr(HfMonitor) self = g_new0(HfMonitor, 1);
    GError *failure = NULL;

    self->options = options;
    self->inherited_fds = inherited_fds;
    self->signal_fd = -1;
    self->context = g_main_context_new();
    (void)umask(0022);
    if (hf_monitor_set_up_signals(self, &failure) && set_up_parent(self, &failure) &&
        set_up_process_dir(self, &failure) && set_up_adoption_dir(self, &failure) &&
        (self->reaper = hf_reaper_new(self->context, &failure)) != NULL &&
        set_up_session(self, &failure) &&
        (hf_parent_pipes_get_fd(self->parent, HF_PARENT_START) < 0 ||
         hf_parent_pipes_wait_start(self->parent, self->signal_fd, &failure)))
        return g_steal_pointer(&self);
    tell_early_failure(self, failure);
    if (self->adoption_dir != self->process_dir && self->adoption_dir != NULL && !is_adopting(self))
        hf_adoption_dir_remove(self->adoption_dir);
    /* Messages go to the directory for as long as the monitor has it. */
    if (self->process_dir != NULL && hf_process_dir_has_messages(self->process_dir))
        hf_diag(HF_DIAG_ERROR, "not started: %s", failure->message);
    g_propagate_error(error, failure);
    return NULL;
}

void
hf_monitor_free(HfMonitor *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->signal_source);
    hf_upgrade_free(self->upgrade);
    hf_session_free(self->session);
    hf_reaper_free(self->reaper);
    hf_parent_pipes_free(self->parent);
    hf_close_fd(&self->signal_fd);
    g_array_unref(self->inherited_fds);
    g_free(self->oom_score_adj);
    g_main_context_unref(self->context);
    if (self->adoption_dir != self->process_dir)
        hf_process_dir_free(self->adoption_dir);
    /* Last: its end is what others wait for. */
    hf_process_dir_free(self->process_dir);
    g_free(self);
}

static gboolean
note_monitor(const HfProcessDir *dir, GError **error)
{
    return dir == NULL || hf_process_dir_write_monitor(dir, error);
}

/* The engine waits for the end of its pipes to us, of which these three may be some. With
 * passthrough the runtime has to get them first. */
static gboolean
leave_engine(HfMonitor *self, GError **error)
{
    const HfOptions *o = self->options;

    if (!o->is_sync && !hf_daemonize(o->monitor_pid_file, error))
        return FALSE;
    (void)setsid();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return hf_throw_errno(error, "become a subreaper");
    self->oom_score_adj = hf_oom_score_lower();
    self->session_owner.oom_score_adj = self->oom_score_adj;
    if (!note_monitor(self->adoption_dir != NULL ? self->adoption_dir : self->process_dir, error))
        return FALSE;
    if (hf_options_has_log_driver(o, HF_LOG_DRIVER_PASSTHROUGH))
        return TRUE;
    return hf_fd_null_standard_streams(error);
}

int
hf_monitor_run(HfMonitor *self)
{
    g_autoptr(GError) error = NULL;

    if (!self->is_resumed && !leave_engine(self, &error)) {
        tell_early_failure(self, error);
        hf_diag_take_error(HF_DIAG_ERROR, &error, "leave the engine");
        return 1;
    }
    self->signal_source = hf_source_watch_fd(self->context, self->signal_fd, G_IO_IN,
                                             HF_PRIORITY_CHILD, "signals", on_signal, self);
    if (self->is_resumed) {
        hf_session_resume_sandbox(self->session);
        hf_memory_trim();
    } else if (is_adopting(self)) {
        hf_session_adopt(self->session);
    } else {
        hf_session_start(self->session);
    }
    while (!self->is_finished)
        (void)g_main_context_iteration(self->context, TRUE);
    return hf_session_get_exit_status(self->session) & 0xff;
}
