/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the monitor's own modules are in the middle of goes on in another program. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "monitor/log-compressor.h"
#include "monitor/monitor-log.h"
#include "monitor/parent-pipes.h"
#include "monitor/process-dir.h"
#include "monitor/seccomp-child.h"
#include "monitor/stdio-pump.h"
#include "saved-kit.h"
#include "test-kit.h"

typedef struct {
    GString *text; /* of both streams, "o" or "e" before each read */
    guint n_pauses;
    bool is_closed;
} Output;

static void
on_output(HfStream stream, const char *bytes, size_t length, gpointer user_data)
{
    Output *output = user_data;

    g_string_append_c(output->text, stream == HF_STREAM_STDERR ? 'e' : 'o');
    g_string_append_len(output->text, bytes, (gssize)length);
}

static void
on_pause(gpointer user_data)
{
    ((Output *)user_data)->n_pauses++;
}

static void
on_quiet(gpointer user_data)
{
}

static void
on_closed(gpointer user_data)
{
    ((Output *)user_data)->is_closed = true;
}

static bool
is_closed(gpointer user_data)
{
    return ((Output *)user_data)->is_closed;
}

static bool
has_output(gpointer user_data)
{
    return ((Output *)user_data)->text->len > 0;
}

static bool
has_paused(gpointer user_data)
{
    return ((Output *)user_data)->n_pauses > 0;
}

static const HfStdioHandlers stdio_handlers = {on_output, on_pause, on_quiet, on_closed};

static void
take_pipe(HfStdioPump *pump, HfStream stream, int *out_write_fd)
{
    int fds[2];

    g_assert_no_errno(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    hf_stdio_pump_take_stream(pump, stream, fds[0], false);
    *out_write_fd = fds[1];
}

static void
test_streams_are_read_on_and_half_a_line_is_still_due(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Output output = {.text = g_string_new(NULL)};
    HfStdioPump *pump = hf_stdio_pump_new(context, &stdio_handlers, &output);
    hf_autofd out_fd = -1;
    hf_autofd err_fd = -1;
    SavedKit kit;

    take_pipe(pump, HF_STREAM_STDOUT, &out_fd);
    take_pipe(pump, HF_STREAM_STDERR, &err_fd);
    g_assert_cmpint(write(out_fd, "half", 4), ==, 4);
    hf_test_wait(context, "the half line", has_output, &output);
    hf_stdio_pump_set_paused(pump, true);
    output.n_pauses = 0;
    g_assert_cmpint(write(err_fd, "err\n", 4), ==, 4);
    saved_kit_begin(&kit);
    hf_stdio_pump_save(pump, kit.writer);
    saved_kit_keep(&kit);
    hf_stdio_pump_free(pump);
    pump = hf_stdio_pump_new(context, &stdio_handlers, &output);
    hf_stdio_pump_restore(pump, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    hf_test_settle(context);
    g_assert_cmpstr(output.text->str, ==, "ohalf");
    hf_stdio_pump_set_paused(pump, false);
    hf_test_wait(context, "the pause", has_paused, &output);
    hf_close_fd(&out_fd);
    hf_close_fd(&err_fd);
    hf_stdio_pump_drain(pump);
    hf_test_wait(context, "the end", is_closed, &output);

    g_assert_cmpstr(output.text->str, ==, "ohalfeerr\n");
    hf_stdio_pump_free(pump);
    g_string_free(output.text, TRUE);
    saved_kit_end(&kit);
}

static void
test_read_size_that_there_is_not_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(HfStdioPump) pump = hf_stdio_pump_new(context, &stdio_handlers, NULL);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "read-size", -1);
    hf_stdio_pump_restore(pump, saved_kit_read(&kit));

    saved_kit_assert_wrong(&kit, "read-size");
    saved_kit_end(&kit);
}

static void
test_process_directory_is_never_let_go_of(void)
{
    char *path = hf_test_make_dir();
    HfProcessDir *dir = hf_process_dir_new(path, NULL);
    g_autoptr(GError) error = NULL;
    SavedKit kit;

    g_assert_true(hf_process_dir_hold_exit(dir, NULL));
    g_assert_true(hf_process_dir_take_messages(dir, NULL));
    hf_diag(HF_DIAG_ERROR, "before");
    saved_kit_begin(&kit);
    hf_process_dir_save(dir, kit.writer);
    saved_kit_keep(&kit);
    hf_process_dir_free(dir);
    g_assert_null(hf_process_dir_new(path, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    dir = hf_process_dir_new_saved(saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    hf_diag(HF_DIAG_ERROR, "after");
    g_assert_true(hf_process_dir_write_oom(dir, 3, NULL));

    g_assert_null(hf_process_dir_new(path, NULL));
    g_autofree char *messages = hf_test_read_file(path, "shim-log.json");
    g_assert_nonnull(strstr(messages, "before"));
    g_assert_nonnull(strstr(messages, "after"));
    g_assert_cmpstr(hf_process_dir_get_path(dir), ==, path);
    hf_process_dir_free(dir);
    dir = hf_process_dir_new(path, NULL);
    g_assert_nonnull(dir);
    hf_process_dir_free(dir);
    saved_kit_end(&kit);
    hf_test_remove_dir(path);
}

static void
test_process_directory_without_its_lock_is_refused(void)
{
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_text(kit.writer, "path", "/");
    hf_process_dir_free(hf_process_dir_new_saved(saved_kit_read(&kit)));

    saved_kit_assert_wrong(&kit, "directory");
    saved_kit_end(&kit);
}

static void
test_full_message_file_stays_so(void)
{
    char *path = hf_test_make_dir();
    hf_autofd dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    HfMonitorLog *log = hf_monitor_log_new(dir_fd, NULL);
    g_autofree char *text = g_strnfill(HF_MONITOR_LOG_MAX, 'x');
    SavedKit kit;

    hf_monitor_log_write(HF_DIAG_ERROR, text, log);
    saved_kit_begin(&kit);
    hf_monitor_log_save(log, kit.writer);
    saved_kit_keep(&kit);
    hf_monitor_log_free(log);
    log = hf_monitor_log_new_saved(saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    hf_monitor_log_write(HF_DIAG_ERROR, "one too many", log);

    g_autofree char *found = hf_test_read_file(path, "shim-log.json");
    g_assert_null(strstr(found, "one too many"));
    hf_monitor_log_free(log);
    saved_kit_end(&kit);
    saved_kit_begin(&kit);
    hf_monitor_log_free(hf_monitor_log_new_saved(saved_kit_read(&kit)));
    saved_kit_assert_wrong(&kit, "fd");
    saved_kit_end(&kit);
    hf_test_remove_dir(path);
}

static void
test_engine_is_told_by_the_pipe_it_gave(void)
{
    g_autoptr(GError) error = NULL;
    char buffer[64] = "";
    int fds[2];
    SavedKit kit;

    g_assert_no_errno(pipe2(fds, O_CLOEXEC));
    g_autofree char *number = g_strdup_printf("%d", fds[1]);
    g_setenv("_OCI_SYNCPIPE", number, TRUE);
    HfParentPipes *pipes = hf_parent_pipes_new(&error);
    g_unsetenv("_OCI_SYNCPIPE");
    g_assert_no_error(error);
    saved_kit_begin(&kit);
    hf_parent_pipes_save(pipes, kit.writer);
    saved_kit_keep(&kit);
    hf_parent_pipes_free(pipes);
    pipes = hf_parent_pipes_new_saved(saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    hf_parent_pipes_tell(pipes, HF_PARENT_SYNC, HF_SYNC_KEY_PID, 7, NULL, 0);

    g_assert_cmpint(hf_parent_pipes_get_fd(pipes, HF_PARENT_START), ==, -1);
    g_assert_cmpint(read(fds[0], buffer, sizeof buffer - 1), >, 0);
    g_assert_nonnull(strstr(buffer, "7"));
    hf_parent_pipes_free(pipes);
    hf_close_fd(&fds[0]);
    saved_kit_end(&kit);
}

static HfReaper *
make_reaper(GMainContext *context)
{
    g_autoptr(GError) error = NULL;
    sigset_t signals;

    g_assert_no_errno(sigemptyset(&signals));
    g_assert_no_errno(sigaddset(&signals, SIGCHLD));
    g_assert_no_errno(sigprocmask(SIG_BLOCK, &signals, NULL));
    HfReaper *reaper = hf_reaper_new(context, &error);
    g_assert_no_error(error);
    return reaper;
}

/* A child that ends well. */
static pid_t
start_child(void)
{
    pid_t pid = fork();

    g_assert_no_errno(pid);
    if (pid == 0)
        _exit(0);
    return pid;
}

static bool
is_replaced(gpointer user_data)
{
    const char *dir = user_data;

    return hf_test_file_exists(dir, "log.1.gz") && !hf_test_file_exists(dir, "log.1");
}

/* The child's work is played: what it leaves is put in place when its end is seen. */
static void
test_compressor_waits_on_for_its_child(void)
{
    if (hf_test_skip_under_valgrind("hand SIGCHLD to a signalfd"))
        return;
    g_autoptr(GMainContext) context = g_main_context_new();
    HfReaper *reaper = make_reaper(context);
    HfLogCompressor *compressor = hf_log_compressor_new(reaper, 3);
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *plain = g_build_filename(dir, "log.1", NULL);
    struct stat status;
    SavedKit kit;

    hf_test_write_file(dir, "log.1", "plain");
    hf_test_write_file(dir, "log.gz.tmp", "compressed");
    g_assert_no_errno(stat(plain, &status));
    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "child", start_child());
    hf_state_put_text(kit.writer, "path", path);
    hf_state_put_number(kit.writer, "device", (gint64)status.st_dev);
    hf_state_put_number(kit.writer, "inode", (gint64)status.st_ino);
    hf_log_compressor_restore(compressor, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    hf_test_wait(context, "the compressed file", is_replaced, dir);

    g_autofree char *text = hf_test_read_file(dir, "log.1.gz");
    g_assert_cmpstr(text, ==, "compressed");
    hf_log_compressor_free(compressor);
    hf_reaper_free(reaper);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_compressor_with_no_child_that_there_can_be_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    HfReaper *reaper = make_reaper(context);
    HfLogCompressor *compressor = hf_log_compressor_new(reaper, 3);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "child", -1);
    hf_state_put_text(kit.writer, "path", "/log");
    hf_log_compressor_restore(compressor, saved_kit_read(&kit));

    saved_kit_assert_wrong(&kit, "child");
    hf_log_compressor_free(compressor);
    hf_reaper_free(reaper);
    saved_kit_end(&kit);
}

static void
fail_when_ready(gpointer user_data)
{
    g_assert_not_reached();
}

static void
fail_when_failed(GError *error, gpointer user_data)
{
    g_assert_no_error(error);
}

static const HfSeccompChildHandlers seccomp_handlers = {fail_when_ready, fail_when_failed};

static bool
is_socket_removed(gpointer user_data)
{
    return !hf_test_file_exists(user_data, "socket");
}

static bool
is_line_told(gpointer user_data)
{
    g_autofree char *text = hf_test_read_file(user_data, "shim-log.json");

    return strstr(text, "half and half") != NULL;
}

static void
test_seccomp_agent_is_heard_on_and_its_end_seen(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    HfReaper *reaper = make_reaper(context);
    char *dir = hf_test_make_dir();
    HfProcessDir *messages = hf_process_dir_new(dir, NULL);
    HfSeccompChild *child;
    int fds[2];
    SavedKit first;
    SavedKit kit;

    g_assert_true(hf_process_dir_take_messages(messages, NULL));
    hf_test_write_file(dir, "socket", "");
    g_assert_no_errno(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    saved_kit_begin(&first);
    hf_state_put_fd(first.writer, "directory", open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
    hf_state_put_text(first.writer, "socket-name", "socket");
    hf_state_put_number(first.writer, "pid", start_child());
    hf_state_put_fd(first.writer, "pipe", fds[0]);
    hf_state_put_bool(first.writer, "is-ready", true);
    child = hf_seccomp_child_new_saved(context, reaper, saved_kit_read(&first), &seccomp_handlers,
                                       NULL);
    saved_kit_assert_right(&first);
    g_assert_cmpint(write(fds[1], "warning half ", 13), ==, 13);
    hf_test_settle(context);
    saved_kit_begin(&kit);
    hf_seccomp_child_save(child, kit.writer);
    saved_kit_keep(&kit);
    hf_seccomp_child_free(child);
    hf_test_write_file(dir, "socket", "");
    child =
        hf_seccomp_child_new_saved(context, reaper, saved_kit_read(&kit), &seccomp_handlers, NULL);
    saved_kit_assert_right(&kit);
    g_assert_cmpint(write(fds[1], "and half\n", 9), ==, 9);
    hf_test_wait(context, "the message", is_line_told, dir);
    g_assert_true(hf_test_file_exists(dir, "socket"));
    hf_close_fd(&fds[1]);
    hf_test_wait(context, "the socket's end", is_socket_removed, dir);

    hf_seccomp_child_free(child);
    hf_process_dir_free(messages);
    /* It may have been let go of before its end was seen. */
    while (waitpid(-1, NULL, 0) > 0)
        continue;
    hf_reaper_free(reaper);
    saved_kit_end(&first);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_seccomp_agent_whose_socket_has_no_name_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    HfReaper *reaper = make_reaper(context);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_fd(kit.writer, "directory", open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    hf_seccomp_child_free(
        hf_seccomp_child_new_saved(context, reaper, saved_kit_read(&kit), &seccomp_handlers, NULL));

    saved_kit_assert_wrong(&kit, "socket-name");
    hf_reaper_free(reaper);
    saved_kit_end(&kit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/save/streams-are-read-on-and-half-a-line-is-still-due",
                test_streams_are_read_on_and_half_a_line_is_still_due);
    hf_test_add("/monitor/save/read-size-that-there-is-not-is-refused",
                test_read_size_that_there_is_not_is_refused);
    hf_test_add("/monitor/save/process-directory-is-never-let-go-of",
                test_process_directory_is_never_let_go_of);
    hf_test_add("/monitor/save/process-directory-without-its-lock-is-refused",
                test_process_directory_without_its_lock_is_refused);
    hf_test_add("/monitor/save/full-message-file-stays-so", test_full_message_file_stays_so);
    hf_test_add("/monitor/save/engine-is-told-by-the-pipe-it-gave",
                test_engine_is_told_by_the_pipe_it_gave);
    hf_test_add("/monitor/save/compressor-waits-on-for-its-child",
                test_compressor_waits_on_for_its_child);
    hf_test_add("/monitor/save/compressor-with-no-child-that-there-can-be-is-refused",
                test_compressor_with_no_child_that_there_can_be_is_refused);
    hf_test_add("/monitor/save/seccomp-agent-is-heard-on-and-its-end-seen",
                test_seccomp_agent_is_heard_on_and_its_end_seen);
    hf_test_add("/monitor/save/seccomp-agent-whose-socket-has-no-name-is-refused",
                test_seccomp_agent_whose_socket_has_no_name_is_refused);
    return g_test_run();
}
