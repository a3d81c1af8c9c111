/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A session as a whole: from a state, to a state, and from what is no state. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/session-private.h"
#include "saved-kit.h"
#include "test-kit.h"

typedef struct {
    GMainContext *context;
    HfOptions *options;
    HfSessionOwner owner;
    HfReaper *reaper;
    HfSession *session;
} Fixture;

static void
set_up(Fixture *self)
{
    char *argv[] = {(char *)"monitor", (char *)"-c", (char *)"ID", (char *)"-l", (char *)"none"};
    g_autoptr(GError) error = NULL;
    sigset_t signals;

    g_assert_no_errno(sigemptyset(&signals));
    g_assert_no_errno(sigaddset(&signals, SIGCHLD));
    g_assert_no_errno(sigprocmask(SIG_BLOCK, &signals, NULL));
    *self = (Fixture){.context = g_main_context_new()};
    self->options = hf_options_parse(G_N_ELEMENTS(argv), argv, &error);
    g_assert_no_error(error);
}

static void
restore(Fixture *self, HfStateReader *reader)
{
    g_autoptr(GError) error = NULL;

    self->reaper = hf_reaper_new(self->context, &error);
    g_assert_no_error(error);
    self->owner = (HfSessionOwner){.context = self->context, .reaper = self->reaper};
    self->session = hf_session_new_saved(self->options, &self->owner, reader, &error);
    g_assert_no_error(error);
}

/* As in another program, nothing of it goes on. */
static void
drop(Fixture *self)
{
    g_clear_pointer(&self->session, hf_session_free);
    g_clear_pointer(&self->reaper, hf_reaper_free);
}

static void
tear_down(Fixture *self)
{
    drop(self);
    hf_options_free(self->options);
    g_main_context_unref(self->context);
}

static pid_t
start_child(void)
{
    pid_t pid = fork();

    g_assert_no_errno(pid);
    if (pid == 0)
        hf_test_wait_for_kill();
    return pid;
}

static void
put_log(HfStateWriter *writer)
{
    hf_state_begin(writer, "log");
    hf_state_begin(writer, "stdout");
    hf_state_put_bytes(writer, "carry", "half", 4);
    hf_state_end(writer);
    hf_state_begin(writer, "stderr");
    hf_state_end(writer);
    hf_state_end(writer);
}

static void
put_session(HfStateWriter *writer, const HfProcessRef *process)
{
    hf_state_begin(writer, "process");
    hf_process_ref_save(process, writer);
    hf_state_put_number(writer, "last-signal", SIGTERM);
    hf_state_put_bool(writer, "has-timed-out", true);
    hf_state_end(writer);
    hf_state_begin(writer, "terminal");
    hf_state_put_fd(writer, "main", open("/dev/null", O_RDWR | O_CLOEXEC));
    hf_state_put_bool(writer, "has-size", true);
    hf_state_put_number(writer, "rows", 20);
    hf_state_put_number(writer, "columns", 30);
    hf_state_end(writer);
    hf_state_begin(writer, "adoption");
    hf_state_put_bool(writer, "is-terminal-lost", true);
    hf_state_end(writer);
    hf_state_begin(writer, "hold");
    hf_state_put_bytes(writer, "stderr", "held", 4);
    hf_state_end(writer);
    hf_state_put_bool(writer, "is-stdin-closing", true);
    hf_state_put_bool(writer, "has-told-attach", true);
    put_log(writer);
}

static void
assert_session(const HfSession *self, pid_t pid)
{
    size_t length = 0;
    const char *half = hf_log_router_peek_partial(self->log, HF_STREAM_STDOUT, &length);

    g_assert_cmpint(hf_session_get_savable(self), ==, HF_SESSION_SAVABLE);
    g_assert_cmpint(self->pid, ==, pid);
    g_assert_cmpint(self->last_signal, ==, SIGTERM);
    g_assert_true(self->has_timed_out);
    g_assert_no_errno(fcntl(self->terminal_fd, F_GETFD));
    g_assert_true(self->has_size);
    g_assert_cmpuint(self->rows, ==, 20);
    g_assert_cmpuint(self->columns, ==, 30);
    g_assert_true(self->streams.is_terminal_lost);
    g_assert_false(self->streams.has_terminal);
    g_assert_true(self->is_output_held);
    g_assert_cmpstr(self->held_stderr->str, ==, "held");
    g_assert_true(self->is_stdin_closing);
    g_assert_true(self->has_told_attach);
    g_assert_cmpmem(half, (int)length, "half", 4);
}

static void
test_everything_comes_back_twice(void)
{
    if (hf_test_skip_under_valgrind("know of pidfds"))
        return;
    pid_t pid = start_child();
    HfProcessRef *process = hf_process_ref_new(pid, NULL);
    Fixture fixture;
    SavedKit first;
    SavedKit second;

    set_up(&fixture);
    saved_kit_begin(&first);
    put_session(first.writer, process);
    saved_kit_keep(&first);
    hf_process_ref_free(process);
    restore(&fixture, saved_kit_read(&first));
    saved_kit_assert_right(&first);
    assert_session(fixture.session, pid);
    saved_kit_begin(&second);
    hf_session_save(fixture.session, second.writer);
    saved_kit_keep(&second);
    drop(&fixture);
    restore(&fixture, saved_kit_read(&second));
    saved_kit_assert_right(&second);

    assert_session(fixture.session, pid);
    tear_down(&fixture);
    g_assert_no_errno(kill(pid, SIGKILL));
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    saved_kit_end(&first);
    saved_kit_end(&second);
}

/* Each part that is needed, alone. */
static void
test_parts_that_are_missing_are_refused(void)
{
    static const char *const parts[] = {NULL, "process", "terminal", "adoption", "log"};

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        Fixture fixture;
        SavedKit kit;

        set_up(&fixture);
        saved_kit_begin(&kit);
        if (parts[i] != NULL) {
            hf_state_begin(kit.writer, parts[i]);
            hf_state_end(kit.writer);
        }
        restore(&fixture, saved_kit_read(&kit));

        saved_kit_assert_wrong(&kit, "");
        tear_down(&fixture);
        saved_kit_end(&kit);
    }
}

static void
test_size_that_there_is_not_is_refused(void)
{
    Fixture fixture;
    SavedKit kit;

    set_up(&fixture);
    saved_kit_begin(&kit);
    hf_state_begin(kit.writer, "adoption");
    hf_state_end(kit.writer);
    put_log(kit.writer);
    hf_state_begin(kit.writer, "terminal");
    hf_state_put_number(kit.writer, "rows", 65536);
    hf_state_end(kit.writer);
    restore(&fixture, saved_kit_read(&kit));

    saved_kit_assert_wrong(&kit, "rows");
    g_assert_cmpuint(fixture.session->rows, ==, 0);
    tear_down(&fixture);
    saved_kit_end(&kit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/session-save/everything-comes-back-twice",
                test_everything_comes_back_twice);
    hf_test_add("/monitor/session-save/parts-that-are-missing-are-refused",
                test_parts_that_are_missing_are_refused);
    hf_test_add("/monitor/session-save/size-that-there-is-not-is-refused",
                test_size_that_there_is_not_is_refused);
    return g_test_run();
}
