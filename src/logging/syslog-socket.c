/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *      closed --connect()--> connecting (TCP only) --writable, no error--> connected
 *         ^                        |                                           |
 *         +---- any failure: nothing is tried until retry_us ------------------+
 *
 * TCP: a peer that has closed its side is found by looking for its end of file before each send,
 * because the first send after that would succeed, and what it sent would be lost. What the kernel
 * had taken and the peer had not read when a connection broke is lost all the same, and nobody can
 * know: syslog has no receipts. Of a message that was sent in part, all is sent again on the next
 * connection.
 *
 * UDP: ECONNREFUSED tells of an earlier datagram and costs nothing but the attempt; the datagram is
 * sent again once. Nobody listening is no failure. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "logging/syslog-socket.h"

#define DEFAULT_PATH "/dev/log"
#define BACK_OFF_MIN_S 1
#define BACK_OFF_MAX_S 32
/* Gives up a connection that nobody answers after about 15 s. */
#define SYN_COUNT 3

struct HfSyslogSocket {
    char *name; /* for messages */
    struct sockaddr_storage address;
    socklen_t address_length;
    int type; /* SOCK_DGRAM, SOCK_STREAM */
    int fd;
    bool is_connecting;
    size_t sent; /* of the first message */
    int errnum;  /* why it is closed */
    guint back_off_s;
    gint64 retry_us;
};

static gboolean
set_path(HfSyslogSocket *self, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is no path of a socket", path);
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    memcpy(&self->address, &address, sizeof address);
    self->address_length = sizeof address;
    self->type = SOCK_DGRAM;
    return TRUE;
}

static bool
set_numbers(HfSyslogSocket *self, const char *host, guint16 port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &in4.sin_addr)) {
        memcpy(&self->address, &in4, sizeof in4);
        self->address_length = sizeof in4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr)) {
        memcpy(&self->address, &in6, sizeof in6);
        self->address_length = sizeof in6;
        return true;
    }
    return false;
}

static gboolean
set_host(HfSyslogSocket *self, const char *text, int type, GError **error)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    bool has_brackets = length >= 2 && text[0] == '[' && colon[-1] == ']';
    g_autofree char *host = g_strndup(text + has_brackets, length - 2 * has_brackets);
    guint64 port = 0;

    self->type = type;
    if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL) ||
        !set_numbers(self, host, (guint16)port))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "'%s' is no HOST:PORT with a number as host", text);
    return TRUE;
}

static gboolean
set_address(HfSyslogSocket *self, const char *text, GError **error)
{
    if (text[0] == '\0')
        return set_path(self, DEFAULT_PATH, error);
    if (g_str_has_prefix(text, "unix://"))
        return set_path(self, text + strlen("unix://"), error);
    if (g_str_has_prefix(text, "udp://"))
        return set_host(self, text + strlen("udp://"), SOCK_DGRAM, error);
    if (g_str_has_prefix(text, "tcp://"))
        return set_host(self, text + strlen("tcp://"), SOCK_STREAM, error);
    return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is no address of a system log", text);
}

HfSyslogSocket *
hf_syslog_socket_new(const char *address, GError **error)
{
    g_autoptr(HfSyslogSocket) self = g_new0(HfSyslogSocket, 1);

    self->fd = -1;
    self->name = g_strdup(address[0] != '\0' ? address : DEFAULT_PATH);
    if (!set_address(self, address, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
hf_syslog_socket_free(HfSyslogSocket *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_free(self->name);
    g_free(self);
}

bool
hf_syslog_socket_is_stream(const HfSyslogSocket *self)
{
    return self->type == SOCK_STREAM;
}

bool
hf_syslog_socket_is_connecting(const HfSyslogSocket *self)
{
    return self->is_connecting;
}

bool
hf_syslog_socket_is_within_message(const HfSyslogSocket *self)
{
    return self->sent > 0;
}

static void
disconnect(HfSyslogSocket *self)
{
    hf_close_fd(&self->fd);
    self->is_connecting = false;
    self->sent = 0;
}

void
hf_syslog_socket_reset(HfSyslogSocket *self)
{
    disconnect(self);
    self->back_off_s = 0;
    self->retry_us = 0;
}

int
hf_syslog_socket_get_fd(const HfSyslogSocket *self)
{
    return self->fd;
}

static HfIoResult
tell(const HfSyslogSocket *self, GError **error)
{
    hf_throw_errnum(error, self->errnum, "syslog %s", self->name);
    return HF_IO_FAILED;
}

static HfIoResult
fail(HfSyslogSocket *self, int errnum, GError **error)
{
    disconnect(self);
    self->errnum = errnum;
    self->back_off_s = CLAMP(2 * self->back_off_s, BACK_OFF_MIN_S, BACK_OFF_MAX_S);
    self->retry_us = g_get_monotonic_time() + (gint64)self->back_off_s * G_USEC_PER_SEC;
    return tell(self, error);
}

static HfIoResult
start_connecting(HfSyslogSocket *self, GError **error)
{
    int syn_count = SYN_COUNT;

    if (g_get_monotonic_time() < self->retry_us)
        return tell(self, error);
    self->fd = socket(self->address.ss_family, self->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0)
        return fail(self, errno, error);
    if (self->type == SOCK_STREAM)
        (void)setsockopt(self->fd, IPPROTO_TCP, TCP_SYNCNT, &syn_count, sizeof syn_count);
    if (connect(self->fd, (const struct sockaddr *)&self->address, self->address_length) == 0) {
        self->back_off_s = 0;
        return HF_IO_DATA;
    }
    if (errno != EINPROGRESS)
        return fail(self, errno, error);
    self->is_connecting = true;
    return HF_IO_AGAIN;
}

static HfIoResult
finish_connecting(HfSyslogSocket *self, GError **error)
{
    struct pollfd poll_fd = {.fd = self->fd, .events = POLLOUT};
    int errnum = 0;
    socklen_t length = sizeof errnum;

    if (poll(&poll_fd, 1, 0) <= 0)
        return HF_IO_AGAIN;
    if (getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &errnum, &length) < 0)
        errnum = errno;
    if (errnum != 0)
        return fail(self, errnum, error);
    self->is_connecting = false;
    self->back_off_s = 0;
    return HF_IO_DATA;
}

/* Only a stream has an end of file. What a server says is thrown away. */
static bool
has_peer_left(const HfSyslogSocket *self)
{
    char buffer[256];
    ssize_t n;

    if (self->type != SOCK_STREAM)
        return false;
    n = recv(self->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static HfIoResult
get_ready(HfSyslogSocket *self, GError **error)
{
    if (self->fd >= 0 && self->is_connecting)
        return finish_connecting(self, error);
    if (self->fd >= 0 && has_peer_left(self))
        disconnect(self);
    return self->fd >= 0 ? HF_IO_DATA : start_connecting(self, error);
}

static ssize_t
send_datagrams(HfSyslogSocket *self, const struct iovec *messages, guint count)
{
    struct mmsghdr headers[HF_SYSLOG_BATCH_MAX] = {0};

    for (guint i = 0; i < count; i++) {
        headers[i].msg_hdr.msg_iov = (struct iovec *)&messages[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(self->fd, headers, count, MSG_NOSIGNAL);
}

/* Returns how many messages it completed. */
static ssize_t
send_stream(HfSyslogSocket *self, const struct iovec *messages, guint count)
{
    struct iovec parts[HF_SYSLOG_BATCH_MAX];
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t n;
    guint done = 0;

    memcpy(parts, messages, count * sizeof parts[0]);
    parts[0].iov_base = (char *)parts[0].iov_base + self->sent;
    parts[0].iov_len -= self->sent;
    n = sendmsg(self->fd, &header, MSG_NOSIGNAL);
    if (n < 0)
        return n;
    self->sent += (size_t)n;
    for (; done < count && self->sent >= messages[done].iov_len; done++)
        self->sent -= messages[done].iov_len;
    return done;
}

static ssize_t
send_messages(HfSyslogSocket *self, const struct iovec *messages, guint count)
{
    ssize_t n;

    do {
        n = self->type == SOCK_STREAM ? send_stream(self, messages, count)
                                      : send_datagrams(self, messages, count);
    } while (n < 0 && errno == EINTR);
    return n;
}

HfIoResult
hf_syslog_socket_send(HfSyslogSocket *self, const struct iovec *messages, guint count,
                      guint *out_sent, GError **error)
{
    HfIoResult result = get_ready(self, error);
    bool is_udp = self->type == SOCK_DGRAM && self->address.ss_family != AF_UNIX;
    ssize_t n;

    g_assert(count > 0);
    if (result != HF_IO_DATA)
        return result;
    count = MIN(count, HF_SYSLOG_BATCH_MAX);
    n = send_messages(self, messages, count);
    if (n < 0 && errno == ECONNREFUSED && is_udp)
        n = send_messages(self, messages, count);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return HF_IO_AGAIN;
    if (n < 0 && !(errno == ECONNREFUSED && is_udp))
        return fail(self, errno, error);
    *out_sent = n < 0 ? 1 : (guint)n;
    return HF_IO_DATA;
}

void
hf_syslog_socket_save(const HfSyslogSocket *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "socket", self->fd);
    hf_state_put_bool(writer, "is-connecting", self->is_connecting);
    hf_state_put_number(writer, "sent", (gint64)self->sent);
    hf_state_put_number(writer, "errno", self->errnum);
    hf_state_put_number(writer, "back-off", self->back_off_s);
    hf_state_put_number(writer, "retry", self->retry_us);
}

void
hf_syslog_socket_restore(HfSyslogSocket *self, HfStateReader *reader, size_t first_length)
{
    self->fd = hf_state_take_fd(reader, "socket");
    self->is_connecting = self->fd >= 0 && hf_state_get_bool(reader, "is-connecting");
    self->sent =
        (size_t)hf_state_get_number(reader, "sent", 0, MAX((gint64)first_length - 1, 0), 0);
    self->errnum = (int)hf_state_get_number(reader, "errno", 0, G_MAXINT32, 0);
    self->back_off_s = (guint)hf_state_get_number(reader, "back-off", 0, BACK_OFF_MAX_S, 0);
    self->retry_us = hf_state_get_number(reader, "retry", 0, G_MAXINT64, 0);
}
