/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/process-ref.h"
#include "saved-kit.h"
#include "test-kit.h"

/* A child that lives until it is told to end or is killed. */
typedef struct {
    pid_t pid;
    int tell_fd; /* a byte: exit with it as status */
} Child;

static void
live(int told_fd, bool has_own_group, const char *name)
{
    unsigned char status = 0;

    if (has_own_group)
        (void)setpgid(0, 0);
    if (name != NULL)
        (void)prctl(PR_SET_NAME, name);
    _exit(read(told_fd, &status, 1) == 1 ? status : 99);
}

static Child
child_start(bool has_own_group, const char *name)
{
    Child self = {0};
    int tell[2];

    g_assert_cmpint(pipe(tell), ==, 0);
    self.pid = fork();
    g_assert_cmpint(self.pid, >=, 0);
    if (self.pid == 0) {
        (void)close(tell[1]);
        live(tell[0], has_own_group, name);
    }
    /* Done on both sides, so that it is done whoever runs first. */
    if (has_own_group)
        (void)setpgid(self.pid, self.pid);
    (void)close(tell[0]);
    self.tell_fd = tell[1];
    return self;
}

static int
child_reap(Child *self)
{
    int status = -1;

    g_assert_cmpint(waitpid(self->pid, &status, 0), ==, self->pid);
    hf_close_fd(&self->tell_fd);
    return status;
}

static int
child_end(Child *self, unsigned char exit_status)
{
    g_assert_cmpint(write(self->tell_fd, &exit_status, 1), ==, 1);
    return child_reap(self);
}

static bool
is_readable(int fd, int timeout_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    return poll(&ready, 1, timeout_ms) == 1;
}

static void
test_names_the_process_and_its_start(void)
{
    g_autoptr(GError) error = NULL;
    guint64 ticks = 0;

    g_autoptr(HfProcessRef) process = hf_process_ref_new(getpid(), &error);
    gboolean is_read = hf_process_read_start_time(getpid(), &ticks, &error);

    g_assert_no_error(error);
    g_assert_true(is_read);
    g_assert_cmpint(hf_process_ref_get_pid(process), ==, getpid());
    g_assert_cmpuint(hf_process_ref_get_start_time(process), ==, ticks);
    g_assert_cmpuint(ticks, >, 0);
}

static void
test_start_time_is_found_behind_any_command_name(void)
{
    g_autoptr(GError) error = NULL;
    Child plain = child_start(false, NULL);
    Child odd = child_start(false, ") R 1 (x) 2 3");
    guint64 parent_ticks = 0, plain_ticks = 0, odd_ticks = 0;

    g_assert_true(hf_process_read_start_time(getpid(), &parent_ticks, &error));
    g_assert_true(hf_process_read_start_time(plain.pid, &plain_ticks, &error));
    g_assert_true(hf_process_read_start_time(odd.pid, &odd_ticks, &error));

    g_assert_no_error(error);
    g_assert_cmpuint(plain_ticks, >=, parent_ticks);
    g_assert_cmpuint(odd_ticks, >=, plain_ticks);
    (void)child_end(&plain, 0);
    (void)child_end(&odd, 0);
}

static void
test_start_time_does_not_change_with_the_name(void)
{
    g_autofree char *old_name = g_malloc0(16);
    guint64 before = 0, after = 0;

    g_assert_true(hf_process_read_start_time(getpid(), &before, NULL));
    g_assert_cmpint(prctl(PR_GET_NAME, old_name), ==, 0);
    g_assert_cmpint(prctl(PR_SET_NAME, "a) R 1 2 (b) 3"), ==, 0);
    gboolean is_read = hf_process_read_start_time(getpid(), &after, NULL);
    g_assert_cmpint(prctl(PR_SET_NAME, old_name), ==, 0);

    g_assert_true(is_read);
    g_assert_cmpuint(after, ==, before);
}

static void
test_start_time_of_nobody_is_an_error(void)
{
    g_autoptr(GError) error = NULL;
    Child child = child_start(false, NULL);
    guint64 ticks = 4711;

    (void)child_end(&child, 0);
    g_assert_false(hf_process_read_start_time(child.pid, &ticks, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpuint(ticks, ==, 4711);
}

static void
test_reaped_process_is_not_found(void)
{
    g_autoptr(GError) error = NULL;
    Child child = child_start(false, NULL);

    (void)child_end(&child, 0);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, &error);

    g_assert_null(process);
    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
}

static void
test_number_that_is_no_pid_is_an_error(void)
{
    g_autoptr(GError) error = NULL;

    g_autoptr(HfProcessRef) process = hf_process_ref_new(-1, &error);

    g_assert_null(process);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
}

static void
test_descriptor_is_readable_from_the_end_on(void)
{
    Child child = child_start(false, NULL);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, NULL);
    const unsigned char exit_status = 0;

    bool is_readable_before = is_readable(hf_process_ref_get_fd(process), 0);
    g_assert_cmpint(write(child.tell_fd, &exit_status, 1), ==, 1);
    bool is_readable_after = is_readable(hf_process_ref_get_fd(process), -1);

    g_assert_false(is_readable_before);
    g_assert_true(is_readable_after);
    (void)child_reap(&child);
}

static void
test_zombie_is_still_the_process(void)
{
    g_autoptr(GError) error = NULL;
    Child child = child_start(false, NULL);
    siginfo_t info = {0};

    g_assert_cmpint(kill(child.pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), ==, 0);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, &error);

    g_assert_no_error(error);
    g_assert_nonnull(process);
    (void)child_reap(&child);
}

static void
test_signal_reaches_the_process(void)
{
    g_autoptr(GError) error = NULL;
    Child child = child_start(false, NULL);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, NULL);

    g_assert_true(hf_process_ref_signal(process, SIGTERM, &error));
    int status = child_reap(&child);

    g_assert_no_error(error);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGTERM);
}

static void
test_signals_to_a_reaped_process_find_nobody(void)
{
    g_autoptr(GError) signal_error = NULL;
    g_autoptr(GError) group_error = NULL;
    Child child = child_start(true, NULL);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, NULL);

    (void)child_end(&child, 0);
    g_assert_false(hf_process_ref_signal(process, SIGTERM, &signal_error));
    g_assert_false(hf_process_ref_kill_group(process, &group_error));

    g_assert_error(signal_error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_error(group_error, HF_ERROR, HF_ERROR_NOT_FOUND);
}

static void
test_signal_that_does_not_exist_is_an_error(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfProcessRef) process = hf_process_ref_new(getpid(), NULL);

    g_assert_false(hf_process_ref_signal(process, 1000, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
}

static void
test_kill_group_ends_every_member(void)
{
    g_autoptr(GError) error = NULL;
    Child leader = child_start(true, NULL);
    Child member = child_start(false, NULL);
    g_assert_cmpint(setpgid(member.pid, leader.pid), ==, 0);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(leader.pid, NULL);

    g_assert_true(hf_process_ref_kill_group(process, &error));
    int leader_status = child_reap(&leader);
    int member_status = child_reap(&member);

    g_assert_no_error(error);
    g_assert_cmpint(leader_status, ==, SIGKILL);
    g_assert_cmpint(member_status, ==, SIGKILL);
}

static void
test_kill_group_spares_the_group_of_this_program(void)
{
    g_autoptr(GError) error = NULL;
    Child child = child_start(false, NULL);
    Child bystander = child_start(false, NULL);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, NULL);

    g_assert_true(hf_process_ref_kill_group(process, &error));
    int child_status = child_reap(&child);
    int bystander_status = child_end(&bystander, 5);

    g_assert_no_error(error);
    g_assert_cmpint(child_status, ==, SIGKILL);
    g_assert_true(WIFEXITED(bystander_status));
    g_assert_cmpint(WEXITSTATUS(bystander_status), ==, 5);
}

/* TRUE from Linux 6.15 on, where PIDFD_GET_INFO tells how a reaped process ended. */
static bool
kernel_tells_exit_status(void)
{
    struct utsname name;
    int major = 0, minor = 0;

    g_assert_cmpint(uname(&name), ==, 0);
    g_assert_cmpint(sscanf(name.release, "%d.%d", &major, &minor), ==, 2);
    return major > 6 || (major == 6 && minor >= 15);
}

static void
test_exit_status_of_one_that_somebody_else_reaped(void)
{
    Child child = child_start(false, NULL);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, NULL);
    int status = 4711;

    int reaped_status = child_end(&child, 7);
    bool is_told = hf_process_ref_try_exit_status(process, &status);

    if (!kernel_tells_exit_status())
        return g_test_skip("PIDFD_GET_INFO tells the exit status from Linux 6.15 on");
    g_assert_true(is_told);
    g_assert_cmpint(status, ==, reaped_status);
    g_assert_cmpint(WEXITSTATUS(status), ==, 7);
}

static void
test_exit_status_of_one_that_a_signal_ended(void)
{
    Child child = child_start(false, NULL);
    g_autoptr(HfProcessRef) process = hf_process_ref_new(child.pid, NULL);
    int status = 4711;

    g_assert_cmpint(kill(child.pid, SIGKILL), ==, 0);
    (void)child_reap(&child);
    bool is_told = hf_process_ref_try_exit_status(process, &status);

    if (!kernel_tells_exit_status())
        return g_test_skip("PIDFD_GET_INFO tells the exit status from Linux 6.15 on");
    g_assert_true(is_told);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

static void
test_exit_status_of_one_that_lives_is_not_invented(void)
{
    g_autoptr(HfProcessRef) process = hf_process_ref_new(getpid(), NULL);
    int status = 4711;

    g_assert_false(hf_process_ref_try_exit_status(process, &status));

    g_assert_cmpint(status, ==, 4711);
}

static void
test_freeing_nothing_is_harmless(void)
{
    hf_process_ref_free(NULL);
}

static void
add_signal_tests(void)
{
    hf_test_add("/base/process-ref/signal-reaches-the-process", test_signal_reaches_the_process);
    hf_test_add("/base/process-ref/signals-to-a-reaped-process-find-nobody",
                test_signals_to_a_reaped_process_find_nobody);
    hf_test_add("/base/process-ref/signal-that-does-not-exist-is-an-error",
                test_signal_that_does_not_exist_is_an_error);
    hf_test_add("/base/process-ref/kill-group-ends-every-member",
                test_kill_group_ends_every_member);
    hf_test_add("/base/process-ref/kill-group-spares-the-group-of-this-program",
                test_kill_group_spares_the_group_of_this_program);
}

static void
test_saved_one_is_the_same_process(void)
{
    HfProcessRef *ref = hf_process_ref_new(getpid(), NULL);
    guint64 start_time = hf_process_ref_get_start_time(ref);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_process_ref_save(ref, kit.writer);
    saved_kit_keep(&kit);
    hf_process_ref_free(ref);
    ref = hf_process_ref_new_saved(saved_kit_read(&kit));
    saved_kit_assert_right(&kit);

    g_assert_cmpint(hf_process_ref_get_pid(ref), ==, getpid());
    g_assert_cmpuint(hf_process_ref_get_start_time(ref), ==, start_time);
    g_assert_true(hf_process_ref_signal(ref, 0, NULL));
    hf_process_ref_free(ref);
    saved_kit_end(&kit);
}

static void
test_saved_one_without_a_pid_is_refused(void)
{
    /* It stays open for the program that the state is from. */
    hf_autofd fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_fd(kit.writer, "pidfd", fd);
    g_assert_null(hf_process_ref_new_saved(saved_kit_read(&kit)));
    saved_kit_assert_wrong(&kit, "pid");
    saved_kit_end(&kit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/process-ref/names-the-process-and-its-start",
                test_names_the_process_and_its_start);
    hf_test_add("/base/process-ref/start-time-is-found-behind-any-command-name",
                test_start_time_is_found_behind_any_command_name);
    hf_test_add("/base/process-ref/start-time-does-not-change-with-the-name",
                test_start_time_does_not_change_with_the_name);
    hf_test_add("/base/process-ref/start-time-of-nobody-is-an-error",
                test_start_time_of_nobody_is_an_error);
    hf_test_add("/base/process-ref/reaped-process-is-not-found", test_reaped_process_is_not_found);
    hf_test_add("/base/process-ref/number-that-is-no-pid-is-an-error",
                test_number_that_is_no_pid_is_an_error);
    hf_test_add("/base/process-ref/descriptor-is-readable-from-the-end-on",
                test_descriptor_is_readable_from_the_end_on);
    hf_test_add("/base/process-ref/zombie-is-still-the-process", test_zombie_is_still_the_process);
    hf_test_add("/base/process-ref/exit-status-of-one-that-somebody-else-reaped",
                test_exit_status_of_one_that_somebody_else_reaped);
    hf_test_add("/base/process-ref/exit-status-of-one-that-a-signal-ended",
                test_exit_status_of_one_that_a_signal_ended);
    hf_test_add("/base/process-ref/exit-status-of-one-that-lives-is-not-invented",
                test_exit_status_of_one_that_lives_is_not_invented);
    hf_test_add("/base/process-ref/freeing-nothing-is-harmless", test_freeing_nothing_is_harmless);
    hf_test_add("/base/process-ref/saved-one-is-the-same-process",
                test_saved_one_is_the_same_process);
    hf_test_add("/base/process-ref/saved-one-without-a-pid-is-refused",
                test_saved_one_without_a_pid_is_refused);
    add_signal_tests();
    return g_test_run();
}
