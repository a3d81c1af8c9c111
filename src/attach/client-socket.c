/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <glib.h>

#include "attach/client-socket.h"
#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"
#include "protocol/attach-frame.h"

static int
open_directory(const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        hf_throw_errno(error, "open '%s'", directory);
    return fd;
}

HfClientSocketResult
hf_client_socket_connect(const char *path, int *out_fd, GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    struct sockaddr_un address;
    hf_autofd dir_fd = -1;
    hf_autofd fd = -1;

    g_return_val_if_fail(error == NULL || *error == NULL, HF_CLIENT_SOCKET_FAILED);

    dir_fd = open_directory(path, error);
    if (dir_fd < 0 || !hf_unix_socket_make_address(dir_fd, name, &address, error))
        return HF_CLIENT_SOCKET_FAILED;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        *out_fd = hf_steal_fd(&fd);
        return HF_CLIENT_SOCKET_CONNECTED;
    }
    if (fd >= 0 && (errno == EAGAIN || errno == EINTR))
        return HF_CLIENT_SOCKET_BUSY;
    hf_throw_errno(error, "connect to '%s'", path);
    return HF_CLIENT_SOCKET_FAILED;
}

static HfClientPacketResult
check_packet(const unsigned char *packet, size_t length, GError **error)
{
    if (length > HF_ATTACH_PACKET_MAX)
        hf_throw(error, HF_ERROR_PROTOCOL, "a packet of %zu bytes on the attach socket", length);
    else if (packet[0] != HF_ATTACH_STREAM_STDOUT && packet[0] != HF_ATTACH_STREAM_STDERR)
        hf_throw(error, HF_ERROR_PROTOCOL, "a packet for stream %d on the attach socket",
                 packet[0]);
    else
        return HF_CLIENT_PACKET_DATA;
    return HF_CLIENT_PACKET_FAILED;
}

HfClientPacketResult
hf_client_socket_read(int fd, unsigned char *packet, size_t *out_length, GError **error)
{
    ssize_t n;

    do {
        /* With MSG_TRUNC the result is the packet's length, also if it is cut. */
        n = recv(fd, packet, HF_ATTACH_PACKET_MAX, MSG_TRUNC | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);

    /* The other side resets the connection if it leaves with something of ours unread. */
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return HF_CLIENT_PACKET_END;
    if (n < 0 && errno == EAGAIN)
        return HF_CLIENT_PACKET_NONE;
    if (n < 0) {
        hf_throw_errno(error, "read from the attach socket");
        return HF_CLIENT_PACKET_FAILED;
    }
    *out_length = (size_t)n;
    return check_packet(packet, (size_t)n, error);
}
