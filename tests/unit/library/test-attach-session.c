/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/attach.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "attach/unix-socket.h"
#include "process-place.h"

/* The test plays the monitor: it listens at the socket, accepts, writes and hangs up. */
typedef struct {
    Place place;
    GMainContext *context;
    int listen_fd;
    int monitor_fd;
    int input[2];
    int output[2];
    HfAttachSession *session;
    guint n_ended;
} Fixture;

static void
set_up(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    *self = (Fixture){.monitor_fd = -1};
    place_set_up(&self->place, "runc");
    hf_test_write_file(self->place.path, "process.json", "{\"args\":[\"sh\"]}");
    g_clear_object(&self->place.process);
    self->place.process = hf_process_load(self->place.container, "init", &error);
    g_assert_no_error(error);
    self->context = g_main_context_new();
    self->listen_fd =
        hf_unix_socket_bind_at(self->place.dir_fd, "attach", SOCK_SEQPACKET, 0700, &error);
    g_assert_no_error(error);
    g_assert_cmpint(pipe2(self->input, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(self->output, O_CLOEXEC), ==, 0);
}

static void
tear_down(Fixture *self)
{
    g_clear_object(&self->session);
    hf_test_settle(self->context);
    g_main_context_unref(self->context);
    for (int i = 0; i < 2; i++) {
        hf_close_fd(&self->input[i]);
        hf_close_fd(&self->output[i]);
    }
    hf_close_fd(&self->monitor_fd);
    hf_close_fd(&self->listen_fd);
    place_tear_down(&self->place);
}

static HfAttachSession *
try_attach(Fixture *self, GError **error)
{
    HfAttachSession *session = NULL;

    g_main_context_push_thread_default(self->context);
    session =
        hf_process_attach(self->place.process, self->input[0], self->output[1], -1, NULL, error);
    g_main_context_pop_thread_default(self->context);
    return session;
}

static void
on_ended(HfAttachSession *session, gpointer user_data)
{
    ((Fixture *)user_data)->n_ended++;
}

static void
attach(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    self->session = try_attach(self, &error);
    g_assert_no_error(error);
    g_signal_connect(self->session, "ended", G_CALLBACK(on_ended), self);
    self->monitor_fd = accept4(self->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(self->monitor_fd, >=, 0);
}

static void
send_text(Fixture *self, const char *packet)
{
    g_assert_cmpint(send(self->monitor_fd, packet, strlen(packet), MSG_NOSIGNAL), ==,
                    (int)strlen(packet));
}

static void
assert_output(Fixture *self, const char *expected)
{
    char bytes[256] = "";

    g_assert_cmpint(read(self->output[0], bytes, sizeof bytes - 1), ==, (int)strlen(expected));
    g_assert_cmpstr(bytes, ==, expected);
}

static bool
has_ended(gpointer user_data)
{
    return ((Fixture *)user_data)->n_ended > 0;
}

static void
test_it_is_connected_when_the_loop_has_run(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);

    g_assert_true(hf_attach_session_wait_connected(fixture.session, &error));

    g_assert_no_error(error);
    g_assert_true(hf_attach_session_is_connected(fixture.session));
    g_assert_cmpuint(fixture.n_ended, ==, 0);
    tear_down(&fixture);
}

static void
test_hang_up_ends_it_once_when_all_is_written(void)
{
    g_autoptr(GError) error = NULL;
    HfAttachOutcome outcome = HF_ATTACH_OUTCOME_DETACHED;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    send_text(&fixture, "\002hello");
    hf_close_fd(&fixture.monitor_fd);

    g_assert_true(hf_attach_session_run(fixture.session, &outcome, &error));
    hf_test_settle(fixture.context);

    g_assert_no_error(error);
    g_assert_cmpint(outcome, ==, HF_ATTACH_OUTCOME_ENDED);
    g_assert_cmpuint(fixture.n_ended, ==, 1);
    assert_output(&fixture, "hello");
    tear_down(&fixture);
}

static void
test_detaching_ends_it_and_leaves_the_monitor(void)
{
    char byte;
    g_autoptr(GError) error = NULL;
    HfAttachOutcome outcome = HF_ATTACH_OUTCOME_ENDED;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    g_assert_true(hf_attach_session_wait_connected(fixture.session, &error));

    hf_attach_session_detach(fixture.session);
    g_assert_true(hf_attach_session_run(fixture.session, &outcome, &error));

    g_assert_no_error(error);
    g_assert_cmpint(outcome, ==, HF_ATTACH_OUTCOME_DETACHED);
    g_assert_cmpuint(fixture.n_ended, ==, 1);
    g_assert_cmpint(recv(fixture.monitor_fd, &byte, 1, 0), ==, 0);
    tear_down(&fixture);
}

static void
test_calls_after_the_end_do_nothing(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    hf_close_fd(&fixture.monitor_fd);
    g_assert_true(hf_attach_session_run(fixture.session, NULL, &error));

    hf_attach_session_detach(fixture.session);
    hf_attach_session_update_size(fixture.session);
    hf_attach_session_resume(fixture.session);
    hf_test_settle(fixture.context);

    g_assert_cmpuint(fixture.n_ended, ==, 1);
    g_assert_true(hf_attach_session_run(fixture.session, NULL, &error));
    g_assert_no_error(error);
    tear_down(&fixture);
}

static void
test_input_reaches_the_monitor(void)
{
    char bytes[16] = "";
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    g_assert_cmpint(write(fixture.input[1], "typed", 5), ==, 5);

    g_assert_true(hf_attach_session_wait_connected(fixture.session, &error));
    hf_test_settle(fixture.context);

    g_assert_cmpint(recv(fixture.monitor_fd, bytes, sizeof bytes - 1, MSG_DONTWAIT), ==, 5);
    g_assert_cmpstr(bytes, ==, "typed");
    tear_down(&fixture);
}

static void
drop_session(HfAttachSession *session, gpointer user_data)
{
    Fixture *self = user_data;

    self->n_ended++;
    g_clear_object(&self->session);
}

static void
test_last_reference_may_be_dropped_in_the_signal(void)
{
    gpointer weak = NULL;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    g_signal_handlers_disconnect_by_func(fixture.session, on_ended, &fixture);
    g_signal_connect(fixture.session, "ended", G_CALLBACK(drop_session), &fixture);
    weak = fixture.session;
    g_object_add_weak_pointer(G_OBJECT(fixture.session), &weak);
    hf_close_fd(&fixture.monitor_fd);

    hf_test_wait(fixture.context, "the end", has_ended, &fixture);

    g_assert_null(weak);
    tear_down(&fixture);
}

static void
test_dropping_it_leaves_at_once(void)
{
    char byte;
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    g_assert_true(hf_attach_session_wait_connected(fixture.session, &error));

    g_clear_object(&fixture.session);

    g_assert_cmpint(recv(fixture.monitor_fd, &byte, 1, 0), ==, 0);
    g_assert_cmpuint(fixture.n_ended, ==, 0);
    tear_down(&fixture);
}

static void
test_dropping_it_before_the_loop_has_run_is_no_harm(void)
{
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);

    g_clear_object(&fixture.session);
    hf_test_settle(fixture.context);

    g_assert_cmpuint(fixture.n_ended, ==, 0);
    tear_down(&fixture);
}

static void
test_packet_that_makes_no_sense_is_its_failure(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) again = NULL;
    Fixture fixture;

    set_up(&fixture);
    attach(&fixture);
    send_text(&fixture, "\011what");

    g_assert_false(hf_attach_session_run(fixture.session, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_cmpuint(fixture.n_ended, ==, 1);
    g_assert_false(hf_attach_session_run(fixture.session, NULL, &again));
    g_assert_error(again, HF_ERROR, HF_ERROR_PROTOCOL);
    tear_down(&fixture);
}

static void
test_nobody_at_the_socket_of_what_has_ended_is_told_so(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    hf_close_fd(&fixture.listen_fd);
    place_write_ended(&fixture.place);

    g_autoptr(HfAttachSession) session = try_attach(&fixture, &error);

    g_assert_null(session);
    g_assert_error(error, HF_ERROR, HF_ERROR_CONTAINER_EXITED);
    tear_down(&fixture);
}

static void
test_nobody_at_the_socket_of_what_lives_is_the_kernels_error(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    hf_close_fd(&fixture.listen_fd);
    place_write_process(&fixture.place, getpid());

    g_autoptr(HfAttachSession) session = try_attach(&fixture, &error);

    g_assert_null(session);
    g_assert_nonnull(error);
    g_assert_cmpint((int)error->domain, ==, (int)G_FILE_ERROR);
    g_assert_nonnull(strstr(error->message, "container 'c': attach to process 'init'"));
    tear_down(&fixture);
}

#define ADD(name, function) hf_test_add("/library/attach-session/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    ADD("it-is-connected-when-the-loop-has-run", test_it_is_connected_when_the_loop_has_run);
    ADD("hang-up-ends-it-once-when-all-is-written", test_hang_up_ends_it_once_when_all_is_written);
    ADD("detaching-ends-it-and-leaves-the-monitor", test_detaching_ends_it_and_leaves_the_monitor);
    ADD("calls-after-the-end-do-nothing", test_calls_after_the_end_do_nothing);
    ADD("input-reaches-the-monitor", test_input_reaches_the_monitor);
    ADD("last-reference-may-be-dropped-in-the-signal",
        test_last_reference_may_be_dropped_in_the_signal);
    ADD("dropping-it-leaves-at-once", test_dropping_it_leaves_at_once);
    ADD("dropping-it-before-the-loop-has-run-is-no-harm",
        test_dropping_it_before_the_loop_has_run_is_no_harm);
    ADD("packet-that-makes-no-sense-is-its-failure",
        test_packet_that_makes_no_sense_is_its_failure);
    ADD("nobody-at-the-socket-of-what-has-ended-is-told-so",
        test_nobody_at_the_socket_of_what_has_ended_is_told_so);
    ADD("nobody-at-the-socket-of-what-lives-is-the-kernels-error",
        test_nobody_at_the_socket_of_what_lives_is_the_kernels_error);
    return g_test_run();
}
