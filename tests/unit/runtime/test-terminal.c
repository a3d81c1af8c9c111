/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/terminal.h"
#include "test-kit.h"

static int
open_main_side(void)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(unlockpt(fd), ==, 0);
    return fd;
}

static int
open_peer(int main_fd)
{
    g_autoptr(GError) error = NULL;
    int fd = hf_terminal_open_peer(main_fd, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static short
poll_once(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    g_assert_cmpint(poll(&entry, 1, 0), >=, 0);
    return entry.revents;
}

static void
test_prepare_turns_newline_into_two_bytes(void)
{
    hf_autofd main_fd = open_main_side();
    hf_autofd peer_fd = open_peer(main_fd);
    g_autoptr(GError) error = NULL;
    struct termios settings;
    char bytes[16];
    g_assert_cmpint(tcgetattr(peer_fd, &settings), ==, 0);
    cfmakeraw(&settings);
    settings.c_oflag = 0;
    g_assert_cmpint(tcsetattr(peer_fd, TCSANOW, &settings), ==, 0);

    g_assert_true(hf_terminal_prepare(main_fd, &error));

    g_assert_no_error(error);
    g_assert_cmpint(write(peer_fd, "a\n", 2), ==, 2);
    int n = (int)read(main_fd, bytes, sizeof bytes);
    g_assert_cmpmem(bytes, n, "a\r\n", 3);
}

static void
test_prepare_leaves_other_settings(void)
{
    hf_autofd main_fd = open_main_side();
    g_autoptr(GError) error = NULL;
    struct termios before;
    struct termios after;
    g_assert_cmpint(tcgetattr(main_fd, &before), ==, 0);

    g_assert_true(hf_terminal_prepare(main_fd, &error));

    g_assert_no_error(error);
    g_assert_cmpint(tcgetattr(main_fd, &after), ==, 0);
    g_assert_cmphex(after.c_oflag, ==, before.c_oflag | OPOST | ONLCR);
    g_assert_cmphex(after.c_lflag, ==, before.c_lflag);
    g_assert_cmphex(after.c_iflag, ==, before.c_iflag);
    g_assert_cmphex(after.c_cflag, ==, before.c_cflag);
}

static void
test_set_size_is_seen_on_the_other_side(void)
{
    hf_autofd main_fd = open_main_side();
    hf_autofd peer_fd = open_peer(main_fd);
    g_autoptr(GError) error = NULL;
    struct winsize size = {0};

    g_assert_true(hf_terminal_set_size(main_fd, 1001, 65535, &error));

    g_assert_no_error(error);
    g_assert_cmpint(ioctl(peer_fd, TIOCGWINSZ, &size), ==, 0);
    g_assert_cmpint(size.ws_row, ==, 1001);
    g_assert_cmpint(size.ws_col, ==, 65535);
}

static void
test_what_is_no_terminal(void)
{
    hf_autofd fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    g_autoptr(GError) prepare_error = NULL;
    g_autoptr(GError) size_error = NULL;
    g_autoptr(GError) peer_error = NULL;

    g_assert_false(hf_terminal_prepare(fd, &prepare_error));
    g_assert_false(hf_terminal_set_size(fd, 24, 80, &size_error));
    g_assert_cmpint(hf_terminal_open_peer(fd, &peer_error), ==, -1);

    /* ENOTTY has no code of its own in G_FILE_ERROR. */
    g_assert_error(prepare_error, G_FILE_ERROR, G_FILE_ERROR_FAILED);
    g_assert_error(size_error, G_FILE_ERROR, G_FILE_ERROR_FAILED);
    g_assert_error(peer_error, G_FILE_ERROR, G_FILE_ERROR_FAILED);
}

static void
test_held_peer_keeps_the_terminal_from_hanging_up(void)
{
    hf_autofd main_fd = open_main_side();
    hf_autofd held_fd = open_peer(main_fd);
    hf_autofd container_fd = open_peer(main_fd);

    hf_close_fd(&container_fd);
    short while_held = poll_once(main_fd);
    hf_close_fd(&held_fd);
    short after = poll_once(main_fd);

    g_assert_cmpint(while_held, ==, 0);
    g_assert_cmpint(after & POLLHUP, ==, POLLHUP);
}

static void
test_peer_is_close_on_exec(void)
{
    hf_autofd main_fd = open_main_side();
    hf_autofd peer_fd = open_peer(main_fd);

    g_assert_cmpint(fcntl(peer_fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(fcntl(peer_fd, F_GETFL) & O_ACCMODE, ==, O_RDWR);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/runtime/terminal/prepare-turns-newline-into-two-bytes",
                test_prepare_turns_newline_into_two_bytes);
    hf_test_add("/runtime/terminal/prepare-leaves-other-settings",
                test_prepare_leaves_other_settings);
    hf_test_add("/runtime/terminal/set-size-is-seen-on-the-other-side",
                test_set_size_is_seen_on_the_other_side);
    hf_test_add("/runtime/terminal/what-is-no-terminal", test_what_is_no_terminal);
    hf_test_add("/runtime/terminal/held-peer-keeps-the-terminal-from-hanging-up",
                test_held_peer_keeps_the_terminal_from_hanging_up);
    hf_test_add("/runtime/terminal/peer-is-close-on-exec", test_peer_is_close_on_exec);
    return g_test_run();
}
