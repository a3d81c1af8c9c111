/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * The input side is in one of three states:
 *
 *   OPEN    watched for input; a wake-up reads a bounded number of bytes
 *   PAUSED  not read; what the client writes stays in its socket, which pushes back on the client
 *   ENDED   the client closed its sending side, or nobody wants its input any more
 *
 * In the last two the socket is watched for nothing but the hang-up that poll(2) always reports,
 * because a half-closed socket is readable (and RDHUP is set) for ever. A hang-up means that the
 * client closed both directions: the peer is gone at once, also when the container prints nothing
 * that would fail to be sent. The one exception is a client that left while PAUSED with bytes in
 * the socket: nothing is watched then (a hang-up cannot be masked), and the bytes are read when the
 * pause ends.
 *
 * Facts about AF_UNIX SEQPACKET sockets this relies on:
 *   - recv() returns 0 for an empty packet as well as at the end. It is the end only if RDHUP was
 *     reported before and FIONREAD counts no bytes behind it.
 *   - A client that closes with unread packets in its socket leaves ECONNRESET behind. It is
 *     reported once, before the data that is still there, so the call is made again.
 *   - The same in the other direction: closing while there is unread input would make the client
 *     lose sight of our last packets. So both directions are shut down, after which the client
 *     cannot add any, then the input is thrown away, then the socket is closed.
 *   - MSG_PEEK | MSG_TRUNC tells a packet's size, so that it can be taken whole.
 *   - POLLOUT comes when a quarter of SO_SNDBUF is in flight or less, and an 8 KiB packet counts as
 *     16640 bytes of it. A client that reads a packet now and then gets there late; SIOCOUTQ shows
 *     that it reads.
 *
 * A client may also close only its receiving side. Its output is discarded then, its input is not.
 */

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <glib.h>

#include "attach/attach-peer.h"
#include "attach/output-queue.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/scratch.h"
#include "base/source.h"
#include "protocol/attach-frame.h"

/* More than any engine sends in one packet; a bound for what a client can make us reserve. */
#define PACKET_MAX_BYTES (1024 * 1024)
#define READ_BUDGET_BYTES (256 * 1024)
/* What is typed comes in packets that fit the stack: no buffer is made for them. */
#define SMALL_PACKET_BYTES 512

#define CONDITION_NONE ((GIOCondition)0)
#define CONDITION_RDHUP ((GIOCondition)POLLRDHUP)

typedef enum {
    INPUT_OPEN,
    INPUT_PAUSED,
    INPUT_ENDED,
} InputState;

struct HfAttachPeer {
    GMainContext *context;                /* borrowed */
    const HfAttachPeerHandlers *handlers; /* borrowed */
    gpointer user_data;
    int fd;
    GSource *watch;
    GIOCondition watched;
    HfOutputQueue *queue;
    InputState input;
    bool is_in_event; /* what it calls may end in notice_leaving() */
    bool is_hung_up;  /* the client left while PAUSED */
    bool is_gone;
    gint64 stalled_since_us;
    int in_flight_bytes; /* when last looked at */
};

static gboolean on_event(int fd, GIOCondition condition, gpointer user_data);
static void on_queue_progress(gpointer user_data);
static void on_queue_failed(const GError *error, gpointer user_data);

static GIOCondition
wanted_condition(const HfAttachPeer *self)
{
    if (self->is_gone)
        return CONDITION_NONE;
    if (self->input == INPUT_OPEN)
        return G_IO_IN | CONDITION_RDHUP | G_IO_HUP;
    return self->is_hung_up ? CONDITION_NONE : G_IO_HUP;
}

static void
update_watch(HfAttachPeer *self)
{
    GIOCondition wanted = wanted_condition(self);

    if (wanted == self->watched)
        return;
    hf_source_clear(&self->watch);
    self->watched = wanted;
    /* The priority of output: a client that types without end must not keep us from the rest. */
    if (wanted != CONDITION_NONE)
        self->watch = hf_source_watch_fd(self->context, self->fd, wanted, HF_PRIORITY_OUTPUT,
                                         "attach-peer", on_event, self);
}

HfAttachPeer *
hf_attach_peer_new(GMainContext *context, int take_fd, const HfAttachPeerHandlers *handlers,
                   gpointer user_data)
{
    static const HfOutputQueueHandlers queue_handlers = {
        .on_progress = on_queue_progress,
        .on_failed = on_queue_failed,
    };
    HfAttachPeer *self = g_new0(HfAttachPeer, 1);

    self->context = context;
    self->fd = take_fd;
    self->handlers = handlers;
    self->user_data = user_data;
    self->queue = hf_output_queue_new(context, take_fd, &queue_handlers, self);
    update_watch(self);
    return self;
}

static bool
has_unread_bytes(int fd)
{
    int unread = 0;

    return ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

void
hf_attach_peer_free(HfAttachPeer *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->watch);
    hf_output_queue_free(self->queue);
    (void)shutdown(self->fd, SHUT_RDWR);
    while (has_unread_bytes(self->fd) && recv(self->fd, NULL, 0, MSG_DONTWAIT) >= 0)
        continue;
    hf_close_fd(&self->fd);
    g_free(self);
}

bool
hf_attach_peer_is_gone(const HfAttachPeer *self)
{
    return self->is_gone;
}

void
hf_attach_peer_drop(HfAttachPeer *self, const GError *reason)
{
    bool had_input = self->input != INPUT_ENDED;

    if (self->is_gone)
        return;
    self->is_gone = true;
    self->input = INPUT_ENDED;
    update_watch(self);
    self->handlers->on_gone(self, reason, self->user_data);
    if (had_input)
        self->handlers->on_input_ended(self, self->user_data);
}

static void
end_input(HfAttachPeer *self)
{
    self->input = INPUT_ENDED;
    update_watch(self);
    self->handlers->on_input_ended(self, self->user_data);
}

/* Drops this peer for the error that errno tells. */
static void
drop_for_errno(HfAttachPeer *self)
{
    g_autoptr(GError) error = NULL;

    hf_throw_errno(&error, "receive from the client");
    hf_attach_peer_drop(self, error);
}

static ssize_t
receive(int fd, void *buffer, size_t size, int flags)
{
    ssize_t n;

    do {
        n = recv(fd, buffer, size, flags | MSG_DONTWAIT);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    return n;
}

/* Takes one packet of @length bytes. Returns how many it took. */
static size_t
take_packet(HfAttachPeer *self, HfScratch *scratch, size_t length)
{
    g_autoptr(GError) error = NULL;
    char *bytes;
    ssize_t n;

    if (length > PACKET_MAX_BYTES) {
        hf_throw(&error, HF_ERROR_LIMIT, "the client sent a packet of %zu bytes", length);
        hf_attach_peer_drop(self, error);
        return 0;
    }
    bytes = hf_scratch_reserve(scratch, length);
    n = receive(self->fd, bytes, length, 0);
    if (n <= 0)
        return 0;
    self->handlers->on_input(self, bytes, (size_t)n, self->user_data);
    return (size_t)n;
}

/* Takes an empty packet, or notices the end. */
static void
take_nothing(HfAttachPeer *self, GIOCondition condition)
{
    (void)receive(self->fd, NULL, 0, 0);
    if ((condition & CONDITION_RDHUP) == 0 || has_unread_bytes(self->fd))
        return;
    if ((condition & G_IO_HUP) != 0)
        hf_attach_peer_drop(self, NULL);
    else
        end_input(self);
}

/* Takes a packet that was read while peeking at it; the container gets it first. Returns how much
 * to go on after: nothing while somebody types, because poll(2) tells what is next, and that is the
 * cheaper way to learn that there is nothing. */
static size_t
take_small_packet(HfAttachPeer *self, GIOCondition condition, const char *bytes, size_t length)
{
    self->handlers->on_input(self, bytes, length, self->user_data);
    (void)receive(self->fd, NULL, 0, 0);
    return (condition & CONDITION_RDHUP) != 0 ? length : 0;
}

static void
read_input(HfAttachPeer *self, GIOCondition condition)
{
    char small[SMALL_PACKET_BYTES];
    HfScratch scratch = {0};
    size_t taken = 0;

    while (self->input == INPUT_OPEN && taken < READ_BUDGET_BYTES) {
        ssize_t length = receive(self->fd, small, sizeof small, MSG_PEEK | MSG_TRUNC);
        size_t got = 0;

        if (length > (ssize_t)sizeof small)
            got = take_packet(self, &scratch, (size_t)length);
        else if (length > 0)
            got = take_small_packet(self, condition, small, (size_t)length);
        else if (length == 0)
            take_nothing(self, condition);
        else if (errno != EAGAIN)
            drop_for_errno(self);
        if (got == 0)
            break;
        taken += got;
    }
    hf_scratch_release(&scratch);
}

static void
wait_for_end_of_pause(HfAttachPeer *self)
{
    self->is_hung_up = true;
    update_watch(self);
}

static gboolean
on_event(int fd, GIOCondition condition, gpointer user_data)
{
    HfAttachPeer *self = user_data;

    self->is_in_event = true;
    if (self->input == INPUT_OPEN)
        read_input(self, condition);
    else if (self->input == INPUT_PAUSED && has_unread_bytes(fd))
        wait_for_end_of_pause(self);
    else
        hf_attach_peer_drop(self, NULL);
    self->is_in_event = false;
    return G_SOURCE_CONTINUE;
}

void
hf_attach_peer_notice_leaving(HfAttachPeer *self)
{
    GPollFD poll_fd = {.fd = self->fd, .events = (gushort)self->watched};

    if (!self->is_in_event && self->watched != CONDITION_NONE && g_poll(&poll_fd, 1, 0) > 0 &&
        (poll_fd.revents & G_IO_HUP) != 0)
        (void)on_event(self->fd, (GIOCondition)poll_fd.revents, self);
}

void
hf_attach_peer_set_input_paused(HfAttachPeer *self, bool is_paused)
{
    if (self->input == INPUT_ENDED)
        return;
    self->input = is_paused ? INPUT_PAUSED : INPUT_OPEN;
    update_watch(self);
}

void
hf_attach_peer_stop_input(HfAttachPeer *self)
{
    self->input = INPUT_ENDED;
    if (self->is_hung_up)
        hf_attach_peer_drop(self, NULL);
    else
        update_watch(self);
}

static void
on_queue_progress(gpointer user_data)
{
    HfAttachPeer *self = user_data;

    hf_attach_peer_start_stall_clock(self, g_get_monotonic_time());
    if (!self->is_gone)
        self->handlers->on_progress(self, self->user_data);
}

static void
on_queue_failed(const GError *error, gpointer user_data)
{
    HfAttachPeer *self = user_data;

    if (!self->is_gone)
        self->handlers->on_progress(self, self->user_data);
}

void
hf_attach_peer_send(HfAttachPeer *self, HfStream stream, const char *bytes, size_t length)
{
    unsigned char header = hf_attach_frame_stream_byte(stream);

    while (length > 0) {
        size_t chunk = MIN(length, HF_ATTACH_PAYLOAD_MAX);

        hf_output_queue_push(self->queue, &header, sizeof header, bytes, chunk);
        bytes += chunk;
        length -= chunk;
    }
}

size_t
hf_attach_peer_get_pending(const HfAttachPeer *self)
{
    return hf_output_queue_get_pending(self->queue);
}

static int
count_in_flight_bytes(int fd)
{
    int in_flight = 0;

    (void)ioctl(fd, SIOCOUTQ, &in_flight);
    return in_flight;
}

void
hf_attach_peer_start_stall_clock(HfAttachPeer *self, gint64 now_us)
{
    self->stalled_since_us = now_us;
    self->in_flight_bytes = count_in_flight_bytes(self->fd);
}

bool
hf_attach_peer_has_stalled(HfAttachPeer *self, gint64 now_us, gint64 timeout_us)
{
    size_t pending = hf_output_queue_get_pending(self->queue);

    hf_output_queue_flush(self->queue);
    if (hf_output_queue_get_pending(self->queue) < pending ||
        count_in_flight_bytes(self->fd) < self->in_flight_bytes)
        hf_attach_peer_start_stall_clock(self, now_us);
    return hf_output_queue_get_pending(self->queue) > 0 &&
           now_us - self->stalled_since_us >= timeout_us;
}

void
hf_attach_peer_save(const HfAttachPeer *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "socket", self->fd);
    hf_state_put_number(writer, "input", self->input);
    hf_state_put_bool(writer, "is-hung-up", self->is_hung_up);
    hf_state_put_number(writer, "stalled-since", self->stalled_since_us);
    hf_state_put_number(writer, "in-flight", self->in_flight_bytes);
    hf_output_queue_save(self->queue, writer);
}

HfAttachPeer *
hf_attach_peer_new_saved(GMainContext *context, HfStateReader *reader,
                         const HfAttachPeerHandlers *handlers, gpointer user_data)
{
    int fd = hf_state_take_needed_fd(reader, "socket");
    HfAttachPeer *self = hf_attach_peer_new(context, fd, handlers, user_data);

    self->input =
        (InputState)hf_state_get_number(reader, "input", INPUT_OPEN, INPUT_ENDED, INPUT_OPEN);
    self->is_hung_up = hf_state_get_bool(reader, "is-hung-up");
    self->stalled_since_us = hf_state_get_number(reader, "stalled-since", 0, G_MAXINT64, 0);
    self->in_flight_bytes = (int)hf_state_get_number(reader, "in-flight", 0, G_MAXINT32, 0);
    hf_output_queue_restore(self->queue, reader);
    update_watch(self);
    return self;
}
