/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "lib/test-kit.h"
#include "seccomp-agent/seccomp-peer.h"

#define STATE "{\"fds\":[\"seccompFd\"],\"state\":{\"id\":\"ctr\"}}"

typedef struct {
    GMainContext *context;
    HfSeccompPeer *peer;
    int runtime_fd;
    char *container_id;
    int fd;
    GError *error;
} Fixture;

static void
on_state(HfSeccompPeer *peer, const HfSeccompState *state, int take_fd, gpointer user_data)
{
    Fixture *f = user_data;

    f->container_id = g_strdup(state->container_id);
    f->fd = take_fd;
}

static void
on_refused(HfSeccompPeer *peer, const GError *error, gpointer user_data)
{
    ((Fixture *)user_data)->error = g_error_copy(error);
}

static const HfSeccompPeerHandlers handlers = {on_state, on_refused};

static void
set_up(Fixture *f)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
    *f = (Fixture){.context = g_main_context_new(), .runtime_fd = fds[0], .fd = -1};
    f->peer = hf_seccomp_peer_new(f->context, fds[1], &handlers, f);
}

static void
tear_down(Fixture *f)
{
    hf_seccomp_peer_free(f->peer);
    hf_close_fd(&f->runtime_fd);
    hf_close_fd(&f->fd);
    g_main_context_unref(f->context);
    g_free(f->container_id);
    g_clear_error(&f->error);
}

/* @text with @count descriptors of /dev/null. */
static void
send_text(Fixture *f, const char *text, size_t count)
{
    hf_autofd null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char control[CMSG_SPACE(64 * sizeof(int))] __attribute__((aligned(8))) = "";
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        *c = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        for (size_t i = 0; i < count; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &null_fd, sizeof null_fd);
    }
    g_assert_cmpint(sendmsg(f->runtime_fd, &message, MSG_NOSIGNAL), ==, (gssize)strlen(text));
}

static bool
is_done(gpointer user_data)
{
    return hf_seccomp_peer_is_done(((Fixture *)user_data)->peer);
}

static void
wait_done(Fixture *f)
{
    hf_test_wait(f->context, "an outcome", is_done, f);
}

static void
check_taken(Fixture *f)
{
    wait_done(f);
    g_assert_no_error(f->error);
    g_assert_cmpstr(f->container_id, ==, "ctr");
    g_assert_cmpint(f->fd, >=, 0);
    g_assert_cmpint(fcntl(f->fd, F_GETFD) & FD_CLOEXEC, !=, 0);
}

static void
test_at_once(void)
{
    Fixture f;

    set_up(&f);
    send_text(&f, STATE, 1);

    check_taken(&f);
    tear_down(&f);
}

static void
test_in_pieces(void)
{
    Fixture f;

    set_up(&f);
    send_text(&f, "{\"fds\":[\"seccompFd\"],\"state\":{\"id\":\"ctr\"}", 1);
    hf_test_settle(f.context);
    g_assert_false(is_done(&f));
    send_text(&f, "}\n", 0);

    check_taken(&f);
    tear_down(&f);
}

static void
test_right_one_of_two(void)
{
    Fixture f;

    set_up(&f);
    send_text(&f, "{\"fds\":[\"a\",\"seccompFd\"],\"state\":{\"id\":\"ctr\"}}", 2);

    check_taken(&f);
    tear_down(&f);
}

static void
check_refused(const char *text, size_t count, HfError code)
{
    Fixture f;

    set_up(&f);
    send_text(&f, text, count);
    hf_close_fd(&f.runtime_fd);
    wait_done(&f);

    g_assert_error(f.error, HF_ERROR, (int)code);
    g_assert_null(f.container_id);
    tear_down(&f);
}

static void
test_garbage(void)
{
    check_refused("}}}garbage", 1, HF_ERROR_PROTOCOL);
    check_refused("{\"fds\":[\"seccompFd\"]}", 1, HF_ERROR_PROTOCOL);
    check_refused("{\"fds\":[\"seccompFd\"],\"state\":{\"id\":\"ct", 1, HF_ERROR_PROTOCOL);
}

static void
test_wrong_number(void)
{
    check_refused(STATE, 0, HF_ERROR_PROTOCOL);
    check_refused(STATE, 3, HF_ERROR_PROTOCOL);
    check_refused(STATE, HF_SECCOMP_FDS_MAX + 1, HF_ERROR_LIMIT);
}

static void
test_nothing(void)
{
    Fixture f;

    set_up(&f);
    hf_close_fd(&f.runtime_fd);
    wait_done(&f);

    g_assert_error(f.error, HF_ERROR, HF_ERROR_PROTOCOL);
    tear_down(&f);
}

static void
test_huge(void)
{
    Fixture f;
    char bytes[4096];

    set_up(&f);
    memset(bytes, ' ', sizeof bytes);
    while (!is_done(&f)) {
        (void)!send(f.runtime_fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        hf_test_settle(f.context);
    }

    g_assert_error(f.error, HF_ERROR, HF_ERROR_LIMIT);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/seccomp-peer/state-is-taken-before-the-hang-up", test_at_once);
    hf_test_add("/seccomp-agent/seccomp-peer/state-comes-in-pieces", test_in_pieces);
    hf_test_add("/seccomp-agent/seccomp-peer/other-descriptors-are-closed", test_right_one_of_two);
    hf_test_add("/seccomp-agent/seccomp-peer/garbage-is-refused", test_garbage);
    hf_test_add("/seccomp-agent/seccomp-peer/number-of-descriptors-must-agree", test_wrong_number);
    hf_test_add("/seccomp-agent/seccomp-peer/nothing-is-refused", test_nothing);
    hf_test_add("/seccomp-agent/seccomp-peer/size-is-bounded", test_huge);
    return g_test_run();
}
