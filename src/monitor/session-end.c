/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/source.h"
#include "monitor/log-sync.h"
#include "monitor/session-private.h"
#include "runtime/spawn.h"

/* How this works.
 *
 *   drain       what is in the pipes goes to log and clients           deadline DRAIN_MS
 *   flush       log to disk, clients' queues to clients                deadline FLUSH_MS
 *   tell exit   close what was inherited, persist/exit, exit-dir/ID, sync pipe, link
 *   exit command after its delay
 *
 * The order is conmon's; engines rely on each step of it (docs/compat-conmon.md). The deadlines
 * bound when the exit files appear: a client that reads slowly goes on being served after them,
 * until its queue is empty or it takes nothing for --attach-timeout, and the monitor stays for it.
 * It does so too for a log that is slow (a journal under load), until that has taken nothing for
 * LOG_STALL_MS. */

#define DRAIN_MS 3000
#define FLUSH_MS 1500
/* How often a log that could not be written at once is looked at while flushing. */
#define LOG_LOOK_MS 20
#define LOG_STALL_MS 10000

void
hf_session_drain(HfSession *self)
{
    g_autoptr(GError) error = NULL;

    if (self->oom_watch != NULL && !hf_oom_watch_check(self->oom_watch, &error))
        hf_diag_take_error(HF_DIAG_DEBUG, &error, "last look for OOM kills");
    g_clear_pointer(&self->oom_watch, hf_oom_watch_free);
    g_clear_pointer(&self->stdin_reader, hf_fifo_reader_free);
    g_clear_pointer(&self->stdin_pump, hf_stdin_pump_free);
    hf_session_release_streams(self);
    if (self->attach != NULL) {
        /* The end of a child is handled before a client that connected earlier is accepted; what is
         * read from here on is for him too. */
        hf_attach_server_accept_waiting(self->attach);
        hf_attach_server_set_input_paused(self->attach, false);
    }
    hf_session_set_deadline(self, 0);
    hf_session_update_pause(self);
    self->is_drain_held = self->is_output_held;
    if (!self->is_drain_held)
        hf_session_begin_drain(self);
}

void
hf_session_begin_drain(HfSession *self)
{
    self->is_drain_held = false;
    hf_session_set_deadline(self, DRAIN_MS);
    if (self->pump != NULL)
        hf_stdio_pump_drain(self->pump);
    else
        hf_session_dispatch(self, HF_EVENT_STREAMS_CLOSED);
}

/* Attach clients and the readers of FIFOs. */
static bool
are_readers_served(const HfSession *self)
{
    return self->are_clients_gone && hf_session_is_stdio_finished(self);
}

static void
check_flushed(HfSession *self)
{
    if (self->is_log_synced && are_readers_served(self))
        hf_session_dispatch(self, HF_EVENT_FLUSHED);
}

static void
check_settled(HfSession *self)
{
    if (self->is_exit_command_over && are_readers_served(self) && !self->is_log_left)
        hf_session_dispatch(self, HF_EVENT_SETTLED);
}

static void
on_reader_served(HfSession *self)
{
    if (self->state == HF_STATE_FLUSHING)
        check_flushed(self);
    else
        check_settled(self);
}

void
hf_session_on_clients_gone(HfSession *self)
{
    self->are_clients_gone = true;
    on_reader_served(self);
}

void
hf_session_on_stdio_finished(HfSession *self)
{
    on_reader_served(self);
}

static void
on_log_synced(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfSession *self = user_data;

    self->is_log_synced = true;
    check_flushed(self);
}

static void
start_sync(HfSession *self)
{
    g_autoptr(GArray) fds = hf_log_router_get_sync_fds(self->log);
    g_autoptr(GError) error = NULL;

    if (self->options->no_sync_log || fds->len == 0) {
        self->is_log_synced = true;
        return;
    }
    pid_t pid = hf_log_sync_start(fds, &error);
    if (pid < 0) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "sync the log");
        self->is_log_synced = true;
        return;
    }
    hf_reaper_watch_child(self->owner->reaper, pid, on_log_synced, self);
}

static void close_log(HfSession *self);

/* There is something left, and since the flush it became less, lately. */
static bool
is_log_moving(HfSession *self)
{
    size_t left = hf_log_router_get_pending(self->log);
    gint64 now_us = g_get_monotonic_time();

    if (left < self->log_left)
        self->log_moved_us = now_us;
    self->log_left = left;
    return left > 0 && self->log_moved_us > 0 &&
           now_us - self->log_moved_us < LOG_STALL_MS * G_TIME_SPAN_MILLISECOND;
}

static gboolean
on_log_look(gpointer user_data)
{
    HfSession *self = user_data;
    bool is_moving = is_log_moving(self);

    if (self->state == HF_STATE_FLUSHING ? self->log_left > 0 : is_moving)
        return G_SOURCE_CONTINUE;
    hf_source_clear(&self->log_look_source);
    if (self->state == HF_STATE_FLUSHING) {
        start_sync(self);
        check_flushed(self);
    } else {
        close_log(self);
        check_settled(self);
    }
    return G_SOURCE_REMOVE;
}

/* A log that takes no more now (a full disk, a busy journal) is waited for, up to the deadline. */
static void
sync_log(HfSession *self)
{
    self->log_left = hf_log_router_get_pending(self->log);
    if (self->log_left == 0)
        start_sync(self);
    else
        self->log_look_source = hf_source_after(self->owner->context, LOG_LOOK_MS,
                                                HF_PRIORITY_OUTPUT, "log look", on_log_look, self);
}

/* Clients are let go only after the attach socket's name is gone, so that who sees his connection
 * end does not find a socket that nobody answers. */
static void
finish_clients(HfSession *self)
{
    hf_session_unlink_attach(self);
    if (self->attach != NULL)
        hf_attach_server_finish(self->attach);
    else
        self->are_clients_gone = true;
}

void
hf_session_flush(HfSession *self)
{
    if (self->pump != NULL) {
        /* Nothing is left unless the deadline came: then one log that takes no more (a journal that
         * does not answer) held up what the others can still have. */
        hf_stdio_pump_drain_now(self->pump);
        hf_stdio_pump_close(self->pump);
    }
    hf_session_flush_partial(self);
    hf_session_set_deadline(self, FLUSH_MS);
    finish_clients(self);
    hf_session_finish_stdio(self);
    sync_log(self);
    check_flushed(self);
}

/* Ports that the engine reserved, and pipes on which it waits for the end of the container. */
static void
close_inherited(HfSession *self)
{
    const GArray *fds = self->owner->inherited_fds;

    for (guint i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);

        hf_close_fd(&fd);
    }
}

static void
leave_parent(HfSession *self)
{
    hf_parent_pipes_close(self->owner->parent, HF_PARENT_SYNC);
    hf_parent_pipes_close(self->owner->parent, HF_PARENT_ATTACH);
    hf_parent_pipes_close(self->owner->parent, HF_PARENT_START);
}

void
hf_session_tell_failure(HfSession *self)
{
    HfParentPipes *parent = self->owner->parent;
    g_autofree char *printed = NULL;
    size_t length = 0;

    if (self->runtime_errors != NULL)
        printed = hf_error_text_get(self->runtime_errors, &length);
    if (self->owner->process_dir == NULL)
        hf_diag(HF_DIAG_ERROR, "%s", self->failure->message);
    else
        hf_session_note_failure(self, printed);
    /* The runtime's own words if there are any: engines look for phrases in them. */
    const char *text = length > 0 ? printed : self->failure->message;
    length = length > 0 ? length : strlen(text);
    hf_parent_pipes_tell(parent, HF_PARENT_SYNC, hf_options_get_sync_key(self->options), -1, text,
                         length);
    if (!self->has_told_attach)
        hf_parent_pipes_tell(parent, HF_PARENT_ATTACH, HF_SYNC_KEY_DATA, -1, text, length);

    hf_session_unlink_attach(self);
    hf_session_unlink_fifos(self);
    hf_session_close_endpoints(self);
    g_clear_pointer(&self->attach, hf_attach_server_free);
    if (self->pump != NULL)
        hf_stdio_pump_close(self->pump);
    self->are_clients_gone = true;
    hf_session_close_stdio(self);
    close_inherited(self);
    leave_parent(self);
}

static void
tell_exec_status(HfSession *self)
{
    static const char timed_out[] = "command timed out";
    const char *text = self->has_timed_out ? timed_out : NULL;

    if (self->options->is_exec)
        hf_parent_pipes_tell(self->owner->parent, HF_PARENT_SYNC,
                             hf_options_get_sync_key(self->options), self->exit_status, text,
                             text != NULL ? strlen(text) : 0);
}

static void
close_log(HfSession *self)
{
    size_t lost = hf_log_router_get_pending(self->log);

    self->is_log_left = false;
    hf_source_clear(&self->log_look_source);
    if (lost > 0)
        hf_diag(HF_DIAG_ERROR, "the last %zu bytes of the log could not be written", lost);
    g_clear_pointer(&self->log, hf_log_router_free);
    g_clear_pointer(&self->log_compressor, hf_log_compressor_free);
}

void
hf_session_tell_exit(HfSession *self)
{
    g_autoptr(GError) error = NULL;

    hf_session_set_deadline(self, 0);
    /* While terminal and log are there for the last commands. */
    g_clear_pointer(&self->ctl, hf_control_fifo_end);
    g_clear_pointer(&self->winsz, hf_control_fifo_end);
    g_clear_pointer(&self->control, hf_control_fifo_end);
    close_inherited(self);
    hf_close_fd(&self->terminal_fd);
    hf_close_fd(&self->terminal_peer_fd);
    /* One that took nothing in all of FLUSHING is given up. */
    self->is_log_left = is_log_moving(self);
    if (!self->is_log_left)
        close_log(self);
    if (!hf_exit_report_write(&self->places, self->exit_status, &error)) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "exit status");
        self->has_report_failed = true;
    }
    hf_session_note_exit(self, self->exit_status);
    tell_exec_status(self);
    hf_session_close_endpoints(self);
    leave_parent(self);
}

static void
end_exit_command(HfSession *self)
{
    hf_session_leave_adoption_dir(self);
    self->is_exit_command_over = true;
    check_settled(self);
}

static void
on_exit_command_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfSession *self = user_data;

    if (is_known && WIFSIGNALED(wait_status))
        hf_diag(HF_DIAG_WARNING, "the exit command was killed by signal %d", WTERMSIG(wait_status));
    else if (is_known && WEXITSTATUS(wait_status) != 0)
        hf_diag(HF_DIAG_WARNING, "the exit command ended with status %d", WEXITSTATUS(wait_status));
    end_exit_command(self);
}

static char **
make_exit_argv(const HfOptions *o)
{
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();

    g_strv_builder_add(argv, o->exit_command);
    if (o->exit_command_args != NULL)
        g_strv_builder_addv(argv, (const char **)o->exit_command_args);
    return g_strv_builder_end(argv);
}

static void
run_exit_command(HfSession *self)
{
    g_auto(GStrv) argv = make_exit_argv(self->options);
    HfSpawnOptions spawn = {
        .argv = (const char *const *)argv,
        .stdin_fd = HF_SPAWN_NULL,
        .stdout_fd = HF_SPAWN_NULL,
        .stderr_fd = HF_SPAWN_NULL,
        .close_others = true,
        .oom_score_adj = self->owner->oom_score_adj,
        .core_limit = self->sandbox != NULL ? hf_sandbox_get_core_limit(self->sandbox) : NULL,
    };
    g_autoptr(GError) error = NULL;

    /* An exit command may restart the container, whose new monitor is its child and must not become
     * ours when the command ends. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    hf_session_leave_adoption_dir(self);
    pid_t pid = hf_spawn(&spawn, &error);
    if (pid < 0) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "exit command");
        end_exit_command(self);
        return;
    }
    hf_reaper_watch(self->owner->reaper, pid, on_exit_command_exited, self);
}

static gboolean
on_exit_delay_over(gpointer user_data)
{
    HfSession *self = user_data;

    hf_source_clear(&self->exit_delay_source);
    run_exit_command(self);
    return G_SOURCE_REMOVE;
}

void
hf_session_schedule_exit_command(HfSession *self)
{
    const HfOptions *o = self->options;

    if (o->exit_command == NULL || self->is_exit_command_skipped) {
        end_exit_command(self);
        return;
    }
    if (o->exit_delay_s <= 0) {
        run_exit_command(self);
        return;
    }
    self->exit_delay_source =
        hf_source_after(self->owner->context, (guint)o->exit_delay_s * 1000, HF_PRIORITY_CONTROL,
                        "exit delay", on_exit_delay_over, self);
    hf_memory_trim();
}

void
hf_session_skip_exit_delay(HfSession *self)
{
    if (self->exit_delay_source != NULL)
        (void)on_exit_delay_over(self);
}
