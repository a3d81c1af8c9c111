/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "attach/notify-relay.h"
#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "test-kit.h"

#define SOCKET_PATH "notify/notify.sock"

/* A bundle, a socket that plays the service manager, and one that plays the container. */
typedef struct {
    GMainContext *context;
    char *dir;
    int dir_fd;
    int host_fd;
    int container_fd;
    HfNotifyRelay *relay;
} Fixture;

static HfNotifyRelay *
make_relay(Fixture *self, const char *host_address, GError **error)
{
    return hf_notify_relay_new(self->context, self->dir_fd, host_address, error);
}

static void
set_up_dir(Fixture *self)
{
    *self = (Fixture){.host_fd = -1};
    self->context = g_main_context_new();
    self->dir = hf_test_make_dir();
    self->dir_fd = open(self->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    self->container_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint(mkdirat(self->dir_fd, "notify", 0700), ==, 0);
}

static void
set_up(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    set_up_dir(self);
    self->host_fd = hf_unix_socket_bind_at(self->dir_fd, "host.sock", SOCK_DGRAM, 0700, &error);
    g_assert_no_error(error);
    g_autofree char *address = g_build_filename(self->dir, "host.sock", NULL);
    self->relay = make_relay(self, address, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *self)
{
    hf_notify_relay_free(self->relay);
    hf_close_fd(&self->container_fd);
    hf_close_fd(&self->host_fd);
    hf_close_fd(&self->dir_fd);
    hf_test_remove_dir(self->dir);
    g_main_context_unref(self->context);
}

static ssize_t
try_notify(Fixture *self, const char *bytes, gsize length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_PATH,
               self->dir_fd);
    return sendto(self->container_fd, bytes, length, 0, (struct sockaddr *)&address,
                  sizeof address);
}

static void
notify(Fixture *self, const char *text)
{
    g_assert_cmpint(try_notify(self, text, strlen(text)), ==, strlen(text));
}

/* What the host got in one datagram; NULL if there is none. (transfer full) */
static char *
host_receives(const Fixture *self)
{
    char bytes[8192];
    ssize_t n = recv(self->host_fd, bytes, sizeof bytes, MSG_DONTWAIT);

    return n < 0 ? NULL : g_strndup(bytes, (gsize)n);
}

static void
test_whitelisted_lines_reach_the_host(void)
{
    Fixture self;

    set_up(&self);
    notify(&self, "READY=1\nMAINPID=1\nSTATUS=all is well\nFDSTORE=1\n");
    assert_asleep(self.context);

    g_autofree char *got = host_receives(&self);
    g_assert_cmpstr(got, ==, "READY=1\nSTATUS=all is well");
    tear_down(&self);
}

static void
test_datagram_with_nothing_to_relay_is_dropped(void)
{
    Fixture self;

    set_up(&self);
    notify(&self, "MAINPID=1");
    notify(&self, "");
    notify(&self, "STOPPING=1");
    assert_asleep(self.context);

    g_autofree char *got = host_receives(&self);
    g_autofree char *more = host_receives(&self);
    g_assert_cmpstr(got, ==, "STOPPING=1");
    g_assert_null(more);
    tear_down(&self);
}

static void
test_oversized_datagram_is_dropped_whole(void)
{
    Fixture self;
    g_autofree char *large = g_strnfill(5000, 'x');
    g_autofree char *text = g_strconcat("READY=1\nSTATUS=", large, NULL);

    set_up(&self);
    notify(&self, text);
    assert_asleep(self.context);

    g_autofree char *got = host_receives(&self);
    g_assert_null(got);
    tear_down(&self);
}

static void
test_abstract_address(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;

    set_up_dir(&self);
    self.host_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(self.host_fd, (struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
    g_assert_cmpint(getsockname(self.host_fd, (struct sockaddr *)&address, &length), ==, 0);
    g_autofree char *name =
        g_strndup(address.sun_path + 1, length - offsetof(struct sockaddr_un, sun_path) - 1);
    g_autofree char *host_address = g_strconcat("@", name, NULL);
    self.relay = make_relay(&self, host_address, &error);
    g_assert_no_error(error);
    notify(&self, "READY=1");
    assert_asleep(self.context);

    g_autofree char *got = host_receives(&self);
    g_assert_cmpstr(got, ==, "READY=1");
    tear_down(&self);
}

static void
test_host_that_does_not_read_blocks_nothing(void)
{
    Fixture self;

    set_up(&self);
    for (int i = 0; i < 2000; i++) {
        notify(&self, "WATCHDOG=1");
        settle_without_spinning(self.context);
    }

    g_autofree char *got = host_receives(&self);
    g_assert_cmpstr(got, ==, "WATCHDOG=1");
    tear_down(&self);
}

static void
test_host_that_is_gone_is_no_error(void)
{
    Fixture self;

    set_up(&self);
    hf_close_fd(&self.host_fd);
    notify(&self, "READY=1");
    assert_asleep(self.context);

    notify(&self, "READY=1");
    tear_down(&self);
}

static void
test_one_wake_up_relays_a_bounded_number(void)
{
    Fixture self;
    guint n = 0;

    set_up(&self);
    while (try_notify(&self, "WATCHDOG=1", 10) == 10 && n < 5000)
        n++;
    /* The kernel's queue of a datagram socket is short (net.unix.max_dgram_qlen). */
    if (n <= 16) {
        (void)g_main_context_iteration(self.context, FALSE);
        notify(&self, "WATCHDOG=1");
    } else {
        (void)g_main_context_iteration(self.context, FALSE);
        g_assert_true(g_main_context_pending(self.context));
    }
    settle_without_spinning(self.context);
    tear_down(&self);
}

static void
test_socket_is_for_everybody_whatever_the_umask(void)
{
    Fixture self;
    struct stat status;
    mode_t old_umask = umask(077);

    set_up(&self);
    (void)umask(old_umask);

    g_assert_cmpint(fstatat(self.dir_fd, SOCKET_PATH, &status, AT_SYMLINK_NOFOLLOW), ==, 0);
    g_assert_cmpint(status.st_mode, ==, S_IFSOCK | 0777);
    tear_down(&self);
}

static void
test_free_removes_the_socket(void)
{
    Fixture self;

    set_up(&self);
    g_clear_pointer(&self.relay, hf_notify_relay_free);

    g_assert_false(hf_test_file_exists(self.dir, SOCKET_PATH));
    tear_down(&self);
}

static void
test_addresses_that_are_none_are_refused(void)
{
    g_autofree char *long_path = g_strnfill(200, '/');
    const char *const addresses[] = {"", "@", "/", "relative", "vsock:2:1234", long_path};
    Fixture self;

    set_up_dir(&self);
    for (gsize i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(make_relay(&self, addresses[i], &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
    tear_down(&self);
}

static void
test_directory_that_is_not_there_is_an_error(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    g_assert_cmpint(unlinkat(self.dir_fd, "notify", AT_REMOVEDIR), ==, 0);
    g_assert_null(make_relay(&self, "/run/nowhere", &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/notify-relay/whitelisted-lines-reach-the-host",
                test_whitelisted_lines_reach_the_host);
    hf_test_add("/attach/notify-relay/datagram-with-nothing-to-relay-is-dropped",
                test_datagram_with_nothing_to_relay_is_dropped);
    hf_test_add("/attach/notify-relay/oversized-datagram-is-dropped-whole",
                test_oversized_datagram_is_dropped_whole);
    hf_test_add("/attach/notify-relay/abstract-address", test_abstract_address);
    hf_test_add("/attach/notify-relay/host-that-does-not-read-blocks-nothing",
                test_host_that_does_not_read_blocks_nothing);
    hf_test_add("/attach/notify-relay/host-that-is-gone-is-no-error",
                test_host_that_is_gone_is_no_error);
    hf_test_add("/attach/notify-relay/one-wake-up-relays-a-bounded-number",
                test_one_wake_up_relays_a_bounded_number);
    hf_test_add("/attach/notify-relay/socket-is-for-everybody-whatever-the-umask",
                test_socket_is_for_everybody_whatever_the_umask);
    hf_test_add("/attach/notify-relay/free-removes-the-socket", test_free_removes_the_socket);
    hf_test_add("/attach/notify-relay/addresses-that-are-none-are-refused",
                test_addresses_that_are_none_are_refused);
    hf_test_add("/attach/notify-relay/directory-that-is-not-there-is-an-error",
                test_directory_that_is_not_there_is_an_error);

    return g_test_run();
}
