/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Takes datagrams as fast as they come and throws them away: datagram-sink journal | PORT
 *
 * `journal`: in a mount name space of its own, with a /run of its own, in which it is the socket of
 * the systemd journal; nsenter(1) brings others there. PORT: of UDP on 127.0.0.1; 0: any. Prints
 * "ready" and the port; when its stdin ends, how many datagrams came. */

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BATCH 64
#define DATAGRAM_MAX 65536
#define SOCKET_PATH "/run/systemd/journal/socket"
#define RECEIVE_BUFFER (8 * 1024 * 1024)

static int
make_own_run(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
        return -1;
    return mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0 ? -1 : 0;
}

static int
open_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || make_own_run() < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return fd;
}

static int
open_port(const char *text, int *out_port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)strtoul(text, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    *out_port = ntohs(address.sin_port);
    return fd;
}

/* Returns how many came. */
static int
take(int fd)
{
    static char buffers[BATCH][DATAGRAM_MAX];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    int n;

    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){buffers[i], DATAGRAM_MAX};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    return n < 0 ? 0 : n;
}

int
main(int argc, char **argv)
{
    struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {-1, POLLIN, 0}};
    int size = RECEIVE_BUFFER;
    long count = 0;
    int port = 0;
    int n;

    if (argc != 2)
        return 2;
    fds[1].fd = strcmp(argv[1], "journal") == 0 ? open_journal() : open_port(argv[1], &port);
    if (fds[1].fd < 0) {
        perror("datagram-sink");
        return 1;
    }
    (void)setsockopt(fds[1].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    printf("ready %d\n", port);
    fflush(stdout);
    while (fds[0].revents == 0) {
        if (poll(fds, 2, -1) < 0)
            return 1;
        count += take(fds[1].fd);
    }
    while ((n = take(fds[1].fd)) > 0)
        count += n;
    printf("%ld\n", count);
    return 0;
}
