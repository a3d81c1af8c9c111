/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/source.h"
#include "monitor/session-private.h"
#include "runtime/spawn.h"

/* How this works.
 *
 * Whatever happens to a session becomes an event, and the table in session-state.c says what
 * follows. An action may lead to the next event at once (a process that was gone before it was
 * watched), so dispatch can be entered from within itself; the state is changed before the first
 * action is performed, and of the actions of one transition those that can bring another event come
 * last. */

static void watch_process(HfSession *self);

static void
signal_runtime(HfSession *self)
{
    if (self->runtime_pid > 0 && kill(self->runtime_pid, self->last_signal) < 0)
        hf_diag(HF_DIAG_WARNING, "pass signal %d on to the runtime: %s", self->last_signal,
                g_strerror(errno));
}

static void
signal_process(HfSession *self)
{
    g_autoptr(GError) error = NULL;

    if (self->process != NULL && !hf_process_ref_signal(self->process, self->last_signal, &error))
        hf_diag_take_error(HF_DIAG_INFO, &error, "pass signal %d on", self->last_signal);
}

static void
kill_process(HfSession *self)
{
    g_autoptr(GError) error = NULL;

    self->has_timed_out = true;
    hf_diag(HF_DIAG_INFO, "timed out after %d s", self->options->timeout_s);
    if (self->process != NULL && !hf_process_ref_kill_group(self->process, &error))
        hf_diag_take_error(HF_DIAG_WARNING, &error, "kill the process that timed out");
}

static void
finish(HfSession *self)
{
    self->owner->on_finished(self->owner->user_data);
}

static void (*const performers[HF_ACTION_COUNT])(HfSession *self) = {
    hf_session_run_runtime,
    signal_runtime,
    watch_process,
    signal_process,
    kill_process,
    hf_session_drain,
    hf_session_flush,
    hf_session_tell_failure,
    hf_session_tell_exit,
    hf_session_schedule_exit_command,
    hf_session_skip_exit_delay,
    finish,
};

void
hf_session_dispatch(HfSession *self, HfEvent event)
{
    HfTransition transition = hf_session_state_next(self->state, event);

    hf_diag(HF_DIAG_DEBUG, "%s: %s -> %s", hf_event_to_string(event),
            hf_state_to_string(self->state), hf_state_to_string(transition.next));
    bool is_savable_changed = transition.next != self->state;
    self->state = transition.next;
    for (int i = 0; i < HF_ACTION_COUNT; i++) {
        if ((transition.actions & (1u << i)) != 0)
            performers[i](self);
    }
    if (is_savable_changed && self->owner->on_savable != NULL)
        self->owner->on_savable(self->owner->user_data);
}

void
hf_session_take_failure(HfSession *self, GError *error)
{
    if (self->failure == NULL)
        self->failure = error;
    else
        g_error_free(error);
    hf_session_dispatch(self, HF_EVENT_FAILED);
}

static gboolean
on_deadline(gpointer user_data)
{
    HfSession *self = user_data;

    hf_source_clear(&self->deadline_source);
    hf_session_dispatch(self, HF_EVENT_DEADLINE);
    return G_SOURCE_REMOVE;
}

void
hf_session_set_deadline(HfSession *self, guint delay_ms)
{
    hf_source_clear(&self->deadline_source);
    if (delay_ms > 0)
        self->deadline_source = hf_source_after(self->owner->context, delay_ms, HF_PRIORITY_CHILD,
                                                "deadline", on_deadline, self);
}

void
hf_session_on_oom(guint64 kills, gpointer user_data)
{
    HfSession *self = user_data;
    g_autoptr(GError) error = NULL;

    hf_diag(HF_DIAG_INFO, "the OOM killer took %" G_GUINT64_FORMAT " processes", kills);
    if (!hf_exit_report_oom(&self->places, &error))
        hf_diag_take_error(HF_DIAG_ERROR, &error, "OOM mark");
    hf_session_note_oom(self, kills);
}

void
hf_session_on_process_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfSession *self = user_data;

    if (is_known && WIFEXITED(wait_status))
        self->exit_status = WEXITSTATUS(wait_status);
    else if (is_known && WIFSIGNALED(wait_status))
        self->exit_status = 128 + WTERMSIG(wait_status);
    else
        hf_diag(HF_DIAG_WARNING, "the exit status of process %d could not be learnt", (int)pid);
    if (self->has_timed_out)
        self->exit_status = -1;
    hf_session_note_ending(self);
    hf_session_dispatch(self, HF_EVENT_PROCESS_EXITED);
}

static void
watch_for_oom(HfSession *self)
{
    g_autoptr(GError) error = NULL;

    self->oom_watch =
        hf_oom_watch_new(self->owner->context, self->pid, hf_session_on_oom, self, &error);
    if (self->oom_watch == NULL)
        hf_diag_take_error(HF_DIAG_INFO, &error, "no watch for OOM kills");
}

/* The engine waits for the pid, so it is told first. An exec without --api-version is told of its
 * exit status only. A container's sync pipe has then served; an exec's has the status to come. */
void
hf_session_tell_pid(HfSession *self)
{
    const HfOptions *o = self->options;

    if (o->has_api_version || !o->is_exec)
        hf_parent_pipes_tell(self->owner->parent, HF_PARENT_SYNC, hf_options_get_sync_key(o),
                             (int)self->pid, NULL, 0);
    if (!o->is_exec)
        hf_parent_pipes_close(self->owner->parent, HF_PARENT_SYNC);
}

static void
watch_process(HfSession *self)
{
    if (self->options->adopt_dir != NULL) {
        hf_session_watch_adopted(self);
        return;
    }
    hf_session_note_process(self);
    hf_session_note_adoptable_process(self);
    /* Before the engine knows the pid, and can let the process run. */
    self->process = hf_process_ref_new(self->pid, NULL);
    if (self->process != NULL && !self->options->is_exec)
        watch_for_oom(self);
    /* Nothing of a process that the engine knows of is in this program's memory alone. */
    hf_session_release_stderr(self);
    hf_session_tell_pid(self);
    hf_session_note_watch(self);
    hf_session_limit_hold(self);
    if (self->options->timeout_s > 0)
        hf_session_set_deadline(self, (guint)self->options->timeout_s * 1000);
    hf_reaper_watch(self->owner->reaper, self->pid, hf_session_on_process_exited, self);
    hf_reaper_forget_strangers(self->owner->reaper);
    hf_session_confine(self);
    /* From here on the monitor mostly waits: give back what the start needed. */
    hf_memory_trim();
}

HfSession *
hf_session_make(const HfOptions *options, const HfSessionOwner *owner)
{
    HfSession *self = g_new0(HfSession, 1);

    self->options = options;
    self->owner = owner;
    self->places = (HfExitPlaces){
        .persist_dir = options->persist_dir,
        .exit_dir = options->exit_dir,
        .bundle = owner->process_dir == NULL ? options->bundle : NULL,
        .container_id = options->container_id,
    };
    self->state = HF_STATE_WAITING;
    self->is_passthrough = hf_options_has_log_driver(options, HF_LOG_DRIVER_PASSTHROUGH);
    self->bundle_fd = -1;
    self->terminal_fd = -1;
    self->terminal_peer_fd = -1;
    self->is_output_held = options->hold_output_s > 0 && options->adopt_dir == NULL;
    self->held_output_fd = -1;
    self->exit_status = -1;
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        self->outputs[i].held_fd = -1;
    for (size_t i = 0; i < G_N_ELEMENTS(self->container_stdio.fds); i++)
        self->container_stdio.fds[i] = HF_SPAWN_NULL;
    return self;
}

HfSession *
hf_session_new(const HfOptions *options, const HfSessionOwner *owner, GError **error)
{
    g_autoptr(HfSession) self = hf_session_make(options, owner);

    if (!hf_session_open_bundle(self, error) || !hf_session_open_logs(self, NULL, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
hf_session_free(HfSession *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->start_source);
    hf_source_clear(&self->deadline_source);
    hf_source_clear(&self->exit_delay_source);
    hf_source_clear(&self->log_look_source);
    hf_source_clear(&self->hold_source);
    hf_session_close_endpoints(self);
    hf_session_close_stdio(self);
    g_clear_pointer(&self->seccomp, hf_seccomp_child_free);
    g_free(self->seccomp_record);
    g_clear_pointer(&self->attach, hf_attach_server_free);
    g_clear_pointer(&self->pump, hf_stdio_pump_free);
    g_clear_pointer(&self->stdin_pump, hf_stdin_pump_free);
    g_clear_pointer(&self->log, hf_log_router_free);
    g_clear_pointer(&self->journal, hf_crash_journal_free);
    g_clear_pointer(&self->log_compressor, hf_log_compressor_free);
    g_clear_pointer(&self->oom_watch, hf_oom_watch_free);
    g_clear_pointer(&self->process, hf_process_ref_free);
    g_clear_pointer(&self->runtime_errors, hf_error_text_free);
    g_clear_error(&self->failure);
    if (self->held_stderr != NULL)
        g_string_free(self->held_stderr, TRUE);
    hf_session_close_container_stdio(self);
    hf_close_fd(&self->terminal_fd);
    hf_close_fd(&self->terminal_peer_fd);
    hf_close_fd(&self->held_output_fd);
    hf_streams_file_clear(&self->streams);
    hf_close_fd(&self->bundle_fd);
    hf_sandbox_free(self->sandbox);
    g_free(self);
}

static gboolean
on_start_byte(int fd, GIOCondition condition, gpointer user_data)
{
    HfSession *self = user_data;
    g_autoptr(GError) error = NULL;

    hf_source_clear(&self->start_source);
    if (hf_parent_pipes_take_start(self->owner->parent, &error))
        hf_session_dispatch(self, HF_EVENT_START_RELEASED);
    else
        hf_session_take_failure(self, g_steal_pointer(&error));
    return G_SOURCE_REMOVE;
}

void
hf_session_start(HfSession *self)
{
    HfParentPipes *parent = self->owner->parent;
    int start_fd = hf_parent_pipes_get_fd(parent, HF_PARENT_START);
    GError *error = NULL;

    if (!hf_session_make_streams(self, &error) || !hf_session_make_endpoints(self, &error)) {
        hf_session_take_failure(self, error);
        return;
    }
    if (!self->options->is_exec_attach) {
        hf_session_dispatch(self, HF_EVENT_START_RELEASED);
        return;
    }
    hf_parent_pipes_tell(parent, HF_PARENT_ATTACH, HF_SYNC_KEY_DATA, 0, NULL, 0);
    self->has_told_attach = true;
    if (start_fd < 0)
        hf_session_dispatch(self, HF_EVENT_START_RELEASED);
    else
        self->start_source =
            hf_source_watch_fd(self->owner->context, start_fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                               HF_PRIORITY_CONTROL, "start pipe", on_start_byte, self);
}

void
hf_session_signal(HfSession *self, int signal_number)
{
    self->last_signal = signal_number;
    if (self->state == HF_STATE_WAITING)
        (void)!hf_throw(&self->failure, HF_ERROR_FAILED, "ended by signal %d before the start",
                        signal_number);
    hf_session_dispatch(self, HF_EVENT_SIGNAL);
}

int
hf_session_get_exit_status(const HfSession *self)
{
    /* containerd takes another status than 0 for a shim that has not done its work; the container's
     * is in the process directory. */
    if (self->owner->process_dir != NULL)
        return self->failure != NULL || self->has_report_failed ? 1 : 0;
    /* Who reads this status only must not take a report that nobody can read for a success. */
    if (self->failure != NULL || (self->has_report_failed && self->exit_status == 0))
        return 1;
    return self->exit_status;
}
