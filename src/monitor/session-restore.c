/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "monitor/session-private.h"

/* How this works: the counterpart of session-save.c. Objects are made around descriptors that are
 * open already, and nothing is read, written, created or told, so that a state that turns out to be
 * wrong can still be given back to the program it came from.
 *
 * The process may have ended meanwhile. SIGCHLD was blocked and is pending, and its pidfd is
 * readable: the first round of the loop finds it. */

static void
restore_process(HfSession *self, HfStateReader *reader)
{
    HfStateReader *process = hf_state_open_needed(reader, "process");
    HfStateReader *oom = hf_state_open(reader, "oom");
    int deadline_ms = hf_state_get_timer_ms(process, "deadline");

    self->has_run_runtime = true;
    self->process = hf_process_ref_new_saved(process);
    self->has_timed_out = hf_state_get_bool(process, "has-timed-out");
    self->last_signal = (int)hf_state_get_number(process, "last-signal", 0, 64, 0);
    if (deadline_ms >= 0)
        hf_session_set_deadline(self, (guint)MAX(deadline_ms, 1));
    if (oom != NULL)
        self->oom_watch =
            hf_oom_watch_new_saved(self->owner->context, oom, hf_session_on_oom, self);
    if (self->process == NULL)
        return;
    self->pid = hf_process_ref_get_pid(self->process);
    hf_reaper_watch_ref(self->owner->reaper, self->process, hf_session_on_process_exited, self);
    hf_reaper_forget_strangers(self->owner->reaper);
}

static HfControlFifo *
restore_fifo(HfSession *self, HfStateReader *reader, const char *name, HfControlLineFunc on_line)
{
    HfStateReader *fifo = hf_state_open(reader, name);

    return fifo != NULL ? hf_control_fifo_new_saved(self->owner->context, fifo, on_line, self)
                        : NULL;
}

static void
restore_endpoints(HfSession *self, HfStateReader *reader)
{
    GMainContext *context = self->owner->context;
    HfAttachLimits limits = hf_session_get_attach_limits(self);
    HfStateReader *attach = hf_state_open(reader, "attach");
    HfStateReader *notify = hf_state_open(reader, "notify");

    self->bundle_fd = hf_state_take_fd(reader, "bundle");
    self->socket_link = g_strdup(hf_state_get_text(reader, "socket-link"));
    self->has_told_attach = hf_state_get_bool(reader, "has-told-attach");
    self->ctl = restore_fifo(self, reader, "ctl", hf_session_on_ctl_line);
    self->winsz = restore_fifo(self, reader, "winsz", hf_session_on_winsz_line);
    self->control = restore_fifo(self, reader, "control", hf_session_on_control_line);
    if (attach != NULL)
        self->attach =
            hf_attach_server_new_saved(context, attach, &limits, &hf_session_attach_handlers, self);
    if (notify != NULL)
        self->notify = hf_notify_relay_new_saved(context, notify, self->options->sdnotify_socket);
}

static void
restore_terminal(HfSession *self, HfStateReader *reader)
{
    HfStateReader *terminal = hf_state_open_needed(reader, "terminal");

    self->terminal_fd = hf_state_take_fd(terminal, "main");
    self->terminal_peer_fd = hf_state_take_fd(terminal, "peer");
    self->has_size = hf_state_get_bool(terminal, "has-size");
    self->rows = (unsigned short)hf_state_get_number(terminal, "rows", 0, G_MAXUINT16, 0);
    self->columns = (unsigned short)hf_state_get_number(terminal, "columns", 0, G_MAXUINT16, 0);
}

static void
restore_output(HfSession *self, HfStream stream, HfStateReader *reader)
{
    HfStdioOutput *output = &self->outputs[stream];
    const HfOptions *o = self->options;

    output->session = self;
    output->stream = stream;
    output->path = stream == HF_STREAM_STDERR ? o->stderr_path : o->stdout_path;
    if (reader == NULL)
        return;
    output->writer =
        hf_fifo_writer_new_saved(self->owner->context, reader, &hf_session_writer_handlers, output);
    output->held_fd = hf_state_take_fd(reader, "held");
    output->is_held = output->held_fd >= 0 && hf_state_get_bool(reader, "is-held");
}

static void
restore_stdio(HfSession *self, HfStateReader *reader)
{
    HfStateReader *input = hf_state_open(reader, "stdin-fifo");

    restore_output(self, HF_STREAM_STDOUT, hf_state_open(reader, "stdout-fifo"));
    restore_output(self, HF_STREAM_STDERR, hf_state_open(reader, "stderr-fifo"));
    self->is_stdin_closing = hf_state_get_bool(reader, "is-stdin-closing");
    if (input != NULL)
        self->stdin_reader = hf_fifo_reader_new_saved(self->owner->context, input,
                                                      &hf_session_reader_handlers, self);
}

static void
restore_hold(HfSession *self, HfStateReader *reader)
{
    HfStateReader *hold = hf_state_open(reader, "hold");
    size_t length = 0;
    const char *held;

    self->is_output_held = hold != NULL;
    if (hold == NULL)
        return;
    self->held_output_fd = hf_state_take_fd(hold, "stdout");
    held = hf_state_get_bytes(hold, "stderr", &length);
    if (length > 0)
        self->held_stderr = g_string_new_len(held, (gssize)length);
    hf_session_resume_hold(self, (guint)MAX(hf_state_get_timer_ms(hold, "end"), 0));
}

static gboolean
restore_log(HfSession *self, HfStateReader *reader, GError **error)
{
    HfStateReader *log = hf_state_open_needed(reader, "log");
    HfStateReader *compressor = hf_state_open(reader, "log-compressor");

    if (!hf_session_open_logs(self, log, error))
        return FALSE;
    hf_log_router_restore(self->log, log);
    /* It is of another make, and begins anew with the half lines that were restored. */
    if (self->journal != NULL && !hf_crash_journal_is_left(self->journal)) {
        hf_crash_journal_begin(self->journal, 0);
        hf_crash_journal_end(self->journal, self->log);
    }
    if (compressor == NULL)
        return TRUE;
    self->log_compressor =
        hf_log_compressor_new(self->owner->reaper, (guint)self->options->log_files_max);
    hf_log_compressor_restore(self->log_compressor, compressor);
    return TRUE;
}

static void
restore_streams(HfSession *self, HfStateReader *reader)
{
    GMainContext *context = self->owner->context;
    HfStateReader *output = hf_state_open(reader, "output");
    HfStateReader *input = hf_state_open(reader, "input");

    if (output != NULL) {
        self->pump = hf_stdio_pump_new(context, &hf_session_stdio_handlers, self);
        hf_stdio_pump_set_journal(self->pump, self->journal);
        hf_stdio_pump_restore(self->pump, output);
    }
    if (input != NULL) {
        self->stdin_pump =
            hf_stdin_pump_new(context, HF_SESSION_STDIN_LIMIT, &hf_session_stdin_handlers, self);
        hf_stdin_pump_restore(self->stdin_pump, input);
    }
}

HfSession *
hf_session_new_saved(const HfOptions *options, const HfSessionOwner *owner, HfStateReader *reader,
                     GError **error)
{
    HfSession *self = hf_session_make(options, owner);
    HfStateReader *adoption = hf_state_open_needed(reader, "adoption");

    self->state = HF_STATE_RUNNING;
    self->streams.has_terminal = hf_state_get_bool(adoption, "has-terminal");
    self->streams.is_terminal_lost = hf_state_get_bool(adoption, "is-terminal-lost");
    /* On failure nothing of it may be let go of: the program ends, or becomes another. */
    if (!restore_log(self, reader, error))
        return NULL;
    restore_endpoints(self, reader);
    restore_terminal(self, reader);
    restore_streams(self, reader);
    restore_stdio(self, reader);
    restore_hold(self, reader);
    restore_process(self, reader);
    hf_session_restore_seccomp(self, reader);
    hf_session_restore_sandbox(self, reader);
    return self;
}
