/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "monitor/stream-finder.h"
#include "test-kit.h"

static guint64
get_inode(int fd)
{
    struct stat status;

    g_assert_cmpint(fstat(fd, &status), ==, 0);
    return status.st_ino;
}

static void
make_pipe(int ends[2])
{
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
}

static void
close_pipe(int ends[2])
{
    hf_close_fd(&ends[0]);
    hf_close_fd(&ends[1]);
}

static void
test_pipe_is_opened_for_reading(void)
{
    int ends[2];
    char byte = 0;
    make_pipe(ends);
    const guint64 inode = get_inode(ends[1]);
    int fd = -1;

    hf_stream_finder_open(getpid(), NULL, &inode, &fd, 1);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(ends[1], "x", 1), ==, 1);
    g_assert_cmpint(read(fd, &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'x');
    g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, !=, 0);
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
    hf_close_fd(&fd);
    close_pipe(ends);
}

static void
test_each_pipe_is_found_by_its_number(void)
{
    int ends[2][2];
    make_pipe(ends[0]);
    make_pipe(ends[1]);
    const guint64 inodes[] = {get_inode(ends[1][0]), 0, get_inode(ends[0][0])};
    int fds[3];

    hf_stream_finder_open(getpid(), NULL, inodes, fds, 3);

    g_assert_cmpuint(get_inode(fds[0]), ==, inodes[0]);
    g_assert_cmpint(fds[1], ==, -1);
    g_assert_cmpuint(get_inode(fds[2]), ==, inodes[2]);
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[2]);
    close_pipe(ends[0]);
    close_pipe(ends[1]);
}

static void
test_what_is_no_pipe_is_not_opened(void)
{
    hf_autofd file_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const guint64 inode = get_inode(file_fd);
    int fd = -1;

    hf_stream_finder_open(getpid(), NULL, &inode, &fd, 1);

    g_assert_cmpint(fd, ==, -1);
}

static void
test_process_that_is_gone_has_nothing(void)
{
    const guint64 inode = 1;
    int fd = 0;

    hf_stream_finder_open(0, "/no/such/cgroup", &inode, &fd, 1);

    g_assert_cmpint(fd, ==, -1);
}

static void
test_cgroups_processes_are_looked_at(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *pids = g_strdup_printf("%d\n", (int)getpid());
    int ends[2];
    make_pipe(ends);
    const guint64 inode = get_inode(ends[0]);
    int fd = -1;
    hf_test_write_file(dir, "cgroup.procs", pids);

    hf_stream_finder_open(0, dir, &inode, &fd, 1);

    g_assert_cmpint(fd, >=, 0);
    hf_close_fd(&fd);
    close_pipe(ends);
    hf_test_remove_dir(dir);
}

#define ADD(name, test) hf_test_add("/monitor/stream-finder/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("pipe-is-opened-for-reading", test_pipe_is_opened_for_reading);
    ADD("each-pipe-is-found-by-its-number", test_each_pipe_is_found_by_its_number);
    ADD("what-is-no-pipe-is-not-opened", test_what_is_no_pipe_is_not_opened);
    ADD("process-that-is-gone-has-nothing", test_process_that_is_gone_has_nothing);
    ADD("cgroups-processes-are-looked-at", test_cgroups_processes_are_looked_at);
    return g_test_run();
}
