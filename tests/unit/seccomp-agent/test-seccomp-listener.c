/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "lib/test-kit.h"
#include "seccomp-agent/seccomp-listener.h"

#define NO_NOTIFICATIONS 77

/* A child with a filter that hands chdir(2) over calls it, and ends with its errno. */
typedef struct {
    GMainContext *context;
    char *dir;
    HfRecordFile *file;
    HfSeccompRecords *records;
    HfSeccompPolicy *policy;
    HfSeccompListener *listener;
    pid_t child;
    int wait_status;
    bool is_closed;
    guint failures;
} Fixture;

static void
on_closed(HfSeccompListener *listener, const GError *error, gpointer user_data)
{
    g_assert_no_error((GError *)error);
    ((Fixture *)user_data)->is_closed = true;
}

static void
on_failed(const GError *error, gpointer user_data)
{
    ((Fixture *)user_data)->failures++;
}

static const HfSeccompListenerHandlers handlers = {on_closed, on_failed};

static void
send_fd(int socket_fd, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = "";
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {NULL, 0, &part, 1, control, sizeof control, 0};
    struct cmsghdr *c = (struct cmsghdr *)(gpointer)control;

    *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    (void)!sendmsg(socket_fd, &message, 0);
}

static int
receive_fd(int socket_fd)
{
    char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = "";
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {NULL, 0, &part, 1, control, sizeof control, 0};
    int fd = -1;

    if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c != NULL)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static void G_GNUC_NORETURN
run_child(int socket_fd, int calls)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (filter == NULL || seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(chdir), 0) != 0 ||
        seccomp_load(filter) != 0)
        _exit(NO_NOTIFICATIONS);
    int fd = seccomp_notify_fd(filter);
    send_fd(socket_fd, fd);
    (void)close(fd);
    for (int i = 0; i < calls; i++)
        result = chdir("/") == 0 ? 0 : errno;
    _exit(result);
}

/* FALSE, and the test is skipped, where the kernel has none. */
static bool
set_up(Fixture *f, const char *policy, int calls)
{
    int fds[2];

    *f = (Fixture){.context = g_main_context_new(), .dir = hf_test_make_dir()};
    g_autofree char *path = g_build_filename(f->dir, "r", NULL);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    f->file = hf_record_file_new(path, 1024 * 1024, NULL);
    f->records = hf_seccomp_records_new(f->context, f->file, "ctr", on_failed, f);
    f->policy = hf_seccomp_policy_parse(policy, strlen(policy), NULL);
    f->child = fork();
    if (f->child == 0)
        run_child(fds[1], calls);
    hf_close_fd(&fds[1]);
    int fd = receive_fd(fds[0]);
    hf_close_fd(&fds[0]);
    if (fd < 0) {
        (void)waitpid(f->child, &f->wait_status, 0);
        g_test_skip("this machine has no seccomp notifications");
        return false;
    }
    f->listener =
        hf_seccomp_listener_new(f->context, fd, f->policy, f->records, &handlers, f, NULL);
    return true;
}

static void
tear_down(Fixture *f)
{
    hf_seccomp_listener_free(f->listener);
    hf_seccomp_records_free(f->records);
    hf_record_file_free(f->file);
    hf_seccomp_policy_free(f->policy);
    g_main_context_unref(f->context);
    hf_test_remove_dir(f->dir);
}

static bool
is_closed(gpointer user_data)
{
    Fixture *f = user_data;

    if (f->child > 0 && waitpid(f->child, &f->wait_status, WNOHANG) == f->child)
        f->child = 0;
    return f->child == 0 && f->is_closed;
}

/* What the child ended with. */
static int
run(const char *policy, int calls, char **out_records)
{
    Fixture f;
    int wait_status = NO_NOTIFICATIONS << 8;

    if (set_up(&f, policy, calls)) {
        hf_test_wait(f.context, "the child's end", is_closed, &f);
        g_assert_true(hf_seccomp_listener_is_closed(f.listener));
        g_assert_cmpuint(f.failures, ==, 0);
        wait_status = f.wait_status;
        hf_seccomp_records_flush(f.records);
        *out_records = hf_test_read_file(f.dir, "r");
    }
    tear_down(&f);
    return wait_status;
}

static bool
is_skipped(int wait_status)
{
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == NO_NOTIFICATIONS;
}

static void
test_errno(void)
{
    g_autofree char *records = NULL;
    int status = run("{\"rules\":[{\"syscalls\":[\"chdir\"],\"action\":\"errno\","
                     "\"errno\":\"EXDEV\"}]}",
                     1, &records);

    if (is_skipped(status))
        return;
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, EXDEV);
    g_assert_nonnull(strstr(records, "\"syscall\":\"chdir\""));
    g_assert_nonnull(strstr(records, "\"errno\":\"EXDEV\",\"count\":1}"));
}

static void
test_log(void)
{
    g_autofree char *records = NULL;
    int status = run("{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"log\"}]}", 500, &records);

    if (is_skipped(status))
        return;
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    g_assert_nonnull(strstr(records, "\"action\":\"log\",\"count\":500}"));
}

static void
test_continue(void)
{
    g_autofree char *records = NULL;
    int status = run("{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"continue\"}]}", 3, &records);

    if (is_skipped(status))
        return;
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    g_assert_cmpstr(records, ==, "");
}

static void
test_kill(void)
{
    g_autofree char *records = NULL;
    int status = run("{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"kill\"}]}", 1, &records);

    if (is_skipped(status))
        return;
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
    g_assert_nonnull(strstr(records, "\"action\":\"kill\",\"count\":1}"));
}

static void
test_freed(void)
{
    Fixture f;

    if (!set_up(&f, "{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"continue\"}]}", 1)) {
        tear_down(&f);
        return;
    }
    g_clear_pointer(&f.listener, hf_seccomp_listener_free);
    g_assert_cmpint(waitpid(f.child, &f.wait_status, 0), ==, f.child);

    g_assert_true(WIFEXITED(f.wait_status));
    g_assert_cmpint(WEXITSTATUS(f.wait_status), ==, ENOSYS);
    tear_down(&f);
}

static void
test_other_descriptor(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfSeccompListener) listener = hf_seccomp_listener_new(
        NULL, open("/dev/null", O_RDWR | O_CLOEXEC), NULL, NULL, &handlers, NULL, &error);

    g_assert_null(listener);
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/seccomp-listener/errno-is-injected", test_errno);
    hf_test_add("/seccomp-agent/seccomp-listener/log-lets-through-and-records", test_log);
    hf_test_add("/seccomp-agent/seccomp-listener/continue-lets-through", test_continue);
    hf_test_add("/seccomp-agent/seccomp-listener/kill-kills", test_kill);
    hf_test_add("/seccomp-agent/seccomp-listener/who-waits-gets-enosys-when-it-is-freed",
                test_freed);
    hf_test_add("/seccomp-agent/seccomp-listener/another-descriptor-is-refused",
                test_other_descriptor);
    return g_test_run();
}
