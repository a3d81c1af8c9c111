/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A runtime connects and sends one message: some bytes (a name nobody needs) with one descriptor,
 * the main side of the container's pty. The first message of a connection decides: one terminal
 * goes to on_console, anything else is closed and told to on_failed, and so is a connection that
 * ends without a message. Either way the connection is closed.
 *
 * Who connects and says nothing occupies one of a few slots and nothing else; while all are taken,
 * a new connection is closed at once. The directory is 0700, so only this user can do that.
 *
 * The control buffer has room for more than the one descriptor that is expected, to tell two from
 * one. What does not fit is never installed by the kernel, which says so (MSG_CTRUNC); what fits is
 * closed here.
 *
 * accept() that fails for want of descriptors or memory leaves the connection in the queue and the
 * socket readable: going on would be a loop. Listening stops then, after on_failed; poll() still
 * tries once. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "runtime/console-socket.h"

#define CONNECTIONS_MAX 4
#define ACCEPTS_PER_WAKEUP 8
#define FDS_RECEIVED_MAX 4

#define DIR_TEMPLATE "/holdfast-XXXXXX"
#define SOCKET_NAME "/console"

typedef struct {
    HfConsoleSocket *owner; /* borrowed */
    int fd;
    GSource *source;
} Connection;

struct HfConsoleSocket {
    GMainContext *context; /* borrowed; NULL: the default one */
    const HfConsoleHandlers *handlers;
    gpointer user_data;
    struct sockaddr_un address;
    size_t dir_length; /* of the directory's part of the path; 0: none made */
    int fd;
    GSource *source;
    Connection connections[CONNECTIONS_MAX];
    bool is_in_handler;
};

static void
connection_close(Connection *connection)
{
    hf_source_clear(&connection->source);
    hf_close_fd(&connection->fd);
}

static void
report_console(HfConsoleSocket *self, int take_fd)
{
    self->is_in_handler = true;
    self->handlers->on_console(take_fd, self->user_data);
    self->is_in_handler = false;
}

static void
report_failure(HfConsoleSocket *self, GError *take_error)
{
    self->is_in_handler = true;
    self->handlers->on_failed(take_error, self->user_data);
    self->is_in_handler = false;
    g_error_free(take_error);
}

typedef struct {
    int fds[FDS_RECEIVED_MAX];
    size_t count;
    bool is_truncated; /* there were more than fit here, or than this process may have */
} ReceivedFds;

static void
collect_fds(ReceivedFds *out, struct msghdr *message)
{
    out->is_truncated = (message->msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
         part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        out->count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(out->fds, CMSG_DATA(part), out->count * sizeof(int));
    }
}

/* One message. *@out may hold descriptors whatever the result is; 0 bytes is the connection's end.
 */
static ssize_t
receive_message(int fd, ReceivedFds *out)
{
    union {
        struct cmsghdr alignment;
        char space[CMSG_SPACE(FDS_RECEIVED_MAX * sizeof(int))];
    } control;
    char name[256];
    struct iovec iov = {.iov_base = name, .iov_len = sizeof name};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n;

    do {
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);

    if (n >= 0)
        collect_fds(out, &message);
    return n;
}

static gboolean
check_console(const ReceivedFds *received, GError **error)
{
    unsigned number = 0;

    if (received->count == 0 && received->is_truncated)
        return hf_throw(error, HF_ERROR_LIMIT, "console socket: no room for the descriptor");
    if (received->count == 0)
        return hf_throw(error, HF_ERROR_PROTOCOL, "console socket: no descriptor came");
    if (received->count > 1 || received->is_truncated)
        return hf_throw(error, HF_ERROR_PROTOCOL, "console socket: more than one descriptor came");
    if (ioctl(received->fds[0], TIOCGPTN, &number) < 0)
        return hf_throw(error, HF_ERROR_PROTOCOL,
                        "console socket: the descriptor is not the main side of a terminal");
    return hf_fd_set_nonblocking(received->fds[0], true, error);
}

static void
judge_message(HfConsoleSocket *self, ReceivedFds *received)
{
    GError *error = NULL;

    if (check_console(received, &error)) {
        report_console(self, received->fds[0]);
        return;
    }
    for (size_t i = 0; i < received->count; i++)
        hf_close_fd(&received->fds[i]);
    report_failure(self, error);
}

static void
connection_receive(Connection *connection)
{
    HfConsoleSocket *self = connection->owner;
    ReceivedFds received = {0};
    GError *error = NULL;
    ssize_t n = receive_message(connection->fd, &received);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        hf_throw_errno(&error, "console socket: receive");
    connection_close(connection);
    if (error != NULL)
        report_failure(self, error);
    else
        judge_message(self, &received);
}

static gboolean
on_connection_readable(int fd, GIOCondition condition, gpointer user_data)
{
    Connection *connection = user_data;

    /* If it is closed in there, its source is destroyed, whatever is returned here. */
    connection_receive(connection);
    return G_SOURCE_CONTINUE;
}

static Connection *
find_free_slot(HfConsoleSocket *self)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (self->connections[i].fd < 0)
            return &self->connections[i];
    }
    return NULL;
}

static void
add_connection(HfConsoleSocket *self, int take_fd)
{
    Connection *connection = find_free_slot(self);
    GError *error = NULL;

    if (connection == NULL) {
        (void)close(take_fd);
        hf_throw(&error, HF_ERROR_LIMIT, "console socket: more than %d connections",
                 CONNECTIONS_MAX);
        report_failure(self, error);
        return;
    }
    connection->fd = take_fd;
    connection->source =
        hf_source_watch_fd(self->context, take_fd, G_IO_IN, HF_PRIORITY_CONTROL,
                           "console connection", on_connection_readable, connection);
}

static void
accept_waiting(HfConsoleSocket *self)
{
    GError *error = NULL;

    for (int i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            add_connection(self, fd);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        hf_throw_errno(&error, "console socket: accept");
        hf_source_clear(&self->source);
        report_failure(self, error);
        return;
    }
}

static gboolean
on_listening_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfConsoleSocket *self = user_data;

    accept_waiting(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
make_dir_in(HfConsoleSocket *self, const char *parent, GError **error)
{
    struct sockaddr_un *address = &self->address;
    size_t needed = strlen(parent) + strlen(DIR_TEMPLATE) + strlen(SOCKET_NAME) + 1;

    if (needed > sizeof address->sun_path)
        return hf_throw(error, HF_ERROR_LIMIT, "'%s' is too long for a socket", parent);
    (void)g_snprintf(address->sun_path, sizeof address->sun_path, "%s" DIR_TEMPLATE, parent);
    if (mkdtemp(address->sun_path) == NULL)
        return hf_throw_errno(error, "make a directory in '%s'", parent);
    self->dir_length = strlen(address->sun_path);
    (void)g_strlcat(address->sun_path, SOCKET_NAME, sizeof address->sun_path);
    return TRUE;
}

/* The first place that will do; the error is that of the last. */
static gboolean
make_dir(HfConsoleSocket *self, GError **error)
{
    const char *runtime_dir = g_getenv("XDG_RUNTIME_DIR");

    if (runtime_dir != NULL && g_path_is_absolute(runtime_dir) &&
        make_dir_in(self, runtime_dir, NULL))
        return TRUE;
    return make_dir_in(self, g_get_tmp_dir(), NULL) || make_dir_in(self, "/tmp", error);
}

static gboolean
start_listening(HfConsoleSocket *self, GError **error)
{
    const struct sockaddr *address = (const struct sockaddr *)&self->address;

    if (!make_dir(self, error))
        return FALSE;
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0)
        return hf_throw_errno(error, "make a socket");
    if (bind(self->fd, address, sizeof self->address) < 0 || listen(self->fd, CONNECTIONS_MAX) < 0)
        return hf_throw_errno(error, "listen on '%s'", self->address.sun_path);
    self->source = hf_source_watch_fd(self->context, self->fd, G_IO_IN, HF_PRIORITY_CONTROL,
                                      "console socket", on_listening_readable, self);
    return TRUE;
}

HfConsoleSocket *
hf_console_socket_new(GMainContext *context, const HfConsoleHandlers *handlers, gpointer user_data,
                      GError **error)
{
    g_autoptr(HfConsoleSocket) self = g_new0(HfConsoleSocket, 1);

    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->address.sun_family = AF_UNIX;
    self->fd = -1;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        self->connections[i] = (Connection){.owner = self, .fd = -1};
    if (!start_listening(self, error))
        return NULL;
    return g_steal_pointer(&self);
}

const char *
hf_console_socket_get_path(const HfConsoleSocket *self)
{
    return self->address.sun_path;
}

void
hf_console_socket_poll(HfConsoleSocket *self)
{
    accept_waiting(self);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (self->connections[i].fd >= 0)
            connection_receive(&self->connections[i]);
    }
}

static void
remove_socket(HfConsoleSocket *self)
{
    if (self->dir_length == 0)
        return;
    (void)unlink(self->address.sun_path);
    self->address.sun_path[self->dir_length] = '\0';
    (void)rmdir(self->address.sun_path);
}

void
hf_console_socket_free(HfConsoleSocket *self)
{
    if (self == NULL)
        return;
    g_assert(!self->is_in_handler);
    hf_source_clear(&self->source);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        connection_close(&self->connections[i]);
    hf_close_fd(&self->fd);
    remove_socket(self);
    g_free(self);
}
