/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/io.h"
#include "base/scratch.h"
#include "base/source.h"
#include "monitor/stdio-pump-private.h"

/* How this works.
 *
 * Each stream is a channel with a source of its own, and each wake-up makes one read, so that one
 * stream cannot keep the other, or the end of a process, waiting. Both read into one buffer,
 * because a read is handed on before the next one is made.
 *
 * Size follows load. A read of more than half the pipe's size says that the writer is ahead of us
 * (a page of a pipe may hold a single short write), and so does one that fills the buffer: the one
 * that was too small then grows fourfold, up to HF_STDIO_PUMP_PIPE_MAX and HF_STDIO_PUMP_READ_MAX.
 * Pipe pages are charged to the user, and past a soft limit the kernel gives all his new pipes one
 * page and lets none grow, so a thousand idle containers must not hold large pipes: they begin with
 * less than the kernel's size, and QUIET_MS after the last output both are small again. That timer
 * exists only after more than a page of output, so that a container that prints a line now and then
 * does not cost two wake-ups for it.
 *
 * A writer that does not collect its lines would wake us for each of them. Such a channel rests
 * (read-pace.h): it is read next after a while, unless what may come until then does not fit into
 * its pipe, which is made larger for it if it can be. A terminal takes little and is for people; it
 * never rests. When something comes on the other stream, the one that rests is read before it, so
 * that what was written earlier is read earlier.
 *
 * A line without a newline may be a prompt, or half of a write. on_pause comes PAUSE_MS after the
 * last output that ended so; until then the log waits for the other half.
 *
 * Draining: the process is gone and what it wrote is in the pipe, FIONREAD bytes. Those are read
 * and no more, because a grandchild that holds the pipe could write for ever. A pty's number does
 * not count what has not yet passed the line discipline, so there it is until nothing comes, or the
 * most that fits.
 *
 * A pty whose other side nobody has open reads as an error (EIO) that goes away when somebody opens
 * it, and poll(2) does not wait for that. The session holds the other side open itself to avoid it;
 * where that was not possible the channel looks again every REOPEN_MS. */

#define READ_MAX_FOLLOWED (64 * 1024)
#define TERMINAL_DRAIN_MAX (256 * 1024)
#define QUIET_THRESHOLD 4096
#define QUIET_MS 1000
#define PAUSE_MS 10
#define REOPEN_MS 1000

static gboolean on_readable(int fd, GIOCondition condition, gpointer user_data);
static gboolean on_rested(gpointer user_data);

HfStdioPump *
hf_stdio_pump_new(GMainContext *context, const HfStdioHandlers *handlers, gpointer user_data)
{
    HfStdioPump *self = g_new0(HfStdioPump, 1);

    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->read_size = HF_STDIO_PUMP_READ_MIN;
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        self->channels[i] = (HfStdioChannel){.pump = self,
                                             .stream = (HfStream)i,
                                             .fd = -1,
                                             .pipe_size = HF_STDIO_PUMP_PIPE_SIZE_IDLE};
    return self;
}

static void
close_channel(HfStdioChannel *channel)
{
    hf_source_clear(&channel->source);
    hf_source_clear(&channel->reopen_source);
    hf_source_clear(&channel->rest_source);
    hf_close_fd(&channel->fd);
}

void
hf_stdio_pump_free(HfStdioPump *self)
{
    if (self == NULL)
        return;
    hf_stdio_pump_close(self);
    g_free(self);
}

static void
watch_channel(HfStdioChannel *channel)
{
    HfStdioPump *self = channel->pump;

    if (channel->fd < 0 || channel->source != NULL || channel->rest_source != NULL ||
        self->is_paused || self->is_draining)
        return;
    channel->source = hf_source_watch_fd(self->context, channel->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                         HF_PRIORITY_OUTPUT, hf_stream_to_string(channel->stream),
                                         on_readable, channel);
}

/* Makes the pipe as small as it may be. Refused (EBUSY) while it holds more than that; the next
 * quiet time tries again. */
static void
fit_pipe(HfStdioChannel *channel)
{
    if (channel->fd < 0 || channel->is_terminal)
        return;
    int size = fcntl(channel->fd, F_GETPIPE_SZ);
    if (size > HF_STDIO_PUMP_PIPE_SIZE_IDLE &&
        fcntl(channel->fd, F_SETPIPE_SZ, HF_STDIO_PUMP_PIPE_SIZE_IDLE) >= 0)
        size = HF_STDIO_PUMP_PIPE_SIZE_IDLE;
    channel->pipe_size = MAX(size, 1);
    channel->may_not_grow = false;
}

void
hf_stdio_pump_take_stream(HfStdioPump *self, HfStream stream, int fd, bool is_terminal)
{
    HfStdioChannel *channel = &self->channels[stream];

    close_channel(channel);
    channel->fd = fd;
    channel->is_terminal = is_terminal;
    fit_pipe(channel);
    watch_channel(channel);
}

static bool
has_open_channel(const HfStdioPump *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->channels[i].fd >= 0)
            return true;
    }
    return false;
}

static void
tell_if_closed(HfStdioPump *self)
{
    if (has_open_channel(self) || !self->is_draining || self->has_told_closed)
        return;
    self->has_told_closed = true;
    self->handlers->on_closed(self->user_data);
}

static void
shrink(HfStdioPump *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        fit_pipe(&self->channels[i]);
    self->read_size = HF_STDIO_PUMP_READ_MIN;
    hf_scratch_release(&self->buffer);
}

static gboolean
on_quiet_timer(gpointer user_data)
{
    HfStdioPump *self = user_data;

    if (self->had_output) {
        self->had_output = false;
        return G_SOURCE_CONTINUE;
    }
    hf_source_clear(&self->quiet_source);
    shrink(self);
    self->handlers->on_quiet(self->user_data);
    return G_SOURCE_REMOVE;
}

static void
arm_quiet_timer(HfStdioPump *self)
{
    if (self->quiet_source == NULL)
        self->quiet_source = hf_source_after(self->context, QUIET_MS, HF_PRIORITY_OUTPUT,
                                             "output quiet", on_quiet_timer, self);
}

static void
grow_pipe(HfStdioChannel *channel)
{
    int size = MIN(channel->pipe_size * 4, HF_STDIO_PUMP_PIPE_MAX);

    if (channel->is_terminal || channel->may_not_grow || size <= channel->pipe_size)
        return;
    /* Refused (EPERM) when the user's pipes are at their limit; it then works as it is. */
    channel->may_not_grow = fcntl(channel->fd, F_SETPIPE_SZ, size) < 0;
    if (channel->may_not_grow)
        return;
    channel->pipe_size = size;
    arm_quiet_timer(channel->pump);
}

/* After a read of @length bytes, where there was room for @size. */
static void
grow(HfStdioChannel *channel, size_t length, size_t size)
{
    HfStdioPump *self = channel->pump;

    if (length == size)
        self->read_size = MIN(self->read_size * 4, HF_STDIO_PUMP_READ_MAX);
    if (length == size || length > (size_t)channel->pipe_size / 2)
        grow_pipe(channel);
}

static bool
is_inside_line(const HfStdioPump *self)
{
    return self->channels[HF_STREAM_STDOUT].is_inside_line ||
           self->channels[HF_STREAM_STDERR].is_inside_line;
}

static gboolean
on_pause_timer(gpointer user_data)
{
    HfStdioPump *self = user_data;

    if (self->had_output_since_pause && is_inside_line(self)) {
        self->had_output_since_pause = false;
        return G_SOURCE_CONTINUE;
    }
    hf_source_clear(&self->pause_source);
    if (is_inside_line(self))
        self->handlers->on_pause(self->user_data);
    return G_SOURCE_REMOVE;
}

void
hf_stdio_pump_arm_timers(HfStdioPump *self, size_t length)
{
    self->had_output = true;
    self->had_output_since_pause = true;
    if (length > QUIET_THRESHOLD)
        arm_quiet_timer(self);
    if (is_inside_line(self) && self->pause_source == NULL) {
        self->had_output_since_pause = false;
        self->pause_source = hf_source_after_busy(self->context, PAUSE_MS, HF_PRIORITY_OUTPUT,
                                                  "output pause", on_pause_timer, self);
    }
}

static size_t
get_read_size(const HfStdioPump *self)
{
    return self->is_followed ? MIN(self->read_size, READ_MAX_FOLLOWED) : self->read_size;
}

/* One read of at most @size bytes, handed on. */
static HfIoResult
read_channel(HfStdioChannel *channel, size_t size, size_t *out_length)
{
    HfStdioPump *self = channel->pump;
    char *bytes = self->journal != NULL
                      ? hf_crash_journal_prepare(self->journal, channel->stream, &size)
                      : hf_scratch_reserve(&self->buffer, self->read_size);
    size_t length = 0;
    HfIoResult result = hf_io_read(channel->fd, bytes, size, &length, NULL);

    *out_length = length;
    if (result != HF_IO_DATA)
        return result;
    channel->is_inside_line = bytes[length - 1] != '\n';
    hf_stdio_pump_arm_timers(self, length);
    self->handlers->on_output(channel->stream, bytes, length, self->user_data);
    return HF_IO_DATA;
}

static gboolean
on_reopen_timer(gpointer user_data)
{
    HfStdioChannel *channel = user_data;

    hf_source_clear(&channel->reopen_source);
    watch_channel(channel);
    return G_SOURCE_REMOVE;
}

static void
end_channel(HfStdioChannel *channel)
{
    HfStdioPump *self = channel->pump;

    if (!channel->is_terminal || self->is_draining) {
        close_channel(channel);
        tell_if_closed(self);
        return;
    }
    hf_source_clear(&channel->source);
    channel->reopen_source = hf_source_after(self->context, REOPEN_MS, HF_PRIORITY_OUTPUT,
                                             "terminal reopened", on_reopen_timer, channel);
}

/* Whether the pipe has room for @needed bytes. */
static bool
has_room(HfStdioChannel *channel, size_t needed)
{
    int size = fcntl(channel->fd, F_GETPIPE_SZ);

    /* Unless somebody else has changed it. */
    if (size > 0 && (size_t)size < needed && size == channel->pipe_size) {
        grow_pipe(channel);
        size = channel->pipe_size;
    }
    return size > 0 && (size_t)size >= needed && get_read_size(channel->pump) >= needed;
}

/* @needed: what read-pace.h says. */
static void
rest(HfStdioChannel *channel, size_t needed)
{
    const HfStdioPump *self = channel->pump;

    if (needed == 0 || channel->fd < 0 || self->is_followed || self->is_paused ||
        self->is_draining || !has_room(channel, needed))
        return;
    hf_source_clear(&channel->source);
    channel->rest_source = hf_source_after(self->context, HF_READ_PACE_REST_MS, HF_PRIORITY_OUTPUT,
                                           "output rest", on_rested, channel);
}

/* Reads a channel that rests. Returns whether it may rest further. */
static bool
read_resting(HfStdioChannel *channel, size_t *out_length)
{
    HfStdioPump *self = channel->pump;
    size_t size = get_read_size(self);
    HfIoResult result = read_channel(channel, size, out_length);

    if (result == HF_IO_EOF || result == HF_IO_FAILED)
        end_channel(channel);
    else if (result == HF_IO_DATA)
        grow(channel, *out_length, size);
    return channel->fd >= 0 && *out_length < size;
}

static gboolean
on_rested(gpointer user_data)
{
    HfStdioChannel *channel = user_data;
    size_t length = 0;

    hf_source_clear(&channel->rest_source);
    if (read_resting(channel, &length))
        rest(channel, hf_read_pace_note_rested(&channel->pace, g_get_monotonic_time(), length));
    watch_channel(channel);
    return G_SOURCE_REMOVE;
}

/* Before the other stream is read. */
static void
look_at_resting(HfStdioPump *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        HfStdioChannel *channel = &self->channels[i];
        size_t length = 0;

        if (channel->rest_source == NULL || read_resting(channel, &length))
            continue;
        hf_source_clear(&channel->rest_source);
        watch_channel(channel);
    }
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfStdioChannel *channel = user_data;
    HfStdioPump *self = channel->pump;
    size_t size = 0;
    size_t length = 0;
    HfIoResult result;

    look_at_resting(self);
    if (channel->source == NULL) /* the log took no more: paused */
        return G_SOURCE_REMOVE;
    size = get_read_size(self);
    result = read_channel(channel, size, &length);
    if (result == HF_IO_DATA)
        grow(channel, length, size);
    if (result == HF_IO_DATA && length < size && !channel->is_terminal)
        rest(channel, hf_read_pace_note(&channel->pace, g_get_monotonic_time(), length));
    if (result == HF_IO_EOF || result == HF_IO_FAILED)
        end_channel(channel);
    return G_SOURCE_CONTINUE;
}

static void
drain_channel(HfStdioChannel *channel)
{
    HfStdioPump *self = channel->pump;
    size_t size = MIN(get_read_size(self), channel->drain_left);
    size_t length = 0;

    if (size == 0 || read_channel(channel, size, &length) != HF_IO_DATA) {
        close_channel(channel);
        return;
    }
    channel->drain_left -= length;
}

static gboolean
on_drain(gpointer user_data)
{
    HfStdioPump *self = user_data;

    for (int i = 0; i < HF_STREAM_COUNT && !self->is_paused; i++) {
        if (self->channels[i].fd >= 0)
            drain_channel(&self->channels[i]);
    }
    if (self->is_paused || !has_open_channel(self))
        hf_source_clear(&self->drain_source);
    tell_if_closed(self);
    return G_SOURCE_CONTINUE;
}

static void
watch_all(HfStdioPump *self)
{
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->is_paused || self->is_draining) {
            hf_source_clear(&self->channels[i].source);
            hf_source_clear(&self->channels[i].rest_source);
        } else if (self->channels[i].reopen_source == NULL) {
            watch_channel(&self->channels[i]);
        }
    }
    if (self->is_paused || !self->is_draining)
        hf_source_clear(&self->drain_source);
    else if (self->drain_source == NULL && !self->has_told_closed)
        self->drain_source =
            hf_source_after(self->context, 0, HF_PRIORITY_OUTPUT, "output drain", on_drain, self);
}

void
hf_stdio_pump_set_journal(HfStdioPump *self, HfCrashJournal *journal)
{
    self->journal = journal;
}

void
hf_stdio_pump_set_paused(HfStdioPump *self, bool is_paused)
{
    if (self->is_paused == is_paused)
        return;
    self->is_paused = is_paused;
    watch_all(self);
}

void
hf_stdio_pump_set_followed(HfStdioPump *self, bool is_followed)
{
    self->is_followed = is_followed;
}

void
hf_stdio_pump_drain(HfStdioPump *self)
{
    if (self->is_draining)
        return;
    self->is_draining = true;
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        HfStdioChannel *channel = &self->channels[i];
        int waiting = 0;

        channel->drain_left = TERMINAL_DRAIN_MAX;
        if (channel->fd >= 0 && !channel->is_terminal &&
            ioctl(channel->fd, FIONREAD, &waiting) == 0)
            channel->drain_left = (size_t)MAX(waiting, 0);
    }
    watch_all(self);
}

void
hf_stdio_pump_drain_now(HfStdioPump *self)
{
    g_assert(self->is_draining);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        while (self->channels[i].fd >= 0)
            drain_channel(&self->channels[i]);
    }
}

void
hf_stdio_pump_close(HfStdioPump *self)
{
    self->is_draining = true;
    hf_source_clear(&self->quiet_source);
    hf_source_clear(&self->pause_source);
    hf_source_clear(&self->drain_source);
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        close_channel(&self->channels[i]);
    hf_scratch_release(&self->buffer);
    self->has_told_closed = true;
}
