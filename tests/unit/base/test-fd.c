/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "test-kit.h"

static int
open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static bool
is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void
test_close_closes_once(void)
{
    int fd = open_null();
    int number = fd;

    hf_close_fd(&fd);
    hf_close_fd(&fd);

    g_assert_cmpint(fd, ==, -1);
    g_assert_false(is_open(number));
}

static void
test_close_that_fails_keeps_errno(void)
{
    int fd = open_null();

    g_assert_cmpint(close(fd), ==, 0);
    errno = EXDEV;
    hf_close_fd(&fd);

    g_assert_cmpint(errno, ==, EXDEV);
    g_assert_cmpint(fd, ==, -1);
}

static void
test_steal_leaves_nothing_behind(void)
{
    int fd = open_null();

    int stolen = hf_steal_fd(&fd);

    g_assert_cmpint(fd, ==, -1);
    g_assert_true(is_open(stolen));
    hf_close_fd(&stolen);
}

static void
test_autofd_closes_at_the_end_of_its_scope(void)
{
    int number;

    {
        hf_autofd fd = open_null();
        number = fd;
    }

    g_assert_false(is_open(number));
}

static void
test_cloexec_on_and_off(void)
{
    g_autoptr(GError) error = NULL;
    hf_autofd fd = open_null();

    g_assert_true(hf_fd_set_cloexec(fd, false, &error));
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, 0);
    g_assert_true(hf_fd_set_cloexec(fd, true, &error));

    g_assert_no_error(error);
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
}

static void
test_nonblocking_keeps_the_other_flags(void)
{
    g_autoptr(GError) error = NULL;
    hf_autofd fd = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);

    g_assert_true(hf_fd_set_nonblocking(fd, true, &error));
    g_assert_cmpint(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND), ==, O_NONBLOCK | O_APPEND);
    g_assert_true(hf_fd_set_nonblocking(fd, false, &error));

    g_assert_no_error(error);
    g_assert_cmpint(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND), ==, O_APPEND);
}

static void
test_flags_of_a_closed_descriptor_are_an_error(void)
{
    g_autoptr(GError) cloexec_error = NULL;
    g_autoptr(GError) nonblocking_error = NULL;

    g_assert_false(hf_fd_set_cloexec(-1, true, &cloexec_error));
    g_assert_false(hf_fd_set_nonblocking(-1, true, &nonblocking_error));

    g_assert_error(cloexec_error, G_FILE_ERROR, G_FILE_ERROR_BADF);
    g_assert_error(nonblocking_error, G_FILE_ERROR, G_FILE_ERROR_BADF);
}

static bool
lists(const GArray *fds, int fd)
{
    for (guint i = 0; i < fds->len; i++) {
        if (g_array_index(fds, int, i) == fd)
            return true;
    }
    return false;
}

static void
test_list_has_what_is_open_in_order(void)
{
    hf_autofd first = open_null();
    hf_autofd high = fcntl(first, F_DUPFD_CLOEXEC, 100);

    g_autoptr(GArray) all = hf_fd_list_open(0);
    g_autoptr(GArray) some = hf_fd_list_open(first + 1);

    g_assert_true(lists(all, 0) && lists(all, first) && lists(all, high));
    g_assert_true(lists(some, high));
    g_assert_false(lists(some, first));
    for (guint i = 1; i < all->len; i++)
        g_assert_cmpint(g_array_index(all, int, i - 1), <, g_array_index(all, int, i));
}

static void
test_list_does_not_name_its_own_descriptor(void)
{
    g_autoptr(GArray) fds = hf_fd_list_open(0);

    for (guint i = 0; i < fds->len; i++)
        g_assert_true(is_open(g_array_index(fds, int, i)));
}

static int
close_from_100(gpointer user_data)
{
    int low = fcntl(0, F_DUPFD_CLOEXEC, 50);
    int first = fcntl(0, F_DUPFD_CLOEXEC, 100);
    int high = fcntl(0, F_DUPFD_CLOEXEC, 200);

    hf_fd_close_from(100);
    return is_open(low) && first == 100 && !is_open(first) && !is_open(high) ? 0 : 1;
}

static int
close_between_100_and_102(gpointer user_data)
{
    for (int fd = 99; fd <= 102; fd++) {
        if (dup2(STDIN_FILENO, fd) != fd)
            return 2;
    }

    hf_fd_close_between(102, 100);
    hf_fd_close_between(100, 102);

    return is_open(99) && !is_open(100) && !is_open(101) && is_open(102) ? 0 : 1;
}

static void
test_close_between_leaves_the_end(void)
{
    g_assert_cmpint(hf_test_run_in_child(close_between_100_and_102, NULL), ==, 0);
}

static void
test_close_from_leaves_the_lower_ones(void)
{
    g_assert_cmpint(hf_test_run_in_child(close_from_100, NULL), ==, 0);
}

/* Bits of @user_data say which of the three are closed beforehand. */
static int
null_streams(gpointer user_data)
{
    guint closed = GPOINTER_TO_UINT(user_data);
    guint before = 0, after;
    struct stat null_status, status;
    g_autoptr(GArray) fds_before = NULL;
    g_autoptr(GArray) fds_after = NULL;

    for (int fd = 0; fd <= 2; fd++) {
        if ((closed & (1U << fd)) != 0)
            (void)close(fd);
    }
    fds_before = hf_fd_list_open(3);
    before = fds_before->len;
    if (!hf_fd_null_standard_streams(NULL) || stat("/dev/null", &null_status) < 0)
        return 1;
    for (int fd = 0; fd <= 2; fd++) {
        if (fstat(fd, &status) < 0 || status.st_rdev != null_status.st_rdev ||
            !S_ISCHR(status.st_mode))
            return 2;
        if (fcntl(fd, F_GETFD) != 0)
            return 3;
    }
    fds_after = hf_fd_list_open(3);
    after = fds_after->len;
    return before == after ? 0 : 4;
}

static void
test_standard_streams_are_null_also_if_closed_before(void)
{
    for (guint closed = 0; closed < 8; closed++)
        g_assert_cmpint(hf_test_run_in_child(null_streams, GUINT_TO_POINTER(closed)), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/fd/close-closes-once", test_close_closes_once);
    hf_test_add("/base/fd/close-that-fails-keeps-errno", test_close_that_fails_keeps_errno);
    hf_test_add("/base/fd/steal-leaves-nothing-behind", test_steal_leaves_nothing_behind);
    hf_test_add("/base/fd/autofd-closes-at-the-end-of-its-scope",
                test_autofd_closes_at_the_end_of_its_scope);
    hf_test_add("/base/fd/cloexec-on-and-off", test_cloexec_on_and_off);
    hf_test_add("/base/fd/nonblocking-keeps-the-other-flags",
                test_nonblocking_keeps_the_other_flags);
    hf_test_add("/base/fd/flags-of-a-closed-descriptor-are-an-error",
                test_flags_of_a_closed_descriptor_are_an_error);
    hf_test_add("/base/fd/list-has-what-is-open-in-order", test_list_has_what_is_open_in_order);
    hf_test_add("/base/fd/list-does-not-name-its-own-descriptor",
                test_list_does_not_name_its_own_descriptor);
    hf_test_add("/base/fd/close-between-leaves-the-end", test_close_between_leaves_the_end);
    hf_test_add("/base/fd/close-from-leaves-the-lower-ones", test_close_from_leaves_the_lower_ones);
    hf_test_add("/base/fd/standard-streams-are-null-also-if-closed-before",
                test_standard_streams_are_null_also_if_closed_before);
    return g_test_run();
}
