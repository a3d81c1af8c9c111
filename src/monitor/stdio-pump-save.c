/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a stream that rests, or waits for its terminal to be opened, is watched at once
 * by the pump that goes on with it, which costs one read. The timers begin anew, as if much had
 * just come: the pause is told a little later, and large pipes are given back. */

#include "monitor/stdio-pump-private.h"

static void
save_channel(const HfStdioChannel *channel, HfStateWriter *writer)
{
    if (channel->fd < 0)
        return;
    hf_state_begin(writer, hf_stream_to_string(channel->stream));
    hf_state_put_fd(writer, "fd", channel->fd);
    hf_state_put_bool(writer, "is-terminal", channel->is_terminal);
    hf_state_end(writer);
}

void
hf_stdio_pump_save(const HfStdioPump *self, HfStateWriter *writer)
{
    g_return_if_fail(!self->is_draining);

    hf_state_put_bool(writer, "is-paused", self->is_paused);
    hf_state_put_number(writer, "read-size", (gint64)self->read_size);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        const HfStdioChannel *channel = &self->channels[i];

        save_channel(channel, writer);
        /* Also of a stream that is held up and so not here. */
        if (channel->is_inside_line)
            hf_state_put_bool(
                writer, i == HF_STREAM_STDERR ? "stderr-inside-line" : "stdout-inside-line", true);
    }
}

static void
restore_channel(HfStdioPump *self, HfStream stream, HfStateReader *reader)
{
    int fd = hf_state_take_needed_fd(reader, "fd");

    hf_stdio_pump_take_stream(self, stream, fd, hf_state_get_bool(reader, "is-terminal"));
}

void
hf_stdio_pump_restore(HfStdioPump *self, HfStateReader *reader)
{
    self->is_paused = hf_state_get_bool(reader, "is-paused");
    self->read_size = (size_t)hf_state_get_number(reader, "read-size", HF_STDIO_PUMP_READ_MIN,
                                                  HF_STDIO_PUMP_READ_MAX, HF_STDIO_PUMP_READ_MIN);
    self->channels[HF_STREAM_STDOUT].is_inside_line =
        hf_state_get_bool(reader, "stdout-inside-line");
    self->channels[HF_STREAM_STDERR].is_inside_line =
        hf_state_get_bool(reader, "stderr-inside-line");
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        HfStateReader *channel = hf_state_open(reader, hf_stream_to_string((HfStream)i));

        if (channel != NULL)
            restore_channel(self, (HfStream)i, channel);
    }
    hf_stdio_pump_arm_timers(self, G_MAXSIZE);
}
