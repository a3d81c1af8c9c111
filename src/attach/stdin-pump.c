/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * Bytes are written at once when none wait before them; what the descriptor does not take waits in
 * a byte FIFO, and a source watches the descriptor for as long as something does. There may be no
 * descriptor yet: then everything waits.
 *
 *   OPEN     bytes are taken
 *   CLOSING  no more are taken; the descriptor is closed when the last one is written
 *   CLOSED   so it was
 *   BROKEN   the container closed its end: what waited is lost, the descriptor is closed at once,
 *            and on_broken follows from the main loop, because a push comes from a caller that is
 *            busy with its clients
 *
 * A terminal that nobody has open is not broken: it can be opened again (an init that writes to its
 * console now and then, a getty), and the kernel keeps what it has room for until then. But poll(2)
 * reports a hang-up all the while, so with its room used up the descriptor would be ready for ever
 * and take nothing. The pump looks again after a rest instead. */

#include <glib.h>

#include "attach/byte-fifo.h"
#include "attach/stdin-pump.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"

#define REST_MS 500

typedef enum {
    PUMP_OPEN,
    PUMP_CLOSING,
    PUMP_CLOSED,
    PUMP_BROKEN,
} PumpState;

struct HfStdinPump {
    GMainContext *context;           /* borrowed */
    const HfStdinHandlers *handlers; /* borrowed */
    gpointer user_data;
    size_t limit_bytes;
    HfByteFifo waiting;
    GSource *source; /* the descriptor is writable, or a rest is over, or on_broken is due */
    GError *failure; /* BROKEN: why */
    int fd;          /* -1: not there yet, or closed */
    bool is_full;    /* as last told */
    PumpState state;
};

HfStdinPump *
hf_stdin_pump_new(GMainContext *context, size_t limit_bytes, const HfStdinHandlers *handlers,
                  gpointer user_data)
{
    HfStdinPump *self = g_new0(HfStdinPump, 1);

    self->context = context;
    self->limit_bytes = limit_bytes;
    self->handlers = handlers;
    self->user_data = user_data;
    self->fd = -1;
    return self;
}

void
hf_stdin_pump_free(HfStdinPump *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
    hf_byte_fifo_clear(&self->waiting);
    g_clear_error(&self->failure);
    g_free(self);
}

static void
update_pressure(HfStdinPump *self)
{
    bool is_full = self->waiting.length >= self->limit_bytes;

    if (is_full == self->is_full)
        return;
    self->is_full = is_full;
    self->handlers->on_pressure(self->user_data);
}

static gboolean
on_broken_due(gpointer user_data)
{
    HfStdinPump *self = user_data;

    hf_source_clear(&self->source);
    self->handlers->on_broken(self->failure, self->user_data);
    return G_SOURCE_REMOVE;
}

static void
break_down(HfStdinPump *self, GError *take_failure)
{
    self->state = PUMP_BROKEN;
    self->failure = take_failure;
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
    hf_byte_fifo_clear(&self->waiting);
    self->source = hf_source_after(self->context, 0, HF_PRIORITY_INPUT, "stdin-pump broken",
                                   on_broken_due, self);
}

/* One write. Returns how many of the bytes it took off our hands: all if none can be written any
 * more. */
static size_t
write_once(HfStdinPump *self, const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    size_t written = 0;

    switch (hf_io_write(self->fd, bytes, length, &written, &error)) {
    case HF_IO_DATA:
        return written;
    case HF_IO_AGAIN:
        return 0;
    case HF_IO_EOF:
        hf_throw(&error, HF_ERROR_FAILED, "the container closed its standard input");
        break;
    case HF_IO_FAILED:
        g_prefix_error(&error, "the container's standard input: ");
        break;
    }
    break_down(self, g_steal_pointer(&error));
    return length;
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer user_data);

/* Brings the source, the descriptor and the pressure in line with what waits. */
static void
settle(HfStdinPump *self)
{
    bool is_waiting = self->waiting.length > 0;

    if (self->fd >= 0 && !is_waiting)
        hf_source_clear(&self->source);
    else if (self->fd >= 0 && self->source == NULL)
        self->source = hf_source_watch_fd(self->context, self->fd, G_IO_OUT, HF_PRIORITY_INPUT,
                                          "stdin-pump", on_writable, self);
    if (self->state == PUMP_CLOSING && self->fd >= 0 && !is_waiting) {
        self->state = PUMP_CLOSED;
        hf_close_fd(&self->fd);
    }
    update_pressure(self);
}

/* FALSE if nothing was taken. */
static bool
write_waiting(HfStdinPump *self)
{
    const char *bytes = hf_byte_fifo_peek(&self->waiting);
    size_t gone = write_once(self, bytes, self->waiting.length);

    if (self->state != PUMP_BROKEN)
        hf_byte_fifo_drop(&self->waiting, gone);
    settle(self);
    return gone > 0;
}

static gboolean
on_rest_over(gpointer user_data)
{
    HfStdinPump *self = user_data;

    hf_source_clear(&self->source);
    (void)write_waiting(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    HfStdinPump *self = user_data;

    if (!write_waiting(self) && (condition & G_IO_HUP) != 0) {
        hf_source_clear(&self->source);
        self->source = hf_source_after(self->context, REST_MS, HF_PRIORITY_INPUT, "stdin-pump rest",
                                       on_rest_over, self);
    }
    return G_SOURCE_CONTINUE;
}

void
hf_stdin_pump_take_fd(HfStdinPump *self, int fd)
{
    g_autoptr(GError) error = NULL;

    if (self->fd >= 0 || self->state == PUMP_CLOSED || self->state == PUMP_BROKEN) {
        hf_close_fd(&fd);
        g_return_if_reached();
    }
    self->fd = fd;
    if (!hf_fd_set_nonblocking(fd, true, &error)) {
        break_down(self, g_steal_pointer(&error));
        update_pressure(self);
    } else if (self->waiting.length > 0) {
        (void)write_waiting(self);
    } else {
        settle(self);
    }
}

void
hf_stdin_pump_push(HfStdinPump *self, const char *bytes, size_t length)
{
    size_t gone = 0;

    if (self->state != PUMP_OPEN || length == 0)
        return;
    if (self->fd >= 0 && self->waiting.length == 0)
        gone = write_once(self, bytes, length);
    hf_byte_fifo_append(&self->waiting, bytes + gone, length - gone);
    settle(self);
}

void
hf_stdin_pump_close(HfStdinPump *self)
{
    if (self->state != PUMP_OPEN)
        return;
    self->state = PUMP_CLOSING;
    settle(self);
}

bool
hf_stdin_pump_is_full(const HfStdinPump *self)
{
    return self->is_full;
}

void
hf_stdin_pump_save(const HfStdinPump *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "fd", self->fd);
    hf_state_put_number(writer, "state", self->state);
    hf_state_put_bool(writer, "is-full", self->is_full);
    hf_state_put_bytes(writer, "waiting", hf_byte_fifo_peek(&self->waiting), self->waiting.length);
    /* on_broken is still due. */
    if (self->state == PUMP_BROKEN && self->source != NULL)
        hf_state_put_text(writer, "failure", self->failure->message);
}

void
hf_stdin_pump_restore(HfStdinPump *self, HfStateReader *reader)
{
    const char *failure = hf_state_get_text(reader, "failure");
    size_t length = 0;
    const char *waiting = hf_state_get_bytes(reader, "waiting", &length);

    self->fd = hf_state_take_fd(reader, "fd");
    self->state =
        (PumpState)hf_state_get_number(reader, "state", PUMP_OPEN, PUMP_BROKEN, PUMP_BROKEN);
    self->is_full = hf_state_get_bool(reader, "is-full");
    hf_byte_fifo_append(&self->waiting, waiting, length);
    if (failure != NULL) {
        hf_throw(&self->failure, HF_ERROR_FAILED, "%s", failure);
        self->source = hf_source_after(self->context, 0, HF_PRIORITY_INPUT, "stdin-pump broken",
                                       on_broken_due, self);
    } else if (self->fd >= 0 && length > 0) {
        self->source = hf_source_watch_fd(self->context, self->fd, G_IO_OUT, HF_PRIORITY_INPUT,
                                          "stdin-pump", on_writable, self);
    }
}
