/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * The socket is connected when there is something to send, and stays so. What can come of a send:
 *
 *      EMSGSIZE: the datagram is larger than the send buffer. It is written to a memfd, which is
 *      sealed and sent as a descriptor with an empty datagram; journald reads the record from it.
 *
 *      EAGAIN, ENOBUFS, ETOOMANYREFS: journald is behind.
 *
 *      ECONNREFUSED and its like: the other side closed its socket. With systemd that does not
 *      happen when the journal restarts, as systemd holds the socket meanwhile. The path is
 *      connected to again at once, and if that fails, by the next send. What journald had not read
 *      from the old socket is lost with it, and nobody can know.
 *
 * In all of these cases the datagram stays with the caller. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "logging/journal-socket.h"

struct HfJournalSocket {
    char *path;
    int fd; /* -1: not connected */
};

HfJournalSocket *
hf_journal_socket_new(const char *path, GError **error)
{
    HfJournalSocket *self;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (strlen(path) >= sizeof((struct sockaddr_un){0}.sun_path))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "socket path '%s' is too long", path),
               NULL;
    self = g_new0(HfJournalSocket, 1);
    self->path = g_strdup(path);
    self->fd = -1;
    return self;
}

void
hf_journal_socket_free(HfJournalSocket *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_free(self->path);
    g_free(self);
}

/* Returns 0 or what errno was; so do the next ones. */
static int
open_socket(const HfJournalSocket *self, int *out_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    hf_autofd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, self->path, sizeof address.sun_path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return errno;
    *out_fd = hf_steal_fd(&fd);
    return 0;
}

gboolean
hf_journal_socket_reconnect(HfJournalSocket *self, GError **error)
{
    int fd = -1;
    int errnum;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    errnum = open_socket(self, &fd);
    if (errnum != 0)
        return hf_throw_errnum(error, errnum, "connect to '%s'", self->path);
    hf_close_fd(&self->fd);
    self->fd = fd;
    return TRUE;
}

static int
write_parts(int fd, const HfJournalDatagram *datagram)
{
    for (guint i = 0; i < HF_JOURNAL_DATAGRAM_PARTS; i++) {
        const char *bytes = datagram->parts[i].iov_base;
        size_t left = datagram->parts[i].iov_len;

        while (left > 0) {
            ssize_t n = write(fd, bytes, left);

            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return n < 0 ? errno : ENOSPC;
            bytes += n;
            left -= (size_t)n;
        }
    }
    return 0;
}

static int
send_descriptor(int socket_fd, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    ssize_t n;

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    do {
        n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

/* Asked before a file is made in vain. */
static bool
is_writable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

    return poll(&poll_fd, 1, 0) != 0;
}

static int
send_as_file(const HfJournalSocket *self, const HfJournalDatagram *datagram)
{
    hf_autofd fd = -1;
    int errnum;

    if (!is_writable(self->fd))
        return EAGAIN;
    /* Not MFD_NOEXEC_SEAL: journald before 254 wants exactly the four seals below. */
    fd = memfd_create("holdfast-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return errno;
    errnum = write_parts(fd, datagram);
    if (errnum != 0)
        return errnum;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return errno;
    return send_descriptor(self->fd, fd);
}

static int
send_datagrams(const HfJournalSocket *self, const HfJournalDatagram *datagrams, guint count,
               guint *out_sent)
{
    struct mmsghdr messages[HF_JOURNAL_BATCH_MAX] = {0};
    int sent;

    count = MIN(count, HF_JOURNAL_BATCH_MAX);
    for (guint i = 0; i < count; i++) {
        messages[i].msg_hdr.msg_iov = (struct iovec *)datagrams[i].parts;
        messages[i].msg_hdr.msg_iovlen = HF_JOURNAL_DATAGRAM_PARTS;
    }
    do {
        sent = sendmmsg(self->fd, messages, count, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);

    if (sent < 0 && errno != EMSGSIZE)
        return errno;
    *out_sent = sent < 0 ? 1 : (guint)sent;
    return sent < 0 ? send_as_file(self, &datagrams[0]) : 0;
}

static bool
is_congestion(int errnum)
{
    return errnum == EAGAIN || errnum == ENOBUFS || errnum == ETOOMANYREFS;
}

static bool
is_hangup(int errnum)
{
    return errnum == ECONNREFUSED || errnum == ECONNRESET || errnum == ENOTCONN || errnum == EPIPE;
}

HfIoResult
hf_journal_socket_send(HfJournalSocket *self, const HfJournalDatagram *datagrams, guint count,
                       guint *out_sent, GError **error)
{
    guint sent = 0;
    int errnum = ENOTCONN;

    g_return_val_if_fail(error == NULL || *error == NULL, HF_IO_FAILED);
    g_assert(count > 0);

    if (self->fd >= 0)
        errnum = send_datagrams(self, datagrams, count, &sent);
    if (is_hangup(errnum)) {
        hf_close_fd(&self->fd);
        errnum = open_socket(self, &self->fd);
        if (errnum != 0) {
            hf_throw_errnum(error, errnum, "connect to '%s'", self->path);
            return HF_IO_FAILED;
        }
        errnum = send_datagrams(self, datagrams, count, &sent);
    }
    if (is_congestion(errnum))
        return HF_IO_AGAIN;
    if (errnum != 0) {
        hf_throw_errnum(error, errnum, "send to '%s'", self->path);
        return HF_IO_FAILED;
    }
    *out_sent = sent;
    return HF_IO_DATA;
}

int
hf_journal_socket_get_fd(const HfJournalSocket *self)
{
    return self->fd;
}

void
hf_journal_socket_save(const HfJournalSocket *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "socket", self->fd);
}

void
hf_journal_socket_restore(HfJournalSocket *self, HfStateReader *reader)
{
    self->fd = hf_state_take_fd(reader, "socket");
}
