/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"
#include "test-kit.h"

static int
open_dir(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static mode_t
mode_of(int dir_fd, const char *name)
{
    struct stat status;

    g_assert_cmpint(fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW), ==, 0);
    return status.st_mode;
}

/* As Podman does it. */
static int
connect_at(int dir_fd, const char *name, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

static void
test_clients_connect(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);

    hf_autofd fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);
    g_assert_no_error(error);
    hf_autofd client = connect_at(dir_fd, "attach", SOCK_SEQPACKET);
    hf_autofd accepted = accept(fd, NULL, NULL);

    g_assert_cmpint(accepted, >=, 0);
    hf_test_remove_dir(dir);
}

static void
test_descriptor_is_nonblocking_and_closed_on_exec(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);

    hf_autofd fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
    hf_test_remove_dir(dir);
}

static void
test_mode_is_exact_whatever_the_umask(void)
{
    static const struct {
        mode_t umask;
        mode_t mode;
    } cases[] = {{0, 0700}, {022, 0777}, {0777, 0700}, {077, 0660}};
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        mode_t old_umask = umask(cases[i].umask);
        hf_autofd fd = hf_unix_socket_bind_at(dir_fd, "s", SOCK_DGRAM, cases[i].mode, &error);

        (void)umask(old_umask);
        g_assert_no_error(error);
        g_assert_cmpint(mode_of(dir_fd, "s"), ==, S_IFSOCK | cases[i].mode);
    }
    hf_test_remove_dir(dir);
}

static void
test_directory_path_longer_than_an_address(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    g_autofree char *component = g_strnfill(200, 'd');
    g_autofree char *path = g_build_filename(dir, component, component, NULL);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    hf_autofd dir_fd = open_dir(path);
    hf_autofd fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);

    g_assert_no_error(error);
    g_assert_true(hf_test_file_exists(path, "attach"));
    hf_autofd client = connect_at(dir_fd, "attach", SOCK_SEQPACKET);
    hf_test_remove_dir(dir);
}

static void
test_stale_socket_is_replaced(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);
    int stale = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0777, &error);

    g_assert_no_error(error);
    hf_close_fd(&stale);
    hf_autofd fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);

    g_assert_no_error(error);
    g_assert_cmpint(mode_of(dir_fd, "attach"), ==, S_IFSOCK | 0700);
    hf_autofd client = connect_at(dir_fd, "attach", SOCK_SEQPACKET);
    hf_test_remove_dir(dir);
}

static void
test_other_file_of_that_name_is_kept(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);

    hf_test_write_file(dir, "attach", "precious");
    int fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);

    g_assert_cmpint(fd, ==, -1);
    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    g_autofree char *text = hf_test_read_file(dir, "attach");
    g_assert_cmpstr(text, ==, "precious");
    hf_test_remove_dir(dir);
}

static void
test_symbolic_link_is_not_followed(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);

    g_assert_cmpint(symlinkat("elsewhere", dir_fd, "attach"), ==, 0);
    int fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);

    g_assert_cmpint(fd, ==, -1);
    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    g_assert_false(hf_test_file_exists(dir, "elsewhere"));
    hf_test_remove_dir(dir);
}

static void
test_name_that_is_too_long_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);
    g_autofree char *name = g_strnfill(120, 'n');

    int fd = hf_unix_socket_bind_at(dir_fd, name, SOCK_SEQPACKET, 0700, &error);

    g_assert_cmpint(fd, ==, -1);
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    hf_test_remove_dir(dir);
}

static void
test_directory_that_is_gone_is_an_error(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open_dir(dir);

    hf_test_remove_dir(dir);
    int fd = hf_unix_socket_bind_at(dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);

    g_assert_cmpint(fd, ==, -1);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/unix-socket/clients-connect", test_clients_connect);
    hf_test_add("/attach/unix-socket/descriptor-is-nonblocking-and-closed-on-exec",
                test_descriptor_is_nonblocking_and_closed_on_exec);
    hf_test_add("/attach/unix-socket/mode-is-exact-whatever-the-umask",
                test_mode_is_exact_whatever_the_umask);
    hf_test_add("/attach/unix-socket/directory-path-longer-than-an-address",
                test_directory_path_longer_than_an_address);
    hf_test_add("/attach/unix-socket/stale-socket-is-replaced", test_stale_socket_is_replaced);
    hf_test_add("/attach/unix-socket/other-file-of-that-name-is-kept",
                test_other_file_of_that_name_is_kept);
    hf_test_add("/attach/unix-socket/symbolic-link-is-not-followed",
                test_symbolic_link_is_not_followed);
    hf_test_add("/attach/unix-socket/name-that-is-too-long-is-refused",
                test_name_that_is_too_long_is_refused);
    hf_test_add("/attach/unix-socket/directory-that-is-gone-is-an-error",
                test_directory_that_is_gone_is_an_error);

    return g_test_run();
}
