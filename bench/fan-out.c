/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Clients that read as fast as the machine lets them, and the most it can do for so many.
 *
 *   fan-out read FD...            reads each connection to its end; prints the bytes each one got,
 *                                 the stream bytes not counted
 *   fan-out bare CLIENTS BYTES    sends BYTES to each of CLIENTS readers in packets like an attach
 *                                 socket's, with nothing else to do; prints the seconds it took
 *
 * The readers are one process, which takes packets without copying them (MSG_TRUNC). `bare` is the
 * bound for any monitor: one send(2) for each packet and client, of bytes that are in the cache. */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 8193
#define CLIENTS_MAX 1000
#define PACKETS_PER_TURN 16
#define EVENTS_MAX 128
/* What the monitor asks for, and packets a monitor's read has. */
#define SEND_BUFFER_BYTES (256 * 1024)
#define PACKETS_PER_READ 8

typedef struct {
    int fd;
    unsigned long long bytes;
} Client;

/* False at the connection's end. */
static bool
read_packets(Client *client)
{
    char byte;

    for (int i = 0; i < PACKETS_PER_TURN; i++) {
        ssize_t n = recv(client->fd, &byte, 1, MSG_TRUNC | MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        if (n < 0)
            return true;
        client->bytes += (unsigned long long)n - 1;
    }
    return true;
}

static int
read_to_the_ends(Client *clients, int count)
{
    struct epoll_event events[EVENTS_MAX];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);

    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};

        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, clients[i].fd, &event) < 0)
            return 1;
    }
    for (int left = count; left > 0;) {
        int ready = epoll_wait(poll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < ready; i++) {
            Client *client = events[i].data.ptr;

            if (read_packets(client))
                continue;
            (void)epoll_ctl(poll_fd, EPOLL_CTL_DEL, client->fd, NULL);
            left--;
        }
    }
    return 0;
}

static int
run_readers(int count, char **numbers)
{
    Client *clients = calloc((size_t)count, sizeof *clients);

    for (int i = 0; i < count; i++)
        clients[i].fd = (int)strtol(numbers[i], NULL, 10);
    if (clients == NULL || read_to_the_ends(clients, count) != 0)
        return 1;
    for (int i = 0; i < count; i++)
        printf("%llu\n", clients[i].bytes);
    free(clients);
    return 0;
}

static bool
send_packets(int fd, const char *bytes)
{
    for (int left = PACKETS_PER_READ; left > 0;) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};

        if (send(fd, bytes, PACKET_MAX, MSG_DONTWAIT | MSG_NOSIGNAL) == PACKET_MAX)
            left--;
        else if (errno != EAGAIN || poll(&wait, 1, -1) < 0)
            return false;
    }
    return true;
}

static double
get_seconds(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool
send_all(const int *fds, int count, long long total)
{
    static const char bytes[PACKET_MAX] = {2};

    for (long long sent = 0; sent < total; sent += PACKETS_PER_READ * (PACKET_MAX - 1)) {
        for (int i = 0; i < count; i++)
            if (!send_packets(fds[i], bytes))
                return false;
    }
    return true;
}

static int
run_bare(int count, long long total)
{
    int fds[CLIENTS_MAX];
    Client clients[CLIENTS_MAX] = {{0}};
    int buffer_bytes = SEND_BUFFER_BYTES;

    for (int i = 0; i < count; i++) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
            return 1;
        (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
        fds[i] = ends[0];
        clients[i].fd = ends[1];
    }
    pid_t readers = fork();
    for (int i = 0; i < count; i++)
        (void)close(readers == 0 ? fds[i] : clients[i].fd);
    if (readers == 0)
        _exit(read_to_the_ends(clients, count));

    double begin = get_seconds();
    bool is_sent = readers > 0 && send_all(fds, count, total);
    for (int i = 0; i < count; i++)
        (void)close(fds[i]);
    if (!is_sent || waitpid(readers, NULL, 0) < 0)
        return 1;
    printf("%f\n", get_seconds() - begin);
    return 0;
}

int
main(int argc, char **argv)
{
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

    if (argc > 2 && strcmp(argv[1], "read") == 0)
        return run_readers(argc - 2, argv + 2);
    if (argc == 4 && strcmp(argv[1], "bare") == 0 && count > 0 && count <= CLIENTS_MAX)
        return run_bare((int)count, strtoll(argv[3], NULL, 10));
    return 2;
}
