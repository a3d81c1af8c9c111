/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/console-socket.h"
#include "runtime/pid-file.h"
#include "runtime/runtime-argv.h"
#include "runtime/spawn.h"
#include "runtime/terminal.h"
#include "test-kit.h"

/* As many as the socket lets wait. */
#define SILENT_CONNECTIONS 4

typedef struct {
    GMainContext *context;
    HfConsoleSocket *socket;
    int console_fd;
    int n_consoles;
    GPtrArray *errors;
} Fixture;

static void
on_console(int take_fd, gpointer user_data)
{
    Fixture *fixture = user_data;

    hf_close_fd(&fixture->console_fd);
    fixture->console_fd = take_fd;
    fixture->n_consoles++;
}

static void
on_failed(const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_ptr_array_add(fixture->errors, g_error_copy(error));
}

static const HfConsoleHandlers handlers = {on_console, on_failed};

static void
set_up(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    *fixture = (Fixture){.console_fd = -1};
    fixture->context = g_main_context_new();
    fixture->errors = g_ptr_array_new_with_free_func((GDestroyNotify)g_error_free);
    fixture->socket = hf_console_socket_new(fixture->context, &handlers, fixture, &error);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->socket);
}

static void
tear_down(Fixture *fixture)
{
    hf_console_socket_free(fixture->socket);
    hf_close_fd(&fixture->console_fd);
    g_ptr_array_unref(fixture->errors);
    g_main_context_unref(fixture->context);
}

static int
connect_client(const Fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)g_strlcpy(address.sun_path, hf_console_socket_get_path(fixture->socket),
                    sizeof address.sun_path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

static void
send_fds(int socket_fd, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(16 * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (char *)"name", .iov_len = 4};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (count > 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    g_assert_cmpint(sendmsg(socket_fd, &message, MSG_NOSIGNAL), ==, 4);
}

/* Connects, sends, and closes the connection. */
static void
send_once(const Fixture *fixture, const int *fds, size_t count)
{
    hf_autofd client_fd = connect_client(fixture);

    send_fds(client_fd, fds, count);
}

static int
open_terminal(void)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(unlockpt(fd), ==, 0);
    return fd;
}

static void
assert_one_failure(const Fixture *fixture)
{
    g_assert_cmpint(fixture->n_consoles, ==, 0);
    g_assert_cmpuint(fixture->errors->len, ==, 1);
    g_assert_error((GError *)fixture->errors->pdata[0], HF_ERROR, HF_ERROR_PROTOCOL);
}

static void
test_terminal_arrives(void)
{
    hf_autofd terminal_fd = open_terminal();
    unsigned sent_number = 0;
    unsigned received_number = 1;
    Fixture fixture;
    set_up(&fixture);
    send_once(&fixture, &terminal_fd, 1);

    hf_test_settle(fixture.context);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    g_assert_cmpuint(fixture.errors->len, ==, 0);
    g_assert_cmpint(fcntl(fixture.console_fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(fcntl(fixture.console_fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
    g_assert_cmpint(ioctl(terminal_fd, TIOCGPTN, &sent_number), ==, 0);
    g_assert_cmpint(ioctl(fixture.console_fd, TIOCGPTN, &received_number), ==, 0);
    g_assert_cmpuint(received_number, ==, sent_number);
    tear_down(&fixture);
}

static void
test_message_after_the_connection_was_seen(void)
{
    hf_autofd terminal_fd = open_terminal();
    Fixture fixture;
    set_up(&fixture);
    hf_autofd client_fd = connect_client(&fixture);
    hf_test_settle(fixture.context);
    send_fds(client_fd, &terminal_fd, 1);

    hf_test_settle(fixture.context);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    g_assert_cmpuint(fixture.errors->len, ==, 0);
    tear_down(&fixture);
}

static void
test_pipe_is_refused(void)
{
    Fixture fixture;
    int fds[2];
    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    set_up(&fixture);
    send_once(&fixture, fds, 1);

    hf_test_settle(fixture.context);

    assert_one_failure(&fixture);
    tear_down(&fixture);
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
test_other_side_of_a_terminal_is_refused(void)
{
    hf_autofd terminal_fd = open_terminal();
    hf_autofd peer_fd = hf_terminal_open_peer(terminal_fd, NULL);
    Fixture fixture;
    set_up(&fixture);
    send_once(&fixture, &peer_fd, 1);

    hf_test_settle(fixture.context);

    assert_one_failure(&fixture);
    tear_down(&fixture);
}

static void
test_bytes_without_a_descriptor_are_refused(void)
{
    Fixture fixture;
    set_up(&fixture);
    send_once(&fixture, NULL, 0);

    hf_test_settle(fixture.context);

    assert_one_failure(&fixture);
    tear_down(&fixture);
}

static void
test_connection_closed_without_a_message(void)
{
    Fixture fixture;
    set_up(&fixture);
    hf_autofd client_fd = connect_client(&fixture);
    hf_test_settle(fixture.context);
    hf_close_fd(&client_fd);

    hf_test_settle(fixture.context);

    assert_one_failure(&fixture);
    tear_down(&fixture);
}

static void
test_more_than_one_terminal_is_refused(void)
{
    hf_autofd first_fd = open_terminal();
    static const size_t counts[] = {2, 4, 5, 16};

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        Fixture fixture;
        int fds[16];
        for (size_t j = 0; j < counts[i]; j++)
            fds[j] = first_fd;
        set_up(&fixture);
        send_once(&fixture, fds, counts[i]);

        hf_test_settle(fixture.context);

        assert_one_failure(&fixture);
        tear_down(&fixture);
    }
}

static void
test_goes_on_listening_after_a_failure(void)
{
    hf_autofd terminal_fd = open_terminal();
    Fixture fixture;
    set_up(&fixture);
    send_once(&fixture, NULL, 0);
    hf_test_settle(fixture.context);
    assert_one_failure(&fixture);
    send_once(&fixture, &terminal_fd, 1);

    hf_test_settle(fixture.context);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    tear_down(&fixture);
}

static void
test_silent_connection_does_not_hold_up_the_next(void)
{
    hf_autofd terminal_fd = open_terminal();
    Fixture fixture;
    set_up(&fixture);
    hf_autofd silent_fd = connect_client(&fixture);
    hf_test_settle(fixture.context);
    send_once(&fixture, &terminal_fd, 1);

    hf_test_settle(fixture.context);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    g_assert_cmpuint(fixture.errors->len, ==, 0);
    tear_down(&fixture);
}

static void
open_silent(const Fixture *fixture, int *fds)
{
    for (int i = 0; i < SILENT_CONNECTIONS; i++) {
        fds[i] = connect_client(fixture);
        hf_test_settle(fixture->context);
    }
}

static void
test_connection_too_many_is_closed(void)
{
    int silent[SILENT_CONNECTIONS];
    char byte;
    Fixture fixture;
    set_up(&fixture);
    open_silent(&fixture, silent);
    hf_autofd refused_fd = connect_client(&fixture);

    hf_test_settle(fixture.context);

    g_assert_cmpuint(fixture.errors->len, ==, 1);
    g_assert_error((GError *)fixture.errors->pdata[0], HF_ERROR, HF_ERROR_LIMIT);
    g_assert_cmpint((int)recv(refused_fd, &byte, 1, MSG_DONTWAIT), ==, 0);
    for (int i = 0; i < SILENT_CONNECTIONS; i++) {
        g_assert_cmpint((int)recv(silent[i], &byte, 1, MSG_DONTWAIT), ==, -1);
        g_assert_cmpint(errno, ==, EAGAIN);
        hf_close_fd(&silent[i]);
    }
    tear_down(&fixture);
}

static void
test_closed_connection_makes_room(void)
{
    hf_autofd terminal_fd = open_terminal();
    int silent[SILENT_CONNECTIONS];
    Fixture fixture;
    set_up(&fixture);
    open_silent(&fixture, silent);
    hf_close_fd(&silent[1]);
    hf_test_settle(fixture.context);
    send_once(&fixture, &terminal_fd, 1);

    hf_test_settle(fixture.context);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    for (int i = 0; i < SILENT_CONNECTIONS; i++)
        hf_close_fd(&silent[i]);
    tear_down(&fixture);
}

static void
test_poll_takes_what_an_ended_peer_sent(void)
{
    hf_autofd terminal_fd = open_terminal();
    Fixture fixture;
    set_up(&fixture);
    send_once(&fixture, &terminal_fd, 1);

    hf_console_socket_poll(fixture.socket);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    g_assert_cmpuint(fixture.errors->len, ==, 0);
    tear_down(&fixture);
}

static void
test_poll_with_nothing_waiting(void)
{
    Fixture fixture;
    set_up(&fixture);
    hf_autofd silent_fd = connect_client(&fixture);

    hf_console_socket_poll(fixture.socket);

    g_assert_cmpint(fixture.n_consoles, ==, 0);
    g_assert_cmpuint(fixture.errors->len, ==, 0);
    tear_down(&fixture);
}

static void
test_nothing_is_ready_while_connections_are_silent(void)
{
    Fixture fixture;
    set_up(&fixture);
    hf_autofd silent_fd = connect_client(&fixture);
    hf_test_settle(fixture.context);

    gboolean is_pending = g_main_context_pending(fixture.context);

    g_assert_false(is_pending);
    tear_down(&fixture);
}

/* Leaves no number for a new descriptor. Returns the limit to set again. */
static struct rlimit
forbid_new_fds(void)
{
    struct rlimit old;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = old.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    return old;
}

static void
test_failed_accept_stops_listening(void)
{
    if (hf_test_skip_under_valgrind("hand resource limits on"))
        return;

    hf_autofd terminal_fd = open_terminal();
    Fixture fixture;
    set_up(&fixture);
    send_once(&fixture, &terminal_fd, 1);
    struct rlimit old = forbid_new_fds();

    hf_test_settle(fixture.context);

    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
    g_assert_cmpuint(fixture.errors->len, ==, 1);
    g_assert_error((GError *)fixture.errors->pdata[0], G_FILE_ERROR, G_FILE_ERROR_MFILE);
    hf_console_socket_poll(fixture.socket);
    g_assert_cmpint(fixture.n_consoles, ==, 1);
    tear_down(&fixture);
}

static void
test_no_room_for_the_descriptor(void)
{
    if (hf_test_skip_under_valgrind("hand resource limits on"))
        return;

    hf_autofd terminal_fd = open_terminal();
    Fixture fixture;
    set_up(&fixture);
    hf_autofd client_fd = connect_client(&fixture);
    hf_test_settle(fixture.context);
    send_fds(client_fd, &terminal_fd, 1);
    struct rlimit old = forbid_new_fds();

    hf_test_settle(fixture.context);

    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
    g_assert_cmpint(fixture.n_consoles, ==, 0);
    g_assert_cmpuint(fixture.errors->len, ==, 1);
    g_assert_error((GError *)fixture.errors->pdata[0], HF_ERROR, HF_ERROR_LIMIT);
    tear_down(&fixture);
}

static void
test_directory_is_private(void)
{
    GStatBuf status;
    Fixture fixture;
    set_up(&fixture);

    g_autofree char *dir = g_path_get_dirname(hf_console_socket_get_path(fixture.socket));

    g_assert_cmpint(g_stat(dir, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 07777, ==, 0700);
    tear_down(&fixture);
}

static void
test_path_is_removed_at_free(void)
{
    Fixture fixture;
    set_up(&fixture);
    g_autofree char *path = g_strdup(hf_console_socket_get_path(fixture.socket));
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));

    tear_down(&fixture);

    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
}

static void
test_free_accepts_null(void)
{
    hf_console_socket_free(NULL);
}

/* The socket's path when XDG_RUNTIME_DIR is @value (NULL: unset). */
static char *
path_with_runtime_dir(const char *value)
{
    g_autofree char *old = g_strdup(g_getenv("XDG_RUNTIME_DIR"));
    Fixture fixture;
    char *path;

    if (value == NULL)
        g_unsetenv("XDG_RUNTIME_DIR");
    else
        g_setenv("XDG_RUNTIME_DIR", value, TRUE);
    set_up(&fixture);
    path = g_strdup(hf_console_socket_get_path(fixture.socket));
    tear_down(&fixture);
    if (old == NULL)
        g_unsetenv("XDG_RUNTIME_DIR");
    else
        g_setenv("XDG_RUNTIME_DIR", old, TRUE);
    return path;
}

static void
test_runtime_directory_is_preferred(void)
{
    char *dir = hf_test_make_dir();

    g_autofree char *path = path_with_runtime_dir(dir);

    g_assert_true(g_str_has_prefix(path, dir));
    hf_test_remove_dir(dir);
}

static void
test_falls_back_to_the_directory_for_temporary_files(void)
{
    g_autofree char *too_long = g_strnfill(120, 'x');
    g_autofree char *long_dir = g_build_filename(g_get_tmp_dir(), too_long, NULL);
    g_assert_cmpint(g_mkdir(long_dir, 0700), ==, 0);
    const char *const unfit[] = {NULL, "", "relative", "/nonexistent/dir", long_dir};

    for (size_t i = 0; i < G_N_ELEMENTS(unfit); i++) {
        g_autofree char *path = path_with_runtime_dir(unfit[i]);
        g_autofree char *dir = g_path_get_dirname(path);
        g_autofree char *parent = g_path_get_dirname(dir);

        g_assert_cmpstr(parent, ==, g_get_tmp_dir());
    }
    g_assert_cmpint(g_rmdir(long_dir), ==, 0);
}

/* Runs the fake runtime's create with a console socket to its end. Returns the container's pid. */
static pid_t
run_fake_runtime(const Fixture *fixture, const char *dir)
{
    g_autofree char *program =
        g_test_build_filename(G_TEST_BUILT, "programs", "fake-runtime", NULL);
    g_autofree char *pid_file = g_build_filename(dir, "pid", NULL);
    g_autofree char *root = g_strdup_printf("--root=%s/root", dir);
    const char *const globals[] = {root, NULL};
    HfRuntimeRequest request = {
        .action = HF_RUNTIME_CREATE,
        .runtime = program,
        .container_id = "c1",
        .bundle = dir,
        .pid_file = pid_file,
        .console_socket = hf_console_socket_get_path(fixture->socket),
        .global_args = globals,
    };
    g_auto(GStrv) argv = hf_runtime_argv_new(&request);
    HfSpawnOptions options = {.argv = (const char *const *)argv,
                              .stdin_fd = HF_SPAWN_NULL,
                              .stdout_fd = HF_SPAWN_NULL,
                              .stderr_fd = HF_SPAWN_INHERIT,
                              .close_others = true};
    g_autoptr(GError) error = NULL;
    int status = -1;
    pid_t container_pid = -1;

    hf_test_write_file(dir, "fake-runtime.script", "autostart 1\ncommand read x; echo got $x\n");
    pid_t pid = hf_spawn(&options, &error);
    g_assert_no_error(error);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_true(hf_pid_file_read(pid_file, &container_pid, &error));
    return container_pid;
}

static void
test_terminal_of_a_fake_container(void)
{
    char *dir = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    char bytes[256];
    ssize_t n;
    int status = -1;
    Fixture fixture;
    set_up(&fixture);
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), ==, 0);
    pid_t container_pid = run_fake_runtime(&fixture, dir);

    hf_console_socket_poll(fixture.socket);

    g_assert_cmpint(fixture.n_consoles, ==, 1);
    g_assert_true(hf_terminal_prepare(fixture.console_fd, &error));
    g_assert_true(hf_fd_set_nonblocking(fixture.console_fd, false, &error));
    g_assert_cmpint(write(fixture.console_fd, "hi\n", 3), ==, 3);
    while ((n = read(fixture.console_fd, bytes, sizeof bytes)) > 0)
        g_string_append_len(text, bytes, n);
    g_assert_cmpstr(text->str, ==, "hi\r\ngot hi\r\n");
    g_assert_cmpint(waitpid(container_pid, &status, 0), ==, container_pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), ==, 0);
    tear_down(&fixture);
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(void);
    } tests[] = {
        {"/runtime/console-socket/terminal-arrives", test_terminal_arrives},
        {"/runtime/console-socket/message-after-the-connection-was-seen",
         test_message_after_the_connection_was_seen},
        {"/runtime/console-socket/pipe-is-refused", test_pipe_is_refused},
        {"/runtime/console-socket/other-side-of-a-terminal-is-refused",
         test_other_side_of_a_terminal_is_refused},
        {"/runtime/console-socket/bytes-without-a-descriptor-are-refused",
         test_bytes_without_a_descriptor_are_refused},
        {"/runtime/console-socket/connection-closed-without-a-message",
         test_connection_closed_without_a_message},
        {"/runtime/console-socket/more-than-one-terminal-is-refused",
         test_more_than_one_terminal_is_refused},
        {"/runtime/console-socket/goes-on-listening-after-a-failure",
         test_goes_on_listening_after_a_failure},
        {"/runtime/console-socket/silent-connection-does-not-hold-up-the-next",
         test_silent_connection_does_not_hold_up_the_next},
        {"/runtime/console-socket/connection-too-many-is-closed",
         test_connection_too_many_is_closed},
        {"/runtime/console-socket/closed-connection-makes-room", test_closed_connection_makes_room},
        {"/runtime/console-socket/poll-takes-what-an-ended-peer-sent",
         test_poll_takes_what_an_ended_peer_sent},
        {"/runtime/console-socket/poll-with-nothing-waiting", test_poll_with_nothing_waiting},
        {"/runtime/console-socket/nothing-is-ready-while-connections-are-silent",
         test_nothing_is_ready_while_connections_are_silent},
        {"/runtime/console-socket/failed-accept-stops-listening",
         test_failed_accept_stops_listening},
        {"/runtime/console-socket/no-room-for-the-descriptor", test_no_room_for_the_descriptor},
        {"/runtime/console-socket/directory-is-private", test_directory_is_private},
        {"/runtime/console-socket/path-is-removed-at-free", test_path_is_removed_at_free},
        {"/runtime/console-socket/free-accepts-null", test_free_accepts_null},
        {"/runtime/console-socket/runtime-directory-is-preferred",
         test_runtime_directory_is_preferred},
        {"/runtime/console-socket/falls-back-to-the-directory-for-temporary-files",
         test_falls_back_to_the_directory_for_temporary_files},
        {"/runtime/console-socket/terminal-of-a-fake-container", test_terminal_of_a_fake_container},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        hf_test_add(tests[i].path, tests[i].test);
    return g_test_run();
}
