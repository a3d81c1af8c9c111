/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/fd-store.h"

/* The manager's names for descriptors have at most 255 characters, of which none may be a colon or
 * a control character; what an id has of those becomes an underscore. */

#define NAME_PREFIX "holdfast-"
#define NAME_MAX_LENGTH 255
#define FIRST_FD 3

static char *
make_name(const char *id)
{
    char *name = g_strconcat(NAME_PREFIX, id, NULL);

    if (strlen(name) > NAME_MAX_LENGTH)
        name[NAME_MAX_LENGTH] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        if (*c == ':' || !g_ascii_isprint(*c))
            *c = '_';
    }
    return name;
}

static bool
make_address(struct sockaddr_un *address, socklen_t *out_length)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    size_t length = path != NULL ? strlen(path) : 0;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length < 2 || length >= sizeof address->sun_path || (*path != '/' && *path != '@'))
        return false;
    memcpy(address->sun_path, path, length);
    if (*path == '@')
        address->sun_path[0] = '\0';
    *out_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

/* @fd: -1 for none. */
static gboolean
notify(const char *text, int fd, GError **error)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct sockaddr_un address;
    struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_name = &address, .msg_iov = &part, .msg_iovlen = 1};
    hf_autofd socket_fd = -1;

    if (!make_address(&address, &message.msg_namelen))
        return TRUE;
    socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_fd < 0)
        return hf_throw_errno(error, "make a socket");
    if (fd >= 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
    }
    if (sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0)
        return hf_throw_errno(error, "send to NOTIFY_SOCKET");
    return TRUE;
}

gboolean
hf_fd_store_keep(const char *id, int fd, GError **error)
{
    g_autofree char *name = make_name(id);
    /* A terminal that is hung up would else be thrown away as soon as nobody has it. */
    g_autofree char *text = g_strdup_printf("FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);

    return notify(text, fd, error);
}

void
hf_fd_store_remove(const char *id)
{
    g_autofree char *name = make_name(id);
    g_autofree char *text = g_strdup_printf("FDSTOREREMOVE=1\nFDNAME=%s", name);

    (void)!notify(text, -1, NULL);
}

static bool
is_for_this_program(void)
{
    const char *value = g_getenv("LISTEN_PID");
    guint64 pid = 0;

    if (value == NULL)
        return true;
    return g_ascii_string_to_unsigned(value, 10, 1, G_MAXINT, &pid, NULL) &&
           ((pid_t)pid == getpid() || (pid_t)pid == getppid());
}

int
hf_fd_store_take(const char *id)
{
    g_autofree char *name = make_name(id);
    const char *count_text = g_getenv("LISTEN_FDS");
    const char *names_text = g_getenv("LISTEN_FDNAMES");
    guint64 count = 0;

    if (count_text == NULL || names_text == NULL || !is_for_this_program() ||
        !g_ascii_string_to_unsigned(count_text, 10, 0, G_MAXINT - FIRST_FD, &count, NULL))
        return -1;
    g_auto(GStrv) names = g_strsplit(names_text, ":", -1);
    for (guint64 i = 0; i < count && names[i] != NULL; i++) {
        int fd = FIRST_FD + (int)i;

        if (strcmp(names[i], name) == 0 && isatty(fd))
            return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
    }
    return -1;
}
