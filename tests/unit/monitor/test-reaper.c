/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/reaper.h"
#include "test-kit.h"

typedef struct {
    GMainContext *context;
    HfReaper *reaper;
    guint told;
    pid_t pid;
    int wait_status;
    bool is_known;
} Fixture;

static void
on_exit_told(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->told++;
    fixture->pid = pid;
    fixture->wait_status = wait_status;
    fixture->is_known = is_known;
}

static bool
is_told(gpointer user_data)
{
    const Fixture *fixture = user_data;

    return fixture->told > 0;
}

static bool
are_fifty_told(gpointer user_data)
{
    const Fixture *fixture = user_data;

    return fixture->told >= 50;
}

static void
set_up(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    *fixture = (Fixture){.context = g_main_context_new()};
    fixture->reaper = hf_reaper_new(fixture->context, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture)
{
    hf_reaper_free(fixture->reaper);
    g_main_context_unref(fixture->context);
}

/* A child that ends with @status once the returned descriptor is closed. */
static pid_t
start_child(int status, int *out_go_fd)
{
    int go[2];

    g_assert_no_errno(pipe(go));
    pid_t pid = fork();
    g_assert_no_errno(pid);
    if (pid == 0) {
        char byte;

        /* Where only ancestors may trace, this lets others. */
        (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
        (void)close(go[1]);
        (void)!read(go[0], &byte, 1);
        _exit(status);
    }
    (void)close(go[0]);
    *out_go_fd = go[1];
    return pid;
}

static void
wait_until_zombie(pid_t pid)
{
    siginfo_t info;

    g_assert_no_errno(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
}

typedef void (*WatchFunc)(HfReaper *reaper, pid_t pid, HfReaperFunc on_exit, gpointer user_data);

static void
assert_child_is_told(WatchFunc watch)
{
    Fixture fixture;
    int go_fd;

    set_up(&fixture);
    pid_t pid = start_child(42, &go_fd);
    watch(fixture.reaper, pid, on_exit_told, &fixture);
    (void)close(go_fd);

    hf_test_wait(fixture.context, "the child's end", is_told, &fixture);

    g_assert_cmpint(fixture.pid, ==, pid);
    g_assert_true(fixture.is_known);
    g_assert_cmpint(WEXITSTATUS(fixture.wait_status), ==, 42);
    tear_down(&fixture);
}

static void
test_child_that_ends_is_told(void)
{
    assert_child_is_told(hf_reaper_watch);
}

static void
test_signalled_child_is_told(void)
{
    Fixture fixture;
    int go_fd;

    set_up(&fixture);
    pid_t pid = start_child(0, &go_fd);
    hf_reaper_watch(fixture.reaper, pid, on_exit_told, &fixture);
    g_assert_no_errno(kill(pid, SIGKILL));

    hf_test_wait(fixture.context, "the child's end", is_told, &fixture);

    g_assert_true(WIFSIGNALED(fixture.wait_status));
    g_assert_cmpint(WTERMSIG(fixture.wait_status), ==, SIGKILL);
    (void)close(go_fd);
    tear_down(&fixture);
}

static void
test_child_reaped_before_it_is_watched(void)
{
    Fixture fixture;
    int go_fd;

    set_up(&fixture);
    pid_t pid = start_child(7, &go_fd);
    (void)close(go_fd);
    wait_until_zombie(pid);
    hf_test_settle(fixture.context);
    g_assert_cmpint(waitpid(pid, NULL, WNOHANG), ==, -1);

    hf_reaper_watch(fixture.reaper, pid, on_exit_told, &fixture);
    hf_test_wait(fixture.context, "the remembered end", is_told, &fixture);

    g_assert_true(fixture.is_known);
    g_assert_cmpint(WEXITSTATUS(fixture.wait_status), ==, 7);
    tear_down(&fixture);
}

static void
test_strangers_are_reaped_and_forgotten(void)
{
    Fixture fixture;
    int go_fd;

    set_up(&fixture);
    hf_reaper_forget_strangers(fixture.reaper);
    pid_t pid = start_child(7, &go_fd);
    (void)close(go_fd);
    wait_until_zombie(pid);
    hf_test_settle(fixture.context);

    hf_reaper_watch(fixture.reaper, pid, on_exit_told, &fixture);
    hf_test_wait(fixture.context, "the unknown end", is_told, &fixture);

    g_assert_false(fixture.is_known);
    tear_down(&fixture);
}

static void
test_many_children_at_once(void)
{
    Fixture fixture;
    int go_fds[50];

    set_up(&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(go_fds); i++)
        hf_reaper_watch(fixture.reaper, start_child(1, &go_fds[i]), on_exit_told, &fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(go_fds); i++)
        (void)close(go_fds[i]);

    hf_test_wait(fixture.context, "fifty ends", are_fifty_told, &fixture);

    g_assert_cmpuint(fixture.told, ==, G_N_ELEMENTS(go_fds));
    tear_down(&fixture);
}

static void
test_process_that_is_no_child_is_told(void)
{
    Fixture fixture;
    int go[2], ids[2];
    pid_t grandchild = 0;

    set_up(&fixture);
    g_assert_no_errno(pipe(go));
    g_assert_no_errno(pipe(ids));
    pid_t child = fork();
    g_assert_no_errno(child);
    if (child == 0) {
        char byte;
        pid_t pid = fork();

        if (pid == 0) {
            (void)close(go[1]);
            (void)!read(go[0], &byte, 1);
            _exit(9);
        }
        (void)close(go[1]);
        (void)!write(ids[1], &pid, sizeof pid);
        (void)waitpid(pid, NULL, 0);
        _exit(0);
    }
    (void)close(go[0]);
    g_assert_cmpint(read(ids[0], &grandchild, sizeof grandchild), ==, sizeof grandchild);
    hf_reaper_watch(fixture.reaper, grandchild, on_exit_told, &fixture);
    (void)close(go[1]);

    hf_test_wait(fixture.context, "the grandchild's end", is_told, &fixture);

    /* Kernels since 6.15 know the status, once its parent has reaped it; before, it is unknown. It
     * is never a status that was made up. */
    g_assert_cmpint(fixture.pid, ==, grandchild);
    if (fixture.is_known)
        g_assert_cmpint(WEXITSTATUS(fixture.wait_status), ==, 9);
    (void)waitpid(child, NULL, 0);
    (void)close(ids[0]);
    (void)close(ids[1]);
    tear_down(&fixture);
}

static void
test_unwatched_child_is_reaped_in_silence(void)
{
    Fixture fixture;
    int go_fd;

    set_up(&fixture);
    pid_t pid = start_child(0, &go_fd);
    hf_reaper_watch(fixture.reaper, pid, on_exit_told, &fixture);
    hf_reaper_unwatch(fixture.reaper, pid);
    (void)close(go_fd);
    wait_until_zombie(pid);

    hf_test_settle(fixture.context);

    g_assert_cmpuint(fixture.told, ==, 0);
    tear_down(&fixture);
}

/* A process that traces @pid and kills it, and lets go of it once the returned descriptor is
 * closed. 0 where tracing is not allowed. */
static pid_t
start_tracer(pid_t pid, int *out_go_fd)
{
    int go[2], told[2];
    char is_traced = 0;

    g_assert_no_errno(pipe(go));
    g_assert_no_errno(pipe(told));
    pid_t tracer = fork();
    g_assert_no_errno(tracer);
    if (tracer == 0) {
        (void)close(go[1]);
        is_traced = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
        if (is_traced)
            (void)kill(pid, SIGKILL);
        (void)!write(told[1], &is_traced, 1);
        (void)!read(go[0], &is_traced, 1);
        _exit(0);
    }
    (void)close(go[0]);
    (void)close(told[1]);
    g_assert_cmpint(read(told[0], &is_traced, 1), ==, 1);
    (void)close(told[0]);
    *out_go_fd = go[1];
    return is_traced ? tracer : 0;
}

static void
wait_until_gone(pid_t pid)
{
    struct pollfd poll_fd = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

    g_assert_no_errno(poll_fd.fd);
    g_assert_cmpint(poll(&poll_fd, 1, -1), ==, 1);
    (void)close(poll_fd.fd);
}

static void
test_traced_child_is_told_when_its_tracer_lets_go(void)
{
    Fixture fixture;
    int go_fd, tracer_go_fd;

    set_up(&fixture);
    pid_t pid = start_child(0, &go_fd);
    hf_reaper_watch(fixture.reaper, pid, on_exit_told, &fixture);
    pid_t tracer = start_tracer(pid, &tracer_go_fd);
    if (tracer != 0) {
        wait_until_gone(pid);
        hf_test_settle(fixture.context);
        g_assert_cmpuint(fixture.told, ==, 0);
    }
    (void)close(tracer_go_fd);
    (void)close(go_fd);

    hf_test_wait(fixture.context, "the child's end", is_told, &fixture);

    g_assert_cmpint(fixture.pid, ==, pid);
    g_assert_true(fixture.is_known);
    if (tracer == 0)
        g_test_skip("this machine does not let a process be traced");
    else
        g_assert_cmpint(WTERMSIG(fixture.wait_status), ==, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
    tear_down(&fixture);
}

/* A process whose parent is a child of this one, and leaves it a zombie until told. */
typedef struct {
    pid_t parent;
    pid_t pid;
    int reap_fd; /* closed: its parent takes the status */
} Grandchild;

static Grandchild
start_grandchild(void)
{
    Grandchild self = {0};
    int reap[2];
    int report[2];

    g_assert_no_errno(pipe(reap));
    g_assert_no_errno(pipe(report));
    self.parent = fork();
    g_assert_no_errno(self.parent);
    if (self.parent == 0) {
        char byte;
        int go_fd = -1;

        (void)close(reap[1]);
        pid_t child = start_child(42, &go_fd);
        (void)!write(report[1], &child, sizeof child);
        (void)!read(reap[0], &byte, 1);
        (void)waitpid(child, NULL, 0);
        _exit(0);
    }
    (void)close(reap[0]);
    g_assert_cmpint(read(report[0], &self.pid, sizeof self.pid), ==, sizeof self.pid);
    (void)close(report[0]);
    (void)close(report[1]);
    self.reap_fd = reap[1];
    return self;
}

static void
test_own_child_is_told_without_a_pidfd(void)
{
    assert_child_is_told(hf_reaper_watch_child);
}

static void
test_status_of_a_zombie_of_another_is_known(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    set_up(&fixture);
    Grandchild grandchild = start_grandchild();
    g_autoptr(HfProcessRef) ref = hf_process_ref_new(grandchild.pid, &error);
    g_assert_no_error(error);
    hf_reaper_watch_ref(fixture.reaper, ref, on_exit_told, &fixture);
    g_assert_no_errno(kill(grandchild.pid, SIGKILL));

    hf_test_wait(fixture.context, "the end of another's child", is_told, &fixture);

    g_assert_true(fixture.is_known);
    g_assert_true(WIFSIGNALED(fixture.wait_status));
    g_assert_cmpint(WTERMSIG(fixture.wait_status), ==, SIGKILL);
    g_assert_false(hf_process_ref_is_gone(ref));
    (void)close(grandchild.reap_fd);
    (void)waitpid(grandchild.parent, NULL, 0);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/reaper/child-that-ends-is-told", test_child_that_ends_is_told);
    hf_test_add("/monitor/reaper/own-child-is-told-without-a-pidfd",
                test_own_child_is_told_without_a_pidfd);
    hf_test_add("/monitor/reaper/signalled-child-is-told", test_signalled_child_is_told);
    hf_test_add("/monitor/reaper/child-reaped-before-it-is-watched",
                test_child_reaped_before_it_is_watched);
    hf_test_add("/monitor/reaper/strangers-are-reaped-and-forgotten",
                test_strangers_are_reaped_and_forgotten);
    hf_test_add("/monitor/reaper/many-children-at-once", test_many_children_at_once);
    hf_test_add("/monitor/reaper/process-that-is-no-child-is-told",
                test_process_that_is_no_child_is_told);
    hf_test_add("/monitor/reaper/unwatched-child-is-reaped-in-silence",
                test_unwatched_child_is_reaped_in_silence);
    hf_test_add("/monitor/reaper/traced-child-is-told-when-its-tracer-lets-go",
                test_traced_child_is_told_when_its_tracer_lets_go);
    hf_test_add("/monitor/reaper/status-of-a-zombie-of-another-is-known",
                test_status_of_a_zombie_of_another_is_known);
    return g_test_run();
}
