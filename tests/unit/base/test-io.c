/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "test-kit.h"

typedef struct {
    int read_fd;
    int write_fd;
} Pipe;

static Pipe
pipe_open(int flags)
{
    int fds[2];

    g_assert_cmpint(pipe2(fds, flags | O_CLOEXEC), ==, 0);
    return (Pipe){.read_fd = fds[0], .write_fd = fds[1]};
}

static void
pipe_clear(Pipe *self)
{
    hf_close_fd(&self->read_fd);
    hf_close_fd(&self->write_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pipe, pipe_clear)

static void
test_read_moves_what_is_there(void)
{
    g_auto(Pipe) data = pipe_open(O_NONBLOCK);
    char buffer[16];
    size_t n = 0;

    g_assert_cmpint(write(data.write_fd, "abc", 3), ==, 3);
    HfIoResult result = hf_io_read(data.read_fd, buffer, sizeof buffer, &n, NULL);

    g_assert_cmpint(result, ==, HF_IO_DATA);
    g_assert_cmpmem(buffer, (int)n, "abc", 3);
}

static void
test_read_of_an_empty_pipe_is_again_and_of_a_closed_one_the_end(void)
{
    g_auto(Pipe) data = pipe_open(O_NONBLOCK);
    char buffer[16];
    size_t n = 4711;

    HfIoResult empty = hf_io_read(data.read_fd, buffer, sizeof buffer, &n, NULL);
    hf_close_fd(&data.write_fd);
    HfIoResult closed = hf_io_read(data.read_fd, buffer, sizeof buffer, &n, NULL);

    g_assert_cmpint(empty, ==, HF_IO_AGAIN);
    g_assert_cmpint(closed, ==, HF_IO_EOF);
    g_assert_cmpuint(n, ==, 4711);
}

static void
test_read_of_a_terminal_that_nobody_has_open_is_the_end(void)
{
    hf_autofd main_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char buffer[16], name[64];
    size_t n = 0;

    if (main_fd < 0)
        return g_test_skip("no pseudo terminal here");
    g_assert_cmpint(grantpt(main_fd), ==, 0);
    g_assert_cmpint(unlockpt(main_fd), ==, 0);
    g_assert_cmpint(ptsname_r(main_fd, name, sizeof name), ==, 0);
    int other_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(other_fd, >=, 0);

    hf_close_fd(&other_fd);
    HfIoResult result = hf_io_read(main_fd, buffer, sizeof buffer, &n, NULL);

    g_assert_cmpint(result, ==, HF_IO_EOF);
}

static void
test_read_from_a_peer_that_left_our_bytes_unread_is_the_end(void)
{
    int pair[2];
    char buffer[16];
    size_t n = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==,
                    0);
    hf_autofd ours = pair[0];
    g_assert_cmpint(write(ours, "x", 1), ==, 1);
    hf_close_fd(&pair[1]);
    HfIoResult result = hf_io_read(ours, buffer, sizeof buffer, &n, NULL);

    g_assert_cmpint(result, ==, HF_IO_EOF);
}

static void
test_read_of_a_directory_fails(void)
{
    hf_autofd fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GError) error = NULL;
    char buffer[16];
    size_t n = 0;

    HfIoResult result = hf_io_read(fd, buffer, sizeof buffer, &n, &error);

    g_assert_cmpint(result, ==, HF_IO_FAILED);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
}

/* For the handler alone. */
static int tick_fd = -1;
static volatile sig_atomic_t ticks;

static void
on_alarm(int signal_number)
{
    if (++ticks == 5)
        (void)!write(tick_fd, "x", 1);
}

static void
test_read_goes_on_after_a_signal(void)
{
    g_auto(Pipe) data = pipe_open(0);
    const struct sigaction action = {.sa_handler = on_alarm};
    struct sigaction old_action;
    const struct itimerval each_millisecond = {{0, 1000}, {0, 1000}};
    const struct itimerval never = {0};
    char buffer[16];
    size_t n = 0;

    /* Only the fifth signal brings a byte, so the ones before interrupt a read that blocks. */
    tick_fd = data.write_fd;
    ticks = 0;
    g_assert_cmpint(sigaction(SIGALRM, &action, &old_action), ==, 0);
    g_assert_cmpint(setitimer(ITIMER_REAL, &each_millisecond, NULL), ==, 0);
    HfIoResult result = hf_io_read(data.read_fd, buffer, sizeof buffer, &n, NULL);
    g_assert_cmpint(setitimer(ITIMER_REAL, &never, NULL), ==, 0);
    g_assert_cmpint(sigaction(SIGALRM, &old_action, NULL), ==, 0);

    g_assert_cmpint(result, ==, HF_IO_DATA);
    g_assert_cmpuint(n, ==, 1);
}

static void
test_write_moves_what_fits_and_then_says_again(void)
{
    g_auto(Pipe) data = pipe_open(O_NONBLOCK);
    g_autofree char *bytes = g_malloc0(1024 * 1024);
    int capacity = fcntl(data.write_fd, F_GETPIPE_SZ);
    size_t n = 0, unset = 4711;

    HfIoResult first = hf_io_write(data.write_fd, bytes, 1024 * 1024, &n, NULL);
    HfIoResult second = hf_io_write(data.write_fd, bytes, 1, &unset, NULL);

    g_assert_cmpint(first, ==, HF_IO_DATA);
    g_assert_cmpuint(n, ==, capacity);
    g_assert_cmpint(second, ==, HF_IO_AGAIN);
    g_assert_cmpuint(unset, ==, 4711);
}

static void
test_write_without_a_reader_is_the_end(void)
{
    g_auto(Pipe) data = pipe_open(O_NONBLOCK);
    size_t n = 0;

    hf_close_fd(&data.read_fd);
    HfIoResult result = hf_io_write(data.write_fd, "x", 1, &n, NULL);

    g_assert_cmpint(result, ==, HF_IO_EOF);
}

static void
test_write_to_a_full_disk_fails(void)
{
    hf_autofd fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    g_autoptr(GError) error = NULL;
    size_t n = 0;

    HfIoResult result = hf_io_write(fd, "x", 1, &n, &error);

    g_assert_cmpint(result, ==, HF_IO_FAILED);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
}

/* A directory and what is to be said of the file "file" in it. */
typedef struct {
    char *dir;
    char *path;
    int dir_fd;
} Place;

static Place
place_make(void)
{
    Place self = {.dir = hf_test_make_dir()};

    self.path = g_build_filename(self.dir, "file", NULL);
    self.dir_fd = open(self.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(self.dir_fd, >=, 0);
    return self;
}

static void
place_clear(Place *self)
{
    hf_close_fd(&self->dir_fd);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->dir, hf_test_remove_dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void
test_file_is_read_whole_with_nuls_in_it(void)
{
    g_auto(Place) place = place_make();
    g_autofree char *bytes = g_malloc(5000);
    g_autoptr(GError) error = NULL;
    size_t length = 0;

    for (size_t i = 0; i < 5000; i++)
        bytes[i] = (char)(i % 256);
    g_assert_true(g_file_set_contents(place.path, bytes, 5000, NULL));
    g_autofree char *text = hf_io_read_file_at(place.dir_fd, "file", 5000, &length, &error);

    g_assert_no_error(error);
    g_assert_cmpmem(text, (int)length, bytes, 5000);
    g_assert_cmpint(text[5000], ==, '\0');
}

static void
test_file_of_no_bytes_is_an_empty_string(void)
{
    g_auto(Place) place = place_make();
    size_t length = 4711;

    hf_test_write_file(place.dir, "file", "");
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, place.path, 0, &length, NULL);

    g_assert_cmpstr(text, ==, "");
    g_assert_cmpuint(length, ==, 0);
}

static void
test_file_above_the_limit_is_an_error(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    hf_test_write_file(place.dir, "file", "12345");
    g_autofree char *text = hf_io_read_file_at(place.dir_fd, "file", 4, NULL, &error);

    g_assert_null(text);
    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "'file'"));
}

static void
test_pseudo_file_is_read_though_its_size_is_zero(void)
{
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, "/proc/self/stat", 4096, NULL, NULL);

    g_assert_nonnull(text);
    g_assert_cmpuint(strlen(text), >, 0);
}

static void
test_missing_file_is_not_found(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_autofree char *text = hf_io_read_file_at(place.dir_fd, "file", 16, NULL, &error);

    g_assert_null(text);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_symbolic_link_is_not_followed(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(symlinkat("/proc/self/stat", place.dir_fd, "file"), ==, 0);
    g_autofree char *text = hf_io_read_file_at(place.dir_fd, "file", 4096, NULL, &error);

    g_assert_null(text);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_LOOP);
}

static void
test_fifo_is_refused_and_not_waited_for(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(mkfifo(place.path, 0600), ==, 0);
    g_autofree char *text = hf_io_read_file_at(place.dir_fd, "file", 16, NULL, &error);

    g_assert_null(text);
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
test_directory_is_refused(void)
{
    g_autoptr(GError) error = NULL;

    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, "/proc", 16, NULL, &error);

    g_assert_null(text);
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
test_file_that_cannot_be_read_is_not_an_empty_one(void)
{
    g_autoptr(GError) error = NULL;

    /* Nothing is mapped at address 0, which the kernel calls EIO. */
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, "/proc/self/mem", 16, NULL, &error);

    g_assert_null(text);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_IO);
}

static void
add_file_tests(void)
{
    hf_test_add("/base/io/file-is-read-whole-with-nuls-in-it",
                test_file_is_read_whole_with_nuls_in_it);
    hf_test_add("/base/io/file-of-no-bytes-is-an-empty-string",
                test_file_of_no_bytes_is_an_empty_string);
    hf_test_add("/base/io/file-above-the-limit-is-an-error", test_file_above_the_limit_is_an_error);
    hf_test_add("/base/io/pseudo-file-is-read-though-its-size-is-zero",
                test_pseudo_file_is_read_though_its_size_is_zero);
    hf_test_add("/base/io/missing-file-is-not-found", test_missing_file_is_not_found);
    hf_test_add("/base/io/symbolic-link-is-not-followed", test_symbolic_link_is_not_followed);
    hf_test_add("/base/io/fifo-is-refused-and-not-waited-for",
                test_fifo_is_refused_and_not_waited_for);
    hf_test_add("/base/io/directory-is-refused", test_directory_is_refused);
    hf_test_add("/base/io/file-that-cannot-be-read-is-not-an-empty-one",
                test_file_that_cannot_be_read_is_not_an_empty_one);
}

int
main(int argc, char **argv)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(sigaction(SIGPIPE, &ignore, NULL), ==, 0);
    hf_test_add("/base/io/read-moves-what-is-there", test_read_moves_what_is_there);
    hf_test_add("/base/io/read-of-an-empty-pipe-is-again-and-of-a-closed-one-the-end",
                test_read_of_an_empty_pipe_is_again_and_of_a_closed_one_the_end);
    hf_test_add("/base/io/read-of-a-terminal-that-nobody-has-open-is-the-end",
                test_read_of_a_terminal_that_nobody_has_open_is_the_end);
    hf_test_add("/base/io/read-from-a-peer-that-left-our-bytes-unread-is-the-end",
                test_read_from_a_peer_that_left_our_bytes_unread_is_the_end);
    hf_test_add("/base/io/read-of-a-directory-fails", test_read_of_a_directory_fails);
    hf_test_add("/base/io/read-goes-on-after-a-signal", test_read_goes_on_after_a_signal);
    hf_test_add("/base/io/write-moves-what-fits-and-then-says-again",
                test_write_moves_what_fits_and_then_says_again);
    hf_test_add("/base/io/write-without-a-reader-is-the-end",
                test_write_without_a_reader_is_the_end);
    hf_test_add("/base/io/write-to-a-full-disk-fails", test_write_to_a_full_disk_fails);
    add_file_tests();
    return g_test_run();
}
