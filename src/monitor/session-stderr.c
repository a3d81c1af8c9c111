/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The runtime has the container's stdout and stderr, so what comes on stderr while it runs may be
 * its own error message or the first words of an exec'd process. It is held until the runtime has
 * ended: then it is the container's, or the failure's text. More than HELD_MAX of it is handed on
 * early (an exec that prints much, a runtime that prints a megabyte), and the failure's text is the
 * beginning and end of it. A terminal's container never has this pipe: there it is the runtime's
 * alone. */

#include <string.h>

#include "monitor/session-private.h"

#define HELD_MAX (64 * 1024)
#define HELD_MAX_FOR_CLIENT (1024 * 1024)

/* What was read goes nowhere yet. */
static void
forget_read(HfSession *self, size_t length)
{
    if (self->journal == NULL)
        return;
    hf_crash_journal_begin(self->journal, length);
    hf_crash_journal_end(self->journal, self->log);
}

/* Through the journal like a read, so that it has counted all that a log counts. */
static void
hand_on_held(HfSession *self, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t n = length;

        if (self->journal != NULL)
            memcpy(hf_crash_journal_prepare(self->journal, HF_STREAM_STDERR, &n), bytes, n);
        hf_session_hand_on_read(self, HF_STREAM_STDERR, bytes, n);
        bytes += n;
        length -= n;
    }
}

void
hf_session_hand_on_stderr(HfSession *self)
{
    GString *held = g_steal_pointer(&self->held_stderr);

    if (held == NULL)
        return;
    hand_on_held(self, held->str, held->len);
    g_string_free(held, TRUE);
}

void
hf_session_release_stderr(HfSession *self)
{
    g_clear_pointer(&self->runtime_errors, hf_error_text_free);
    if (self->options->has_terminal && self->pump != NULL)
        hf_stdio_pump_take_stream(self->pump, HF_STREAM_STDERR, -1, false);
    if (self->is_output_held)
        hf_session_update_pause(self);
    else
        hf_session_hand_on_stderr(self);
}

void
hf_session_hold_stderr(HfSession *self, const char *bytes, size_t length)
{
    hf_error_text_push(self->runtime_errors, bytes, length);
    if (self->held_stderr == NULL && !self->options->has_terminal) {
        hf_session_hand_on_read(self, HF_STREAM_STDERR, bytes, length);
        return;
    }
    if (self->held_stderr != NULL)
        g_string_append_len(self->held_stderr, bytes, (gssize)length);
    forget_read(self, length);
    if (self->held_stderr != NULL &&
        self->held_stderr->len > (self->is_output_held ? HELD_MAX_FOR_CLIENT : HELD_MAX))
        hf_session_hand_on_stderr(self);
}
