/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * One datagram socket does both: the container writes to the name it is bound to, and it sends to
 * the host. The service manager reads the sender's pid from the kernel and sees the monitor, which
 * is the main process of the service.
 *
 * Descriptors that come with a datagram are closed by the kernel, because recv(2) makes no room for
 * them. That also answers sd_notify_barrier(3). A datagram longer than service managers take is
 * dropped, never cut: half a line could be another line.
 *
 * It is read at the priority of output and a bounded number at a time, because any process in the
 * container can write to it without end. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "attach/notify-relay.h"
#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "protocol/notify-filter.h"

#define NOTIFY_DIR "notify"
#define SOCKET_NAME "notify.sock"
#define DATAGRAM_MAX_BYTES 4096
#define DATAGRAMS_PER_WAKE_UP 16

struct HfNotifyRelay {
    struct sockaddr_un host;
    socklen_t host_length;
    GSource *watch;
    int dir_fd;
    int fd;
};

static gboolean
parse_host_address(HfNotifyRelay *self, const char *text, GError **error)
{
    size_t length = strlen(text);

    if (text[0] != '/' && text[0] != '@')
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "the notify socket '%s' is neither a path nor an abstract name", text);
    if (length < 2 || length >= sizeof self->host.sun_path)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "the notify socket '%s' has a name too short or too long", text);
    self->host.sun_family = AF_UNIX;
    memcpy(self->host.sun_path, text, length);
    /* An abstract name begins with a NUL, has no NUL at its end, and every byte counts. */
    if (text[0] == '@')
        self->host.sun_path[0] = '\0';
    else
        length++;
    self->host_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return TRUE;
}

static void
relay(const HfNotifyRelay *self, const char *datagram, size_t length)
{
    size_t kept_length = 0;
    g_autofree char *kept = hf_notify_filter(datagram, length, &kept_length);

    if (kept == NULL)
        return;
    /* sd_notify(3) is best effort: there may be no service manager any more. */
    (void)sendto(self->fd, kept, kept_length, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&self->host, self->host_length);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    const HfNotifyRelay *self = user_data;
    char datagram[DATAGRAM_MAX_BYTES];

    for (int i = 0; i < DATAGRAMS_PER_WAKE_UP; i++) {
        ssize_t n = recv(fd, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0)
            break;
        if ((size_t)n <= sizeof datagram)
            relay(self, datagram, (size_t)n);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
bind_below(HfNotifyRelay *self, int bundle_fd, GError **error)
{
    self->dir_fd = openat(bundle_fd, NOTIFY_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (self->dir_fd < 0)
        return hf_throw_errno(error, "open '%s'", NOTIFY_DIR);
    self->fd = hf_unix_socket_bind_at(self->dir_fd, SOCKET_NAME, SOCK_DGRAM, 0777, error);
    return self->fd >= 0;
}

HfNotifyRelay *
hf_notify_relay_new(GMainContext *context, int bundle_fd, const char *host_address, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    g_autoptr(HfNotifyRelay) self = g_new0(HfNotifyRelay, 1);

    self->dir_fd = -1;
    self->fd = -1;
    if (!parse_host_address(self, host_address, error) || !bind_below(self, bundle_fd, error))
        return NULL;
    self->watch = hf_source_watch_fd(context, self->fd, G_IO_IN, HF_PRIORITY_OUTPUT, "notify-relay",
                                     on_readable, self);
    return g_steal_pointer(&self);
}

void
hf_notify_relay_free(HfNotifyRelay *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->watch);
    if (self->fd >= 0)
        (void)unlinkat(self->dir_fd, SOCKET_NAME, 0);
    hf_close_fd(&self->fd);
    hf_close_fd(&self->dir_fd);
    g_free(self);
}

void
hf_notify_relay_save(const HfNotifyRelay *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "directory", self->dir_fd);
    hf_state_put_fd(writer, "socket", self->fd);
}

HfNotifyRelay *
hf_notify_relay_new_saved(GMainContext *context, HfStateReader *reader, const char *host_address)
{
    HfNotifyRelay *self = g_new0(HfNotifyRelay, 1);

    self->dir_fd = hf_state_take_needed_fd(reader, "directory");
    self->fd = hf_state_take_needed_fd(reader, "socket");
    if (self->fd < 0 || host_address == NULL || !parse_host_address(self, host_address, NULL)) {
        hf_state_reader_fail(reader, "socket", "is no notify socket of the command line");
        g_free(self);
        return NULL;
    }
    self->watch = hf_source_watch_fd(context, self->fd, G_IO_IN, HF_PRIORITY_OUTPUT, "notify-relay",
                                     on_readable, self);
    return self;
}
