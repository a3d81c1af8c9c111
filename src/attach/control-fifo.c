/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * The FIFO is opened for reading and writing at once, which Linux allows without a reader or writer
 * on the other side (fifo(7)). So there is always a reader, which an engine's O_NONBLOCK open needs
 * to succeed, and always a writer: the last engine's closing is neither an end of file nor a
 * hang-up that poll(2) would report for ever.
 *
 * Several engines may write at once; the kernel keeps writes of up to PIPE_BUF bytes together.
 * A wake-up reads a bounded number of bytes, and the rest makes the FIFO readable again.
 *
 * A writer whose write succeeded takes it for heard: CRI-O waits for the log that it asked to have
 * reopened, without a timeout. So what waits is read before the FIFO is closed at the end, at most
 * as much as a pipe holds, because a writer could go on for ever. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/control-fifo.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"

#define FIFO_MODE 0660
#define READ_BYTES 1024
#define LAST_READS (64 * 1024 / READ_BYTES)

struct HfControlFifo {
    HfControlReader reader;
    HfControlLineFunc on_line;
    gpointer user_data;
    GSource *watch;
    int fd;
};

static gboolean
check_is_fifo(const struct stat *status, const char *name, GError **error)
{
    if (!S_ISFIFO(status->st_mode))
        return hf_throw(error, HF_ERROR_EXISTS, "'%s' exists and is no FIFO", name);
    return TRUE;
}

/* A FIFO that is there may have another monitor as its reader: an engine can give an exec the
 * container's bundle. Two readers would share out the lines, so it is replaced, and what was
 * written to it before stays that reader's. */
static gboolean
remove_old_fifo(int dir_fd, const char *name, GError **error)
{
    struct stat status;

    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || hf_throw_errno(error, "look at '%s'", name);
    if (!check_is_fifo(&status, name, error))
        return FALSE;
    if (unlinkat(dir_fd, name, 0) < 0)
        return hf_throw_errno(error, "remove the old FIFO '%s'", name);
    return TRUE;
}

static gboolean
make_fifo(int dir_fd, const char *name, GError **error)
{
    if (mkfifoat(dir_fd, name, FIFO_MODE) < 0)
        return hf_throw_errno(error, "make FIFO '%s'", name);
    /* The umask does not count. */
    if (fchmodat(dir_fd, name, FIFO_MODE, AT_SYMLINK_NOFOLLOW) < 0)
        return hf_throw_errno(error, "set the mode of FIFO '%s'", name);
    return TRUE;
}

static int
open_fifo(int dir_fd, const char *name, GError **error)
{
    hf_autofd fd = openat(dir_fd, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return hf_throw_errno(error, "open FIFO '%s'", name), -1;
    if (!check_is_fifo(&status, name, error))
        return -1;
    return hf_steal_fd(&fd);
}

static HfIoResult
read_lines(HfControlFifo *self)
{
    char bytes[READ_BYTES];
    size_t length = 0;
    HfIoResult result = hf_io_read(self->fd, bytes, sizeof bytes, &length, NULL);

    if (result == HF_IO_DATA)
        hf_control_reader_push(&self->reader, bytes, length, self->on_line, self->user_data);
    return result;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfControlFifo *self = user_data;

    switch (read_lines(self)) {
    case HF_IO_DATA:
    case HF_IO_AGAIN:
        return G_SOURCE_CONTINUE;
    case HF_IO_EOF:
    case HF_IO_FAILED:
        break;
    }
    /* Not known to happen with a writer inside. If it does, it would happen again at once. */
    hf_source_clear(&self->watch);
    return G_SOURCE_REMOVE;
}

int
hf_control_fifo_open(int dir_fd, const char *name, GError **error)
{
    struct stat status;

    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return open_fifo(dir_fd, name, error);
    if (errno != ENOENT)
        return hf_throw_errno(error, "look at '%s'", name), -1;
    return make_fifo(dir_fd, name, error) ? open_fifo(dir_fd, name, error) : -1;
}

/* @take_fd: -1 gives NULL. */
static HfControlFifo *
new_for_fd(GMainContext *context, int take_fd, HfControlLineFunc on_line, gpointer user_data)
{
    HfControlFifo *self;

    if (take_fd < 0)
        return NULL;
    self = g_new0(HfControlFifo, 1);
    self->fd = take_fd;
    self->on_line = on_line;
    self->user_data = user_data;
    self->watch = hf_source_watch_fd(context, take_fd, G_IO_IN, HF_PRIORITY_CONTROL, "control-fifo",
                                     on_readable, self);
    return self;
}

HfControlFifo *
hf_control_fifo_new(GMainContext *context, int dir_fd, const char *name, HfControlLineFunc on_line,
                    gpointer user_data, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (!remove_old_fifo(dir_fd, name, error) || !make_fifo(dir_fd, name, error))
        return NULL;
    return new_for_fd(context, open_fifo(dir_fd, name, error), on_line, user_data);
}

HfControlFifo *
hf_control_fifo_new_shared(GMainContext *context, int dir_fd, const char *name,
                           HfControlLineFunc on_line, gpointer user_data, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    return new_for_fd(context, hf_control_fifo_open(dir_fd, name, error), on_line, user_data);
}

void
hf_control_fifo_free(HfControlFifo *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->watch);
    hf_close_fd(&self->fd);
    g_free(self);
}

void
hf_control_fifo_end(HfControlFifo *self)
{
    for (int i = 0; i < LAST_READS && read_lines(self) == HF_IO_DATA; i++)
        ;
    hf_control_fifo_free(self);
}

void
hf_control_fifo_save(const HfControlFifo *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "fd", self->fd);
    hf_state_put_bytes(writer, "line", self->reader.text, self->reader.length);
    hf_state_put_bool(writer, "is-dropped", self->reader.is_dropped);
}

HfControlFifo *
hf_control_fifo_new_saved(GMainContext *context, HfStateReader *reader, HfControlLineFunc on_line,
                          gpointer user_data)
{
    int fd = hf_state_take_needed_fd(reader, "fd");
    HfControlFifo *self = new_for_fd(context, fd, on_line, user_data);
    size_t length = 0;
    const char *line = hf_state_get_bytes(reader, "line", &length);

    if (self == NULL)
        return NULL;
    self->reader.is_dropped = hf_state_get_bool(reader, "is-dropped");
    if (length >= sizeof self->reader.text) {
        hf_state_reader_fail(reader, "line", "is too long");
        return self;
    }
    if (length > 0)
        memcpy(self->reader.text, line, length);
    self->reader.length = length;
    return self;
}
