/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * A message on a stream has no end of its own: it is whole when it is an object of JSON, which is
 * tried where what came ends with '}', or when the runtime hangs up. Descriptors come with any of
 * its bytes and are kept in their order; the state says which of them is the filter's, and the
 * others are closed.
 *
 * The process whose state it is waits in the runtime meanwhile. A peer has ten seconds, a bounded
 * number of bytes and of descriptors. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "seccomp-agent/seccomp-peer.h"

#define READ_SIZE 16384

struct HfSeccompPeer {
    int fd;
    GString *text;
    int fds[HF_SECCOMP_FDS_MAX];
    guint fd_count;
    const HfSeccompPeerHandlers *handlers;
    gpointer user_data;
    GSource *source;
    GSource *deadline;
};

static void
stop(HfSeccompPeer *self)
{
    hf_source_clear(&self->source);
    hf_source_clear(&self->deadline);
    hf_close_fd(&self->fd);
}

static void
refuse(HfSeccompPeer *self, const GError *error)
{
    stop(self);
    self->handlers->on_refused(self, error, self->user_data);
}

/* TRUE if all of them could be kept. */
static bool
keep_fds(HfSeccompPeer *self, struct msghdr *message)
{
    bool is_kept = true;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd = -1;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            is_kept = is_kept && self->fd_count < HF_SECCOMP_FDS_MAX;
            if (is_kept)
                self->fds[self->fd_count++] = fd;
            else
                hf_close_fd(&fd);
        }
    }
    return is_kept && (message->msg_flags & MSG_CTRUNC) == 0;
}

/* Returns what recvmsg(2) does. */
static ssize_t
read_some(HfSeccompPeer *self, GError **error)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(HF_SECCOMP_FDS_MAX * sizeof(int))];
    } control;
    char buffer[READ_SIZE];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t length = recvmsg(self->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    if (length < 0)
        return hf_throw_errno(error, "read"), -1;
    if (!keep_fds(self, &message))
        return hf_throw(error, HF_ERROR_LIMIT, "more than %d descriptors", HF_SECCOMP_FDS_MAX), -1;
    g_string_append_len(self->text, buffer, length);
    if (self->text->len > HF_SECCOMP_STATE_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "more than %d bytes", HF_SECCOMP_STATE_MAX), -1;
    return length;
}

static gboolean
take_state(HfSeccompPeer *self, HfSeccompState *out_state, GError **error)
{
    g_auto(HfSeccompState) state = {0};

    if (!hf_seccomp_state_parse(self->text->str, self->text->len, &state, error))
        return FALSE;
    if (state.fd_count != self->fd_count)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%u descriptors are named, %u came",
                        state.fd_count, self->fd_count);
    *out_state = state;
    memset(&state, 0, sizeof state);
    return TRUE;
}

static bool
may_be_whole(const HfSeccompPeer *self)
{
    gsize end = self->text->len;

    while (end > 0 && g_ascii_isspace(self->text->str[end - 1]))
        end--;
    return end > 0 && self->text->str[end - 1] == '}';
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfSeccompPeer *self = user_data;
    g_auto(HfSeccompState) state = {0};
    g_autoptr(GError) error = NULL;
    ssize_t length = read_some(self, &error);

    if (error != NULL) {
        refuse(self, error);
        return G_SOURCE_REMOVE;
    }
    if (length < 0 || (length > 0 && !may_be_whole(self)))
        return G_SOURCE_CONTINUE;
    if (!take_state(self, &state, &error)) {
        if (length > 0)
            return G_SOURCE_CONTINUE;
        refuse(self, error);
        return G_SOURCE_REMOVE;
    }
    stop(self);
    self->handlers->on_state(self, &state, hf_steal_fd(&self->fds[state.seccomp_fd]),
                             self->user_data);
    return G_SOURCE_REMOVE;
}

static gboolean
on_deadline(gpointer user_data)
{
    HfSeccompPeer *self = user_data;
    g_autoptr(GError) error = NULL;

    hf_throw(&error, HF_ERROR_TIMED_OUT, "no whole state within %d s", HF_SECCOMP_PEER_MS / 1000);
    refuse(self, error);
    return G_SOURCE_REMOVE;
}

HfSeccompPeer *
hf_seccomp_peer_new(GMainContext *context, int take_fd, const HfSeccompPeerHandlers *handlers,
                    gpointer user_data)
{
    HfSeccompPeer *self = g_new0(HfSeccompPeer, 1);

    self->fd = take_fd;
    self->text = g_string_new(NULL);
    self->handlers = handlers;
    self->user_data = user_data;
    self->source = hf_source_watch_fd(context, self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                      HF_PRIORITY_CONTROL, "runtime", on_readable, self);
    self->deadline = hf_source_after(context, HF_SECCOMP_PEER_MS, HF_PRIORITY_CONTROL,
                                     "runtime's deadline", on_deadline, self);
    return self;
}

void
hf_seccomp_peer_free(HfSeccompPeer *self)
{
    if (self == NULL)
        return;
    stop(self);
    for (guint i = 0; i < self->fd_count; i++)
        hf_close_fd(&self->fds[i]);
    g_string_free(self->text, TRUE);
    g_free(self);
}

bool
hf_seccomp_peer_is_done(const HfSeccompPeer *self)
{
    return self->fd < 0;
}
