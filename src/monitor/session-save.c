/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "monitor/session-private.h"

/* How this works: everything that session-restore.c cannot make from the command line is put, each
 * part in a dictionary of its own. Only a process that runs and is watched is saved: what belongs
 * to the start and to the end does not exist then, and is not asked for. docs/upgrade.md lists the
 * names. */

HfSessionSavable
hf_session_get_savable(const HfSession *self)
{
    if (self->state > HF_STATE_RUNNING || self->failure != NULL)
        return HF_SESSION_ENDING;
    return self->state == HF_STATE_RUNNING && self->process != NULL ? HF_SESSION_SAVABLE
                                                                    : HF_SESSION_NOT_YET;
}

static void
save_process(const HfSession *self, HfStateWriter *writer)
{
    hf_state_begin(writer, "process");
    hf_process_ref_save(self->process, writer);
    hf_state_put_bool(writer, "has-timed-out", self->has_timed_out);
    hf_state_put_number(writer, "last-signal", self->last_signal);
    hf_state_put_timer(writer, "deadline", self->deadline_source);
    hf_state_end(writer);
    if (self->oom_watch == NULL)
        return;
    hf_state_begin(writer, "oom");
    hf_oom_watch_save(self->oom_watch, writer);
    hf_state_end(writer);
}

static void
save_fifo(const HfControlFifo *fifo, const char *name, HfStateWriter *writer)
{
    if (fifo == NULL)
        return;
    hf_state_begin(writer, name);
    hf_control_fifo_save(fifo, writer);
    hf_state_end(writer);
}

static void
save_endpoints(HfSession *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "bundle", self->bundle_fd);
    hf_state_put_text(writer, "socket-link", self->socket_link);
    hf_state_put_bool(writer, "has-told-attach", self->has_told_attach);
    save_fifo(self->ctl, "ctl", writer);
    save_fifo(self->winsz, "winsz", writer);
    save_fifo(self->control, "control", writer);
    if (self->attach != NULL) {
        hf_state_begin(writer, "attach");
        hf_attach_server_save(self->attach, writer);
        hf_state_end(writer);
    }
    if (self->notify != NULL) {
        hf_state_begin(writer, "notify");
        hf_notify_relay_save(self->notify, writer);
        hf_state_end(writer);
    }
}

static void
save_terminal(const HfSession *self, HfStateWriter *writer)
{
    hf_state_begin(writer, "terminal");
    hf_state_put_fd(writer, "main", self->terminal_fd);
    hf_state_put_fd(writer, "peer", self->terminal_peer_fd);
    hf_state_put_bool(writer, "has-size", self->has_size);
    hf_state_put_number(writer, "rows", self->rows);
    hf_state_put_number(writer, "columns", self->columns);
    hf_state_end(writer);
}

static void
save_output(const HfStdioOutput *output, HfStateWriter *writer)
{
    if (output->writer == NULL)
        return;
    hf_state_begin(writer, output->stream == HF_STREAM_STDERR ? "stderr-fifo" : "stdout-fifo");
    hf_fifo_writer_save(output->writer, writer);
    hf_state_put_fd(writer, "held", output->held_fd);
    hf_state_put_bool(writer, "is-held", output->is_held);
    hf_state_end(writer);
}

static void
save_stdio(const HfSession *self, HfStateWriter *writer)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        save_output(&self->outputs[i], writer);
    if (self->stdin_reader != NULL) {
        hf_state_begin(writer, "stdin-fifo");
        hf_fifo_reader_save(self->stdin_reader, writer);
        hf_state_end(writer);
    }
    hf_state_put_bool(writer, "is-stdin-closing", self->is_stdin_closing);
}

static void
save_hold(const HfSession *self, HfStateWriter *writer)
{
    if (!self->is_output_held)
        return;
    hf_state_begin(writer, "hold");
    hf_state_put_fd(writer, "stdout", self->held_output_fd);
    hf_state_put_timer(writer, "end", self->hold_source);
    if (self->held_stderr != NULL)
        hf_state_put_bytes(writer, "stderr", self->held_stderr->str, self->held_stderr->len);
    hf_state_end(writer);
}

static void
save_streams(const HfSession *self, HfStateWriter *writer)
{
    if (self->pump != NULL) {
        hf_state_begin(writer, "output");
        hf_stdio_pump_save(self->pump, writer);
        hf_state_end(writer);
    }
    if (self->stdin_pump != NULL) {
        hf_state_begin(writer, "input");
        hf_stdin_pump_save(self->stdin_pump, writer);
        hf_state_end(writer);
    }
    hf_state_begin(writer, "log");
    hf_log_router_save(self->log, writer);
    hf_state_end(writer);
    if (self->log_compressor != NULL) {
        hf_state_begin(writer, "log-compressor");
        hf_log_compressor_save(self->log_compressor, writer);
        hf_state_end(writer);
    }
}

static void
save_adoption(const HfSession *self, HfStateWriter *writer)
{
    hf_state_begin(writer, "adoption");
    hf_state_put_bool(writer, "has-terminal", self->streams.has_terminal);
    hf_state_put_bool(writer, "is-terminal-lost", self->streams.is_terminal_lost);
    hf_state_end(writer);
}

void
hf_session_save(HfSession *self, HfStateWriter *writer)
{
    g_return_if_fail(hf_session_get_savable(self) == HF_SESSION_SAVABLE);

    save_process(self, writer);
    save_endpoints(self, writer);
    save_terminal(self, writer);
    save_streams(self, writer);
    save_stdio(self, writer);
    save_hold(self, writer);
    save_adoption(self, writer);
    hf_session_save_seccomp(self, writer);
    hf_session_save_sandbox(self, writer);
}
