/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <signal.h>

#include <glib.h>

#include "attach/attach-client.h"
#include "client-fixture.h"

static void
test_terminal_is_raw_while_attached(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);

    client_attach(&fixture);
    g_assert_true(terminal_is_raw(&fixture.terminal));
    type_keys(&fixture, "\003\r");
    assert_monitor_got(&fixture, "\003\r");

    hf_close_fd(&fixture.monitor_fd);
    settle_without_spinning(fixture.context);
    g_assert_true(terminal_is_as_before(&fixture.terminal));
    assert_finished(&fixture, HF_ATTACH_ENDED);
    client_tear_down(&fixture);
}

static void
test_terminal_stays_as_it_is_for_a_container_without_one(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    fixture.options.has_terminal = false;

    client_attach(&fixture);

    g_assert_true(terminal_is_as_before(&fixture.terminal));
    g_assert_cmpuint(fixture.n_size, ==, 0);
    client_tear_down(&fixture);
}

static void
test_terminal_comes_back_when_the_client_is_freed(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);

    g_clear_pointer(&fixture.client, hf_attach_client_free);

    g_assert_true(terminal_is_as_before(&fixture.terminal));
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_terminal_comes_back_after_a_failure(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);

    g_assert_cmpint(send(fixture.monitor_fd, "\001x", 2, 0), ==, 2);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_FAILED);
    g_assert_true(terminal_is_as_before(&fixture.terminal));
    client_tear_down(&fixture);
}

static void
test_terminal_comes_back_at_the_end_though_output_is_stuck(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);
    (void)flood(&fixture, 0);
    hf_close_fd(&fixture.monitor_fd);

    while (!terminal_is_as_before(&fixture.terminal)) {
        guint8 bytes[4096];

        g_assert_cmpint(read(fixture.output_fds[HF_STREAM_STDOUT], bytes, sizeof bytes), >, 0);
        settle_without_spinning(fixture.context);
    }

    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_terminal_that_hangs_up_ends_the_input(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);

    hf_close_fd(&fixture.terminal.person_fd);
    monitor_reads_all(&fixture);

    g_assert_true(fixture.has_input_ended);
    assert_asleep(fixture.context);
    client_tear_down(&fixture);
}

static void
test_resume_makes_the_terminal_raw_again(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);
    g_assert_cmpint(tcsetattr(fixture.terminal.program_fd, TCSANOW, &fixture.terminal.before), ==,
                    0);

    hf_attach_client_resume(fixture.client);

    g_assert_true(terminal_is_raw(&fixture.terminal));
    client_tear_down(&fixture);
}

static void
test_detach_keys_detach(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);

    type_keys(&fixture, "ls\020\021");

    assert_finished(&fixture, HF_ATTACH_DETACHED);
    g_assert_true(terminal_is_as_before(&fixture.terminal));
    assert_monitor_got(&fixture, "ls");
    g_assert_true(fixture.has_input_ended);
    client_tear_down(&fixture);
}

static void
test_detach_keys_of_ones_own_detach(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    fixture.options.detach_keys = "ctrl-x,x";
    client_attach(&fixture);

    type_keys(&fixture, "\020\021");
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    type_keys(&fixture, "\030");
    type_keys(&fixture, "x");

    assert_finished(&fixture, HF_ATTACH_DETACHED);
    client_tear_down(&fixture);
}

static void
test_detach_keys_may_be_none(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    fixture.options.detach_keys = "";
    client_attach(&fixture);

    type_keys(&fixture, "\020\021");

    assert_monitor_got(&fixture, "\020\021");
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_half_of_the_detach_keys_is_sent_once_it_is_broken(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);

    type_keys(&fixture, "\020");
    assert_monitor_got(&fixture, "");
    type_keys(&fixture, "x");

    assert_monitor_got(&fixture, "\020x");
    client_tear_down(&fixture);
}

static void
test_detach_keys_from_a_pipe_are_data(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);

    write_input(&fixture, "\020\021");

    assert_monitor_got(&fixture, "\020\021");
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_detaching_writes_what_was_received(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);
    (void)flood(&fixture, 0);
    type_keys(&fixture, "\020\021");
    g_assert_cmpuint(fixture.n_finished, ==, 0);

    while (fixture.n_finished == 0) {
        program_reads(&fixture, HF_STREAM_STDOUT);
        settle_without_spinning(fixture.context);
    }

    assert_finished(&fixture, HF_ATTACH_DETACHED);
    /* A pipe full and a queue full. */
    program_reads(&fixture, HF_STREAM_STDOUT);
    g_assert_cmpuint(fixture.outputs[HF_STREAM_STDOUT]->len, >=, 2 * 65536);
    client_tear_down(&fixture);
}

static void
test_stuck_output_does_not_keep_anyone_from_detaching(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);
    (void)flood(&fixture, 0);

    type_keys(&fixture, "\020\021");
    hf_test_wait(fixture.context, "the detach", client_has_finished, &fixture);

    assert_finished(&fixture, HF_ATTACH_DETACHED);
    client_tear_down(&fixture);
}

static void
test_detach_by_call_detaches(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    write_input(&fixture, "before");

    hf_attach_client_detach(fixture.client);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_DETACHED);
    assert_monitor_got(&fixture, "before");
    client_tear_down(&fixture);
}

static void
test_size_is_told_at_first_and_when_it_changed(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    terminal_resize(&fixture.terminal, 25, 81);

    client_attach(&fixture);
    g_assert_cmpuint(fixture.n_size, ==, 1);
    g_assert_cmpuint(fixture.rows, ==, 25);
    g_assert_cmpuint(fixture.columns, ==, 81);

    hf_attach_client_update_size(fixture.client);
    g_assert_cmpuint(fixture.n_size, ==, 1);

    terminal_resize(&fixture.terminal, 2000, 3000);
    hf_attach_client_update_size(fixture.client);
    g_assert_cmpuint(fixture.n_size, ==, 2);
    g_assert_cmpuint(fixture.rows, ==, 2000);
    client_tear_down(&fixture);
}

#define ADD(name, function) hf_test_add("/attach/attach-client-terminal/" name, function)

int
main(int argc, char **argv)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigaction(SIGPIPE, &ignore, NULL);
    g_test_init(&argc, &argv, NULL);
    ADD("terminal-is-raw-while-attached", test_terminal_is_raw_while_attached);
    ADD("terminal-stays-as-it-is-for-a-container-without-one",
        test_terminal_stays_as_it_is_for_a_container_without_one);
    ADD("terminal-comes-back-when-the-client-is-freed",
        test_terminal_comes_back_when_the_client_is_freed);
    ADD("terminal-comes-back-after-a-failure", test_terminal_comes_back_after_a_failure);
    ADD("terminal-comes-back-at-the-end-though-output-is-stuck",
        test_terminal_comes_back_at_the_end_though_output_is_stuck);
    ADD("terminal-that-hangs-up-ends-the-input", test_terminal_that_hangs_up_ends_the_input);
    ADD("resume-makes-the-terminal-raw-again", test_resume_makes_the_terminal_raw_again);
    ADD("detach-keys-detach", test_detach_keys_detach);
    ADD("detach-keys-of-ones-own-detach", test_detach_keys_of_ones_own_detach);
    ADD("detach-keys-may-be-none", test_detach_keys_may_be_none);
    ADD("half-of-the-detach-keys-is-sent-once-it-is-broken",
        test_half_of_the_detach_keys_is_sent_once_it_is_broken);
    ADD("detach-keys-from-a-pipe-are-data", test_detach_keys_from_a_pipe_are_data);
    ADD("detaching-writes-what-was-received", test_detaching_writes_what_was_received);
    ADD("stuck-output-does-not-keep-anyone-from-detaching",
        test_stuck_output_does_not_keep_anyone_from_detaching);
    ADD("detach-by-call-detaches", test_detach_by_call_detaches);
    ADD("size-is-told-at-first-and-when-it-changed",
        test_size_is_told_at_first_and_when_it_changed);
    return g_test_run();
}
