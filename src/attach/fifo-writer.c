/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A FIFO is opened for reading and writing at once (fifo(7)): that needs no reader, a client that
 * leaves is no EPIPE, and what it has not read waits in the FIFO for the next one. What the FIFO
 * does not take waits in a byte FIFO here, and a source watches the descriptor while it does.
 *
 *   OPEN       bytes are taken
 *   FINISHING  no more will come; what waits here is written
 *   LINGERING  nothing waits here. The kernel throws the FIFO's bytes away with its last
 * descriptor, so ours stays open until a client has it open too, or has emptied it FINISHED   so it
 * was, or nobody took anything for the time allowed FAILED     a file that cannot be written to
 *
 * In LINGERING the descriptor is exchanged for one that only writes: with our own read side gone,
 * poll(2) tells by POLLERR whether somebody else has the FIFO open for reading. POLLERR stays for
 * as long as nobody has, which a source would be woken by all the time, so a timer looks instead;
 * it exists only then.
 *
 * Progress is what leaves this buffer or the FIFO; each restarts the time that is allowed. */

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/byte-fifo.h"
#include "attach/fifo-writer.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"

#define LOOK_MS 20

typedef enum {
    WRITER_OPEN,
    WRITER_FINISHING,
    WRITER_LINGERING,
    WRITER_FINISHED,
    WRITER_FAILED,
} WriterState;

struct HfFifoWriter {
    GMainContext *context;                /* borrowed */
    const HfFifoWriterHandlers *handlers; /* borrowed */
    gpointer user_data;
    HfByteFifo waiting;
    GSource *write_source; /* while something waits */
    GSource *look_source;  /* after finish() */
    gint64 progress_us;    /* when something was last taken */
    guint stall_ms;
    size_t seen_in_fifo; /* what was left in the FIFO at the last look */
    int fd;
    bool is_fifo;
    bool sees_readers; /* the descriptor is one that only writes */
    bool is_congested; /* as last told */
    WriterState state;
};

static int
open_path(const char *path, bool *out_is_fifo, GError **error)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return hf_throw_errno(error, "open '%s'", path), -1;
    bool is_fifo = S_ISFIFO(status.st_mode);
    int mode = is_fifo ? O_RDWR : O_WRONLY | O_APPEND;
    hf_autofd fd = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return hf_throw_errno(error, "open '%s'", path), -1;
    /* With its read side open by chance only, a FIFO would end with its first reader. */
    if (S_ISFIFO(status.st_mode) != is_fifo)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' changed while it was opened", path),
               -1;
    *out_is_fifo = is_fifo;
    return hf_steal_fd(&fd);
}

HfFifoWriter *
hf_fifo_writer_new(GMainContext *context, const char *path, const HfFifoWriterHandlers *handlers,
                   gpointer user_data, GError **error)
{
    HfFifoWriter *self;
    bool is_fifo = false;
    int fd;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    fd = open_path(path, &is_fifo, error);
    if (fd < 0)
        return NULL;
    self = g_new0(HfFifoWriter, 1);
    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->fd = fd;
    self->is_fifo = is_fifo;
    return self;
}

void
hf_fifo_writer_free(HfFifoWriter *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->write_source);
    hf_source_clear(&self->look_source);
    hf_close_fd(&self->fd);
    hf_byte_fifo_clear(&self->waiting);
    g_free(self);
}

static void
update_congestion(HfFifoWriter *self)
{
    bool is_congested = self->waiting.length > 0;

    if (is_congested == self->is_congested)
        return;
    self->is_congested = is_congested;
    self->handlers->on_congestion(self->user_data);
}

static void
fail(HfFifoWriter *self, const GError *error)
{
    self->state = WRITER_FAILED;
    hf_source_clear(&self->write_source);
    hf_byte_fifo_clear(&self->waiting);
    self->handlers->on_failed(error, self->user_data);
}

/* One write. Returns how many of the bytes are off our hands. */
static size_t
write_once(HfFifoWriter *self, const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    size_t written = 0;

    switch (hf_io_write(self->fd, bytes, length, &written, &error)) {
    case HF_IO_DATA:
        self->progress_us = g_get_monotonic_time();
        return written;
    case HF_IO_AGAIN:
        return 0;
    case HF_IO_EOF:
        hf_throw(&error, HF_ERROR_FAILED, "the other side is closed");
        break;
    case HF_IO_FAILED:
        break;
    }
    fail(self, error);
    return length;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    HfFifoWriter *self = user_data;
    size_t gone = write_once(self, hf_byte_fifo_peek(&self->waiting), self->waiting.length);

    if (self->state != WRITER_FAILED)
        hf_byte_fifo_drop(&self->waiting, gone);
    if (self->waiting.length == 0)
        hf_source_clear(&self->write_source);
    update_congestion(self);
    return G_SOURCE_CONTINUE;
}

void
hf_fifo_writer_push(HfFifoWriter *self, const char *bytes, size_t length)
{
    size_t gone = 0;

    if (self->state != WRITER_OPEN || length == 0)
        return;
    if (self->waiting.length == 0)
        gone = write_once(self, bytes, length);
    if (self->state == WRITER_FAILED)
        gone = length;
    hf_byte_fifo_append(&self->waiting, bytes + gone, length - gone);
    if (self->waiting.length > 0 && self->write_source == NULL)
        self->write_source =
            hf_source_watch_fd(self->context, self->fd, G_IO_OUT, HF_PRIORITY_OUTPUT, "fifo-writer",
                               on_writable, self);
    update_congestion(self);
}

bool
hf_fifo_writer_is_congested(const HfFifoWriter *self)
{
    return self->is_congested;
}

static size_t
count_in_fifo(const HfFifoWriter *self)
{
    int count = 0;

    if (!self->is_fifo || ioctl(self->fd, FIONREAD, &count) < 0)
        return 0;
    return (size_t)MAX(count, 0);
}

static bool
has_reader(const HfFifoWriter *self)
{
    struct pollfd probe = {.fd = self->fd};

    return self->sees_readers && (poll(&probe, 1, 0) == 0 || (probe.revents & POLLERR) == 0);
}

static void
finish_now(HfFifoWriter *self)
{
    hf_source_clear(&self->look_source);
    hf_source_clear(&self->write_source);
    self->state = WRITER_FINISHED;
    self->handlers->on_finished(self->user_data);
}

static void
start_lingering(HfFifoWriter *self)
{
    char name[64];

    self->state = WRITER_LINGERING;
    (void)g_snprintf(name, sizeof name, "/proc/self/fd/%d", self->fd);
    hf_autofd fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    /* Without /proc it cannot be known who reads: the bytes are waited for as if nobody did. */
    if (fd < 0)
        return;
    hf_close_fd(&self->fd);
    self->fd = hf_steal_fd(&fd);
    self->sees_readers = true;
}

static bool
is_over(HfFifoWriter *self)
{
    size_t in_fifo = count_in_fifo(self);

    if (in_fifo < self->seen_in_fifo)
        self->progress_us = g_get_monotonic_time();
    self->seen_in_fifo = in_fifo;
    if (self->state == WRITER_FAILED)
        return true;
    if (self->waiting.length == 0 && self->state == WRITER_FINISHING && self->is_fifo)
        start_lingering(self);
    if (self->waiting.length == 0 && (in_fifo == 0 || has_reader(self)))
        return true;
    return g_get_monotonic_time() - self->progress_us >= (gint64)self->stall_ms * 1000;
}

static gboolean
on_look(gpointer user_data)
{
    HfFifoWriter *self = user_data;

    if (is_over(self))
        finish_now(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_first_look(gpointer user_data)
{
    HfFifoWriter *self = user_data;

    hf_source_clear(&self->look_source);
    if (is_over(self))
        finish_now(self);
    else
        self->look_source = hf_source_after(self->context, LOOK_MS, HF_PRIORITY_OUTPUT,
                                            "fifo-writer look", on_look, self);
    return G_SOURCE_REMOVE;
}

void
hf_fifo_writer_finish(HfFifoWriter *self, guint stall_ms)
{
    if (self->state != WRITER_OPEN && self->state != WRITER_FAILED)
        return;
    if (self->state == WRITER_OPEN)
        self->state = WRITER_FINISHING;
    self->stall_ms = stall_ms;
    self->progress_us = g_get_monotonic_time();
    self->look_source = hf_source_after(self->context, 0, HF_PRIORITY_OUTPUT, "fifo-writer finish",
                                        on_first_look, self);
}

size_t
hf_fifo_writer_get_pending(const HfFifoWriter *self)
{
    /* A FIFO that a client has open keeps its bytes for him. */
    return self->waiting.length + (has_reader(self) ? 0 : count_in_fifo(self));
}

void
hf_fifo_writer_save(const HfFifoWriter *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "fd", self->fd);
    hf_state_put_bool(writer, "is-fifo", self->is_fifo);
    hf_state_put_bool(writer, "has-failed", self->state == WRITER_FAILED);
    hf_state_put_bool(writer, "is-congested", self->is_congested);
    hf_state_put_bytes(writer, "waiting", hf_byte_fifo_peek(&self->waiting), self->waiting.length);
}

HfFifoWriter *
hf_fifo_writer_new_saved(GMainContext *context, HfStateReader *reader,
                         const HfFifoWriterHandlers *handlers, gpointer user_data)
{
    HfFifoWriter *self = g_new0(HfFifoWriter, 1);
    size_t length = 0;
    const char *waiting = hf_state_get_bytes(reader, "waiting", &length);

    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->fd = hf_state_take_needed_fd(reader, "fd");
    self->is_fifo = hf_state_get_bool(reader, "is-fifo");
    self->state = hf_state_get_bool(reader, "has-failed") ? WRITER_FAILED : WRITER_OPEN;
    self->is_congested = hf_state_get_bool(reader, "is-congested");
    hf_byte_fifo_append(&self->waiting, waiting, length);
    if (length > 0 && self->fd >= 0)
        self->write_source =
            hf_source_watch_fd(self->context, self->fd, G_IO_OUT, HF_PRIORITY_OUTPUT, "fifo-writer",
                               on_writable, self);
    return self;
}
