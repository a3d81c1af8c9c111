/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "monitor/session-private.h"

/* How this works.
 *
 * --stdin-path, --stdout-path and --stderr-path name FIFOs of clients (attach/fifo-reader.c,
 * fifo-writer.c). Output goes there as to a log that may not lose anything: while a FIFO is full
 * its stream is not read, and the container's writes to it wait. The other stream goes on, or a
 * client that reads one FIFO to its end before the other would wait for ever.
 *
 * A stream is held up by taking it out of the pump. Its descriptor is kept here a second time,
 * because the pump closes what it gives up.
 *
 * When the process has ended nothing is held up: what is in the pipes is read and waits in memory
 * for the clients, who have all of it or take nothing for STDIO_STALL_MS. The exit status is on
 * disk before that, but `exit` does not hang up until it is over.
 *
 * Input ends with the last client of the FIFO, as it does with an attach client that closes its
 * side, unless --leave-stdin-open; and with a line on `control`. A terminal's never ends. */

#define STDIO_STALL_MS (10 * 1000)

static void
hold_stream(HfStdioOutput *output)
{
    HfSession *self = output->session;
    bool is_draining = self->state >= HF_STATE_DRAINING || self->failure != NULL;

    if (output->is_held || output->held_fd < 0 || is_draining)
        return;
    output->is_held = true;
    hf_stdio_pump_take_stream(self->pump, output->stream, -1, false);
}

static void
release_stream(HfStdioOutput *output)
{
    HfSession *self = output->session;

    if (!output->is_held)
        return;
    int fd = fcntl(output->held_fd, F_DUPFD_CLOEXEC, 3);
    /* No descriptor is left for it: what is kept here is the last that can be given away. */
    if (fd < 0)
        fd = hf_steal_fd(&output->held_fd);
    output->is_held = false;
    hf_stdio_pump_take_stream(self->pump, output->stream, fd, self->options->has_terminal);
}

static void
on_output_congestion(gpointer user_data)
{
    HfStdioOutput *output = user_data;

    if (hf_fifo_writer_is_congested(output->writer))
        hold_stream(output);
    else
        release_stream(output);
}

static void
on_output_failed(const GError *error, gpointer user_data)
{
    HfStdioOutput *output = user_data;

    hf_diag(HF_DIAG_ERROR, "%s to '%s': %s", hf_stream_to_string(output->stream), output->path,
            error->message);
}

static void
on_output_finished(gpointer user_data)
{
    HfStdioOutput *output = user_data;
    size_t lost = hf_fifo_writer_get_pending(output->writer);

    if (lost > 0)
        hf_diag(HF_DIAG_ERROR, "the last %zu bytes of %s were not read from '%s'", lost,
                hf_stream_to_string(output->stream), output->path);
    output->is_finished = true;
    hf_session_on_stdio_finished(output->session);
}

const HfFifoWriterHandlers hf_session_writer_handlers = {on_output_congestion, on_output_failed,
                                                         on_output_finished};

static void
on_stdin_bytes(const char *bytes, size_t length, gpointer user_data)
{
    HfSession *self = user_data;

    hf_stdin_pump_push(self->stdin_pump, bytes, length);
}

static void
on_stdin_end(gpointer user_data)
{
    HfSession *self = user_data;

    if (!self->options->has_terminal &&
        (!self->options->leave_stdin_open || self->is_stdin_closing))
        hf_stdin_pump_close(self->stdin_pump);
}

const HfFifoReaderHandlers hf_session_reader_handlers = {on_stdin_bytes, on_stdin_end};

static gboolean
open_output(HfSession *self, HfStream stream, const char *path, GError **error)
{
    HfStdioOutput *output = &self->outputs[stream];

    output->session = self;
    output->stream = stream;
    output->path = path;
    if (path == NULL)
        return TRUE;
    output->writer =
        hf_fifo_writer_new(self->owner->context, path, &hf_session_writer_handlers, output, error);
    return output->writer != NULL;
}

gboolean
hf_session_open_stdio(HfSession *self, GError **error)
{
    const HfOptions *o = self->options;
    bool stays_open = o->leave_stdin_open || o->has_terminal;

    if (!open_output(self, HF_STREAM_STDOUT, o->stdout_path, error) ||
        !open_output(self, HF_STREAM_STDERR, o->has_terminal ? NULL : o->stderr_path, error))
        return FALSE;
    /* An adopter has a stdin only if it has a terminal. */
    if (o->stdin_path == NULL || (o->adopt_dir != NULL && self->stdin_pump == NULL))
        return TRUE;
    self->stdin_reader = hf_fifo_reader_new(self->owner->context, o->stdin_path, stays_open,
                                            &hf_session_reader_handlers, self, error);
    return self->stdin_reader != NULL;
}

bool
hf_session_has_stdio(const HfSession *self)
{
    return self->outputs[HF_STREAM_STDOUT].writer != NULL ||
           self->outputs[HF_STREAM_STDERR].writer != NULL;
}

void
hf_session_write_stdio(HfSession *self, HfStream stream, const char *bytes, size_t length)
{
    if (self->outputs[stream].writer != NULL)
        hf_fifo_writer_push(self->outputs[stream].writer, bytes, length);
}

void
hf_session_prepare_hold(HfSession *self, HfStream stream, int fd)
{
    HfStdioOutput *output = &self->outputs[stream];

    /* Without it a full FIFO makes memory grow, for want of a way to hold the stream up. */
    if (output->writer != NULL && fd >= 0)
        output->held_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void
hf_session_release_streams(HfSession *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        release_stream(&self->outputs[i]);
}

void
hf_session_finish_stdio(HfSession *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->outputs[i].writer != NULL)
            hf_fifo_writer_finish(self->outputs[i].writer, STDIO_STALL_MS);
        hf_close_fd(&self->outputs[i].held_fd);
    }
}

bool
hf_session_is_stdio_finished(const HfSession *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->outputs[i].writer != NULL && !self->outputs[i].is_finished)
            return false;
    }
    return true;
}

void
hf_session_close_stdio(HfSession *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        g_clear_pointer(&self->outputs[i].writer, hf_fifo_writer_free);
        hf_close_fd(&self->outputs[i].held_fd);
    }
    g_clear_pointer(&self->stdin_reader, hf_fifo_reader_free);
}

void
hf_session_set_stdin_paused(HfSession *self, bool is_paused)
{
    if (self->stdin_reader != NULL)
        hf_fifo_reader_set_paused(self->stdin_reader, is_paused);
}

void
hf_session_close_stdin(HfSession *self)
{
    self->is_stdin_closing = true;
    if (self->stdin_pump == NULL || self->options->has_terminal)
        return;
    if (self->stdin_reader != NULL)
        hf_fifo_reader_finish(self->stdin_reader);
    else
        hf_stdin_pump_close(self->stdin_pump);
}
