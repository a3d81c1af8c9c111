/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "monitor/parent-pipes.h"
#include "test-kit.h"

static void
name_fd(const char *variable, int fd)
{
    g_autofree char *value = g_strdup_printf("%d", fd);

    g_setenv(variable, value, TRUE);
}

static void
clear_environment(void)
{
    g_unsetenv("_OCI_STARTPIPE");
    g_unsetenv("_OCI_SYNCPIPE");
    g_unsetenv("_OCI_ATTACHPIPE");
}

static HfParentPipes *
take_pipes(void)
{
    g_autoptr(GError) error = NULL;
    HfParentPipes *pipes = hf_parent_pipes_new(&error);

    g_assert_no_error(error);
    clear_environment();
    return pipes;
}

static void
test_without_variables_there_are_no_pipes(void)
{
    g_autoptr(HfParentPipes) pipes = take_pipes();

    g_assert_cmpint(hf_parent_pipes_get_fd(pipes, HF_PARENT_START), ==, -1);
    g_assert_cmpint(hf_parent_pipes_get_fd(pipes, HF_PARENT_SYNC), ==, -1);
    g_assert_cmpint(hf_parent_pipes_get_fd(pipes, HF_PARENT_ATTACH), ==, -1);
    hf_parent_pipes_tell(pipes, HF_PARENT_SYNC, HF_SYNC_KEY_PID, 1, NULL, 0);
}

static void
test_bad_variables_are_named(void)
{
    static const char *const values[] = {"", "x", "3x", "-1", "99999999999", "1000000"};

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(GError) error = NULL;

        g_setenv("_OCI_SYNCPIPE", values[i], TRUE);
        g_autoptr(HfParentPipes) pipes = hf_parent_pipes_new(&error);
        clear_environment();

        g_assert_null(pipes);
        g_assert_nonnull(g_strstr_len(error->message, -1, "_OCI_SYNCPIPE"));
    }
}

static void
test_pipes_become_close_on_exec(void)
{
    int pair[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    name_fd("_OCI_SYNCPIPE", pair[1]);

    g_autoptr(HfParentPipes) pipes = take_pipes();

    g_assert_cmpint(fcntl(pair[1], F_GETFD), ==, FD_CLOEXEC);
    (void)close(pair[0]);
}

static void
test_one_line_is_one_packet(void)
{
    char buffer[4096];
    int pair[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
    name_fd("_OCI_SYNCPIPE", pair[1]);
    g_autoptr(HfParentPipes) pipes = take_pipes();

    hf_parent_pipes_tell(pipes, HF_PARENT_SYNC, HF_SYNC_KEY_PID, 42, NULL, 0);
    hf_parent_pipes_tell(pipes, HF_PARENT_SYNC, HF_SYNC_KEY_DATA, -1, "why", 3);

    ssize_t n = read(pair[0], buffer, sizeof buffer);
    g_assert_cmpmem(buffer, (int)n, "{\"pid\": 42}\n", 12);
    n = read(pair[0], buffer, sizeof buffer);
    g_assert_cmpmem(buffer, (int)n, "{\"data\": -1, \"message\": \"why\"}\n", 31);
    (void)close(pair[0]);
}

static void
test_peer_that_left_closes_the_pipe(void)
{
    int pair[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    name_fd("_OCI_SYNCPIPE", pair[1]);
    g_autoptr(HfParentPipes) pipes = take_pipes();
    (void)close(pair[0]);

    hf_parent_pipes_tell(pipes, HF_PARENT_SYNC, HF_SYNC_KEY_PID, 42, NULL, 0);

    g_assert_cmpint(hf_parent_pipes_get_fd(pipes, HF_PARENT_SYNC), ==, -1);
}

static void
test_full_pipe_is_not_waited_for(void)
{
    char block[65536] = {0};
    int ends[2];

    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    g_assert_cmpint(write(ends[1], block, sizeof block), ==, sizeof block);
    name_fd("_OCI_SYNCPIPE", ends[1]);
    g_autoptr(HfParentPipes) pipes = take_pipes();

    hf_parent_pipes_tell(pipes, HF_PARENT_SYNC, HF_SYNC_KEY_PID, 42, NULL, 0);

    g_assert_cmpint(hf_parent_pipes_get_fd(pipes, HF_PARENT_SYNC), ==, -1);
    (void)close(ends[0]);
}

/* @text is written to the start pipe first; NULL closes it. */
static void
check_start(const char *text)
{
    g_autoptr(GError) error = NULL;
    int start[2], signals[2];

    g_assert_no_errno(pipe2(start, O_CLOEXEC));
    g_assert_no_errno(pipe2(signals, O_CLOEXEC));
    name_fd("_OCI_STARTPIPE", start[0]);
    g_autoptr(HfParentPipes) pipes = take_pipes();
    if (text != NULL)
        g_assert_cmpint(write(start[1], text, 6), ==, 6);
    else
        (void)close(start[1]);

    gboolean ok = hf_parent_pipes_wait_start(pipes, signals[0], &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    if (text != NULL)
        (void)close(start[1]);
    (void)close(signals[0]);
    (void)close(signals[1]);
}

static void
test_start_is_released_by_bytes(void)
{
    check_start("start\n");
}

static void
test_start_is_released_by_end_of_file(void)
{
    check_start(NULL);
}

static void
test_signal_ends_the_wait_for_the_start(void)
{
    g_autoptr(GError) error = NULL;
    int start[2], signals[2];

    g_assert_no_errno(pipe2(start, O_CLOEXEC));
    g_assert_no_errno(pipe2(signals, O_CLOEXEC));
    g_assert_cmpint(write(signals[1], "", 1), ==, 1);
    name_fd("_OCI_STARTPIPE", start[0]);
    g_autoptr(HfParentPipes) pipes = take_pipes();

    g_assert_false(hf_parent_pipes_wait_start(pipes, signals[0], &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_FAILED);
    (void)close(start[1]);
    (void)close(signals[0]);
    (void)close(signals[1]);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    clear_environment();
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/parent-pipes/without-variables-there-are-no-pipes",
                test_without_variables_there_are_no_pipes);
    hf_test_add("/monitor/parent-pipes/bad-variables-are-named", test_bad_variables_are_named);
    hf_test_add("/monitor/parent-pipes/pipes-become-close-on-exec",
                test_pipes_become_close_on_exec);
    hf_test_add("/monitor/parent-pipes/one-line-is-one-packet", test_one_line_is_one_packet);
    hf_test_add("/monitor/parent-pipes/peer-that-left-closes-the-pipe",
                test_peer_that_left_closes_the_pipe);
    hf_test_add("/monitor/parent-pipes/full-pipe-is-not-waited-for",
                test_full_pipe_is_not_waited_for);
    hf_test_add("/monitor/parent-pipes/start-is-released-by-bytes",
                test_start_is_released_by_bytes);
    hf_test_add("/monitor/parent-pipes/start-is-released-by-end-of-file",
                test_start_is_released_by_end_of_file);
    hf_test_add("/monitor/parent-pipes/signal-ends-the-wait-for-the-start",
                test_signal_ends_the_wait_for_the_start);
    return g_test_run();
}
