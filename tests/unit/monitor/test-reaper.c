/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <signal.h>
#include <sys/prctl.h>
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

static void
test_child_that_ends_is_told(void)
{
    Fixture fixture;
    int go_fd;

    set_up(&fixture);
    pid_t pid = start_child(42, &go_fd);
    hf_reaper_watch(fixture.reaper, pid, on_exit_told, &fixture);
    (void)close(go_fd);

    hf_test_wait(fixture.context, "the child's end", is_told, &fixture);

    g_assert_cmpint(fixture.pid, ==, pid);
    g_assert_true(fixture.is_known);
    g_assert_cmpint(WEXITSTATUS(fixture.wait_status), ==, 42);
    tear_down(&fixture);
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

int
main(int argc, char **argv)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/reaper/child-that-ends-is-told", test_child_that_ends_is_told);
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
    return g_test_run();
}
