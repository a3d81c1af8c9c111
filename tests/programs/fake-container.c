/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-runtime.h"

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
        fake_die("fake-runtime: console socket path too long: %s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fake_die("fake-runtime: connect to console socket %s: %m", path);
    return fd;
}

/* One message with @count descriptors, none if it is 0. */
static void
send_fds(int socket_fd, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec text = {.iov_base = (char *)"/dev/ptmx", .iov_len = 9};
    struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};

    if (count > 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    if (sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0)
        fake_die("fake-runtime: send on console socket: %m");
}

static int
open_terminal(int *out_peer_fd)
{
    int main_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (main_fd < 0 || grantpt(main_fd) < 0 || unlockpt(main_fd) < 0)
        fake_die("fake-runtime: open a terminal: %m");
    *out_peer_fd = open(ptsname(main_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*out_peer_fd < 0)
        fake_die("fake-runtime: open %s: %m", ptsname(main_fd));
    return main_fd;
}

/* The container's side of a new terminal whose main side is sent, or not, as the script says. */
static int
hand_over_console(const FakeRequest *request, const FakeScript *script)
{
    const char *how = fake_script_get(script, "console");
    int peer_fd = -1;
    int main_fd = open_terminal(&peer_fd);
    int pipe_fds[2];

    if (g_strcmp0(how, "none") == 0)
        return peer_fd;
    int socket_fd = connect_to(request->console_socket);
    if (g_strcmp0(how, "silent") == 0)
        return peer_fd; /* the connection stays open */
    if (how == NULL) {
        send_fds(socket_fd, &main_fd, 1);
    } else if (strcmp(how, "garbage") == 0) {
        send_fds(socket_fd, NULL, 0);
    } else if (strcmp(how, "not-a-terminal") == 0) {
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
            fake_die("fake-runtime: pipe: %m");
        send_fds(socket_fd, pipe_fds, 1);
    } else if (strcmp(how, "two") == 0) {
        send_fds(socket_fd, (int[]){main_fd, main_fd}, 2);
    } else {
        fake_die("fake-runtime: console %s?", how);
    }
    (void)close(socket_fd);
    (void)close(main_fd);
    return peer_fd;
}

char *
fake_start_fifo_path(const char *bundle)
{
    return g_build_filename(bundle, "fake-runtime.start", NULL);
}

/* Opened for both directions, so that opening does not wait for start, and its opening for writing
 * fails once this process is gone. */
static int
open_start_fifo(const char *bundle)
{
    g_autofree char *path = fake_start_fifo_path(bundle);

    (void)unlink(path);
    if (mkfifo(path, 0600) < 0)
        fake_die("fake-runtime: mkfifo %s: %m", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fake_die("fake-runtime: open %s: %m", path);
    return fd;
}

static void
take_terminal(int peer_fd)
{
    if (ioctl(peer_fd, TIOCSCTTY, 0) < 0)
        fake_die("fake-runtime: take the terminal: %m");
    for (int fd = 0; fd <= 2; fd++)
        (void)dup2(peer_fd, fd);
}

/* A runtime that is killed before it has noted its container leaves none. */
static void
wait_until_noted(const int *noted)
{
    char byte;

    (void)close(noted[1]);
    if (read(noted[0], &byte, 1) != 1)
        _exit(1);
    (void)close(noted[0]);
}

static noreturn void
run_container(const FakeRequest *request, const FakeScript *script, int peer_fd, int start_fd)
{
    const char *command = fake_script_get(script, "command");
    g_autofree char *known_bundle = request->bundle == NULL ? fake_state_bundle(request) : NULL;
    const char *bundle = request->bundle == NULL ? known_bundle : request->bundle;
    char byte;

    (void)setsid();
    if (peer_fd >= 0)
        take_terminal(peer_fd);
    if (bundle != NULL && chdir(bundle) < 0)
        fake_die("fake-runtime: chdir %s: %m", bundle);
    if (start_fd >= 0 && read(start_fd, &byte, 1) != 1)
        fake_die("fake-runtime: read start fifo: %m");
    (void)close_range(3U + (unsigned)request->preserve_fds, ~0U, 0);
    const char *record_dir = fake_script_get(script, "record-container");
    if (record_dir != NULL)
        fake_record(record_dir, (char *[]){(char *)"container", NULL});
    (void)execl("/bin/sh", "sh", "-c", command == NULL ? "exit 0" : command, NULL);
    fake_die("fake-runtime: exec /bin/sh: %m");
}

pid_t
fake_container_spawn(const FakeRequest *request, const FakeScript *script, char **argv,
                     bool waits_for_start, int *out_noted_fd)
{
    int peer_fd = -1;
    int start_fd = -1;
    int noted[2];

    if (waits_for_start) {
        if (request->bundle == NULL)
            fake_die("fake-runtime: create: no bundle");
        start_fd = open_start_fifo(request->bundle);
    }
    if (request->console_socket != NULL)
        peer_fd = hand_over_console(request, script);

    if (pipe2(noted, O_CLOEXEC) < 0)
        fake_die("fake-runtime: pipe: %m");
    pid_t pid = fork();
    if (pid < 0)
        fake_die("fake-runtime: fork: %m");
    if (pid == 0) {
        wait_until_noted(noted);
        run_container(request, script, peer_fd, start_fd);
    }
    (void)close(noted[0]);
    *out_noted_fd = noted[1];
    if (peer_fd >= 0)
        (void)close(peer_fd);
    if (start_fd >= 0)
        (void)close(start_fd);
    return pid;
}
