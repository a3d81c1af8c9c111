/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/shared-fd.h"
#include "base/fd.h"
#include "base/io.h"
#include "test-kit.h"
#include "test-terminal.h"

static HfSharedFd *
share_reader(int fd)
{
    g_autoptr(GError) error = NULL;
    HfSharedFd *shared = hf_shared_fd_new_reader(fd, &error);

    g_assert_no_error(error);
    return shared;
}

static bool
blocks(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

static void
assert_reads_nothing(const HfSharedFd *shared, HfIoResult expected)
{
    g_autoptr(GError) error = NULL;
    char byte;
    size_t n = 0;

    g_assert_cmpint(hf_io_read(hf_shared_fd_get(shared), &byte, 1, &n, &error), ==, expected);
    g_assert_no_error(error);
}

static void
test_pipe_blocks_for_the_others(void)
{
    g_autoptr(HfSharedFd) shared = NULL;
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);

    shared = share_reader(fds[0]);

    g_assert_true(blocks(fds[0]));
    assert_reads_nothing(shared, HF_IO_AGAIN);
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
test_pipe_written_to_blocks_for_the_others(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfSharedFd) shared = NULL;
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);

    shared = hf_shared_fd_new_writer(fds[1], &error);

    g_assert_no_error(error);
    g_assert_true(blocks(fds[1]));
    g_assert_false(blocks(hf_shared_fd_get(shared)));
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
test_end_of_a_pipe_is_seen(void)
{
    g_autoptr(HfSharedFd) shared = NULL;
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    shared = share_reader(fds[0]);

    hf_close_fd(&fds[1]);

    assert_reads_nothing(shared, HF_IO_EOF);
    hf_close_fd(&fds[0]);
}

static void
test_terminal_blocks_for_the_others(void)
{
    g_autoptr(HfSharedFd) shared = NULL;
    TestTerminal terminal;

    terminal_set_up(&terminal);

    shared = share_reader(terminal.program_fd);

    g_assert_true(blocks(terminal.program_fd));
    assert_reads_nothing(shared, HF_IO_AGAIN);
    terminal_tear_down(&terminal);
}

static void
test_main_side_of_a_terminal_is_not_opened_anew(void)
{
    g_autoptr(HfSharedFd) shared = NULL;
    TestTerminal terminal;
    char byte = 0;

    terminal_set_up(&terminal);
    shared = share_reader(terminal.person_fd);

    g_assert_cmpint(write(terminal.program_fd, "x", 1), ==, 1);

    g_assert_cmpint(read(hf_shared_fd_get(shared), &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'x');
    terminal_tear_down(&terminal);
}

static void
test_socket_blocks_again_afterwards(void)
{
    HfSharedFd *shared;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    shared = share_reader(fds[0]);
    assert_reads_nothing(shared, HF_IO_AGAIN);

    hf_shared_fd_free(shared);

    g_assert_true(blocks(fds[0]));
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
test_socket_that_did_not_block_stays_so(void)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);

    hf_shared_fd_free(share_reader(fds[0]));

    g_assert_false(blocks(fds[0]));
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
test_file_keeps_its_shared_position(void)
{
    g_autofree char *path = NULL;
    char *dir = hf_test_make_dir();
    HfSharedFd *shared;
    char byte = 0;
    int fd;

    hf_test_write_file(dir, "file", "abc");
    path = g_build_filename(dir, "file", NULL);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(lseek(fd, 1, SEEK_SET), ==, 1);
    shared = share_reader(fd);

    g_assert_cmpint(read(hf_shared_fd_get(shared), &byte, 1), ==, 1);

    g_assert_cmpint(byte, ==, 'b');
    g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 2);
    g_assert_true(blocks(fd));
    hf_shared_fd_free(shared);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_end_of_a_fifo_wakes_up(void)
{
    g_autofree char *path = NULL;
    char *dir = hf_test_make_dir();
    GPollFD poll_fd = {.events = G_IO_IN};
    HfSharedFd *shared;
    int reader, writer;

    path = g_build_filename(dir, "fifo", NULL);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    reader = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    writer = open(path, O_WRONLY | O_CLOEXEC);
    hf_close_fd(&writer);
    shared = share_reader(reader);

    poll_fd.fd = hf_shared_fd_get(shared);

    g_assert_cmpint(g_poll(&poll_fd, 1, 0), ==, 1);
    assert_reads_nothing(shared, HF_IO_EOF);
    hf_shared_fd_free(shared);
    hf_close_fd(&reader);
    hf_test_remove_dir(dir);
}

static void
test_what_is_no_descriptor_is_refused(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_shared_fd_new_reader(9999, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_BADF);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/attach/shared-fd/pipe-blocks-for-the-others", test_pipe_blocks_for_the_others);
    hf_test_add("/attach/shared-fd/pipe-written-to-blocks-for-the-others",
                test_pipe_written_to_blocks_for_the_others);
    hf_test_add("/attach/shared-fd/end-of-a-pipe-is-seen", test_end_of_a_pipe_is_seen);
    hf_test_add("/attach/shared-fd/terminal-blocks-for-the-others",
                test_terminal_blocks_for_the_others);
    hf_test_add("/attach/shared-fd/main-side-of-a-terminal-is-not-opened-anew",
                test_main_side_of_a_terminal_is_not_opened_anew);
    hf_test_add("/attach/shared-fd/socket-blocks-again-afterwards",
                test_socket_blocks_again_afterwards);
    hf_test_add("/attach/shared-fd/socket-that-did-not-block-stays-so",
                test_socket_that_did_not_block_stays_so);
    hf_test_add("/attach/shared-fd/file-keeps-its-shared-position",
                test_file_keeps_its_shared_position);
    hf_test_add("/attach/shared-fd/end-of-a-fifo-wakes-up", test_end_of_a_fifo_wakes_up);
    hf_test_add("/attach/shared-fd/what-is-no-descriptor-is-refused",
                test_what_is_no_descriptor_is_refused);
    return g_test_run();
}
