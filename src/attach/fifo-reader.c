/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * Opened for reading only, a FIFO tells of its end: read(2) gives 0 and poll(2) a hang-up once the
 * last writer has gone, but neither before the first one has come (Linux counts writers since the
 * open), so that a client may take his time.
 *
 * A FIFO that is to stay open is opened for reading and writing: with a writer inside, nobody's
 * leaving is an end, and it would otherwise be reported for ever.
 *
 * finish() serves who says in another way that the input has ended: what he wrote before may still
 * be in the FIFO, so it is read until nothing is there. Nothing wakes us at that point, so a timer
 * of no time takes the place of the watch.
 *
 * One wake-up makes one read. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/fifo-reader.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"

/* On the stack of a process that should stay small. */
#define READ_BYTES 4096

struct HfFifoReader {
    GMainContext *context;                /* borrowed */
    const HfFifoReaderHandlers *handlers; /* borrowed */
    gpointer user_data;
    GSource *source; /* the watch, or the timer of finish() */
    int fd;          /* -1 after the end */
    bool is_paused;
    bool is_finishing;
};

static gboolean on_readable(int fd, GIOCondition condition, gpointer user_data);
static gboolean on_finish_step(gpointer user_data);

static int
open_path(const char *path, bool stays_open, GError **error)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return hf_throw_errno(error, "open '%s'", path), -1;
    int mode = S_ISFIFO(status.st_mode) && stays_open ? O_RDWR : O_RDONLY;
    int fd = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        hf_throw_errno(error, "open '%s'", path);
    return fd;
}

static void
update_source(HfFifoReader *self)
{
    hf_source_clear(&self->source);
    if (self->is_paused || self->fd < 0)
        return;
    if (self->is_finishing)
        self->source = hf_source_after(self->context, 0, HF_PRIORITY_INPUT, "fifo-reader finish",
                                       on_finish_step, self);
    else
        self->source = hf_source_watch_fd(self->context, self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                          HF_PRIORITY_INPUT, "fifo-reader", on_readable, self);
}

HfFifoReader *
hf_fifo_reader_new(GMainContext *context, const char *path, bool stays_open,
                   const HfFifoReaderHandlers *handlers, gpointer user_data, GError **error)
{
    HfFifoReader *self;
    int fd;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    fd = open_path(path, stays_open, error);
    if (fd < 0)
        return NULL;
    self = g_new0(HfFifoReader, 1);
    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->fd = fd;
    update_source(self);
    return self;
}

void
hf_fifo_reader_free(HfFifoReader *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
    g_free(self);
}

static void
end(HfFifoReader *self)
{
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
    self->handlers->on_end(self->user_data);
}

static void
read_once(HfFifoReader *self)
{
    char bytes[READ_BYTES];
    size_t length = 0;
    HfIoResult result = hf_io_read(self->fd, bytes, sizeof bytes, &length, NULL);

    if (result == HF_IO_DATA)
        self->handlers->on_bytes(bytes, length, self->user_data);
    else if (result != HF_IO_AGAIN || self->is_finishing)
        end(self);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    read_once(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_finish_step(gpointer user_data)
{
    read_once(user_data);
    return G_SOURCE_CONTINUE;
}

void
hf_fifo_reader_set_paused(HfFifoReader *self, bool is_paused)
{
    if (self->is_paused == is_paused)
        return;
    self->is_paused = is_paused;
    update_source(self);
}

void
hf_fifo_reader_finish(HfFifoReader *self)
{
    if (self->is_finishing)
        return;
    self->is_finishing = true;
    update_source(self);
}

void
hf_fifo_reader_save(const HfFifoReader *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "fd", self->fd);
    hf_state_put_bool(writer, "is-paused", self->is_paused);
    hf_state_put_bool(writer, "is-finishing", self->is_finishing);
}

HfFifoReader *
hf_fifo_reader_new_saved(GMainContext *context, HfStateReader *reader,
                         const HfFifoReaderHandlers *handlers, gpointer user_data)
{
    HfFifoReader *self = g_new0(HfFifoReader, 1);

    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->fd = hf_state_take_fd(reader, "fd");
    self->is_paused = hf_state_get_bool(reader, "is-paused");
    self->is_finishing = hf_state_get_bool(reader, "is-finishing");
    update_source(self);
    return self;
}
