/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/fd.h"
#include "base/source.h"
#include "monitor/session-private.h"

/* How this works.
 *
 * Whoever runs an exec and attaches to it comes after its first words, and maybe after its last.
 * With --hold-output nothing of them is taken before the first attach client is there, or the time
 * is over that begins when the process is known.
 *
 * stdout is kept from the pump, so that it stays in its pipe and the process waits when that is
 * full. stderr is read while the runtime runs, because it may be the runtime's own, and waits in
 * memory (session-streams.c); then the pump pauses.
 *
 * A process that has ended meanwhile is drained when the hold is over, and not before. Its exit
 * status is told after that, so it can be late by the whole time of the hold. */

void
hf_session_take_output(HfSession *self, int take_fd, bool is_terminal)
{
    if (!self->is_output_held) {
        hf_stdio_pump_take_stream(self->pump, HF_STREAM_STDOUT, take_fd, is_terminal);
        return;
    }
    hf_close_fd(&self->held_output_fd);
    self->held_output_fd = take_fd;
}

static gboolean
on_hold_over(gpointer user_data)
{
    HfSession *self = user_data;

    hf_diag(HF_DIAG_INFO, "nobody attached within %d s", self->options->hold_output_s);
    hf_session_end_hold(self);
    return G_SOURCE_REMOVE;
}

void
hf_session_resume_hold(HfSession *self, guint left_ms)
{
    if (self->is_output_held && self->hold_source == NULL)
        self->hold_source = hf_source_after(self->owner->context, left_ms, HF_PRIORITY_CONTROL,
                                            "output hold", on_hold_over, self);
}

void
hf_session_limit_hold(HfSession *self)
{
    hf_session_resume_hold(self, (guint)self->options->hold_output_s * 1000);
}

void
hf_session_end_hold(HfSession *self)
{
    if (!self->is_output_held)
        return;
    self->is_output_held = false;
    hf_source_clear(&self->hold_source);
    if (self->held_output_fd >= 0)
        hf_stdio_pump_take_stream(self->pump, HF_STREAM_STDOUT, hf_steal_fd(&self->held_output_fd),
                                  self->options->has_terminal);
    if (self->runtime_errors == NULL)
        hf_session_hand_on_stderr(self);
    hf_session_update_pause(self);
    if (self->is_drain_held)
        hf_session_begin_drain(self);
}
