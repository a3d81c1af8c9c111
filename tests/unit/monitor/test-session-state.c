/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "monitor/session-state.h"
#include "test-kit.h"

/* The whole table once more, as a person would tell it: what is not listed changes nothing. */
static const struct {
    HfState state;
    HfEvent event;
    HfState next;
    guint actions;
} transitions[] = {
    {HF_STATE_WAITING, HF_EVENT_START_RELEASED, HF_STATE_STARTING, HF_ACTION_RUN_RUNTIME},
    {HF_STATE_WAITING, HF_EVENT_FAILED, HF_STATE_REPORTING,
     HF_ACTION_TELL_FAILURE | HF_ACTION_EXIT_COMMAND},
    {HF_STATE_WAITING, HF_EVENT_SIGNAL, HF_STATE_REPORTING,
     HF_ACTION_TELL_FAILURE | HF_ACTION_EXIT_COMMAND},
    {HF_STATE_STARTING, HF_EVENT_RUNTIME_DONE, HF_STATE_RUNNING, HF_ACTION_WATCH_PROCESS},
    {HF_STATE_STARTING, HF_EVENT_FAILED, HF_STATE_REPORTING,
     HF_ACTION_TELL_FAILURE | HF_ACTION_EXIT_COMMAND},
    {HF_STATE_STARTING, HF_EVENT_SIGNAL, HF_STATE_STARTING, HF_ACTION_SIGNAL_RUNTIME},
    {HF_STATE_RUNNING, HF_EVENT_PROCESS_EXITED, HF_STATE_DRAINING, HF_ACTION_DRAIN},
    {HF_STATE_RUNNING, HF_EVENT_DEADLINE, HF_STATE_RUNNING, HF_ACTION_KILL_PROCESS},
    {HF_STATE_RUNNING, HF_EVENT_SIGNAL, HF_STATE_RUNNING, HF_ACTION_SIGNAL_PROCESS},
    {HF_STATE_DRAINING, HF_EVENT_STREAMS_CLOSED, HF_STATE_FLUSHING, HF_ACTION_FLUSH},
    {HF_STATE_DRAINING, HF_EVENT_DEADLINE, HF_STATE_FLUSHING, HF_ACTION_FLUSH},
    {HF_STATE_FLUSHING, HF_EVENT_FLUSHED, HF_STATE_REPORTING,
     HF_ACTION_TELL_EXIT | HF_ACTION_EXIT_COMMAND},
    {HF_STATE_FLUSHING, HF_EVENT_DEADLINE, HF_STATE_REPORTING,
     HF_ACTION_TELL_EXIT | HF_ACTION_EXIT_COMMAND},
    {HF_STATE_REPORTING, HF_EVENT_SIGNAL, HF_STATE_REPORTING, HF_ACTION_SKIP_DELAY},
    {HF_STATE_REPORTING, HF_EVENT_SETTLED, HF_STATE_DONE, HF_ACTION_FINISH},
};

static void
test_every_cell(void)
{
    guint listed = 0;

    for (int state = 0; state < HF_STATE_COUNT; state++) {
        for (int event = 0; event < HF_EVENT_COUNT; event++) {
            HfTransition got = hf_session_state_next((HfState)state, (HfEvent)event);
            HfTransition want = {(HfState)state, 0};

            for (size_t i = 0; i < G_N_ELEMENTS(transitions); i++) {
                if ((int)transitions[i].state == state && (int)transitions[i].event == event) {
                    want = (HfTransition){transitions[i].next, transitions[i].actions};
                    listed++;
                }
            }
            g_test_message("%s, %s", hf_state_to_string((HfState)state),
                           hf_event_to_string((HfEvent)event));
            g_assert_cmpint(got.next, ==, want.next);
            g_assert_cmphex(got.actions, ==, want.actions);
        }
    }
    g_assert_cmpuint(listed, ==, G_N_ELEMENTS(transitions));
}

/* Follows every event from WAITING, and calls @visit for each way to DONE, with the actions that
 * were performed on it. States only ever go forward, so a walk ends. */
static void
walk(HfState state, guint performed, guint depth, void (*visit)(guint performed))
{
    if (state == HF_STATE_DONE) {
        visit(performed);
        return;
    }
    g_assert_cmpuint(depth, <, HF_STATE_COUNT);
    for (int event = 0; event < HF_EVENT_COUNT; event++) {
        HfTransition transition = hf_session_state_next(state, (HfEvent)event);

        g_assert_cmpint(transition.next, >=, state);
        if (transition.next != state)
            walk(transition.next, performed | transition.actions, depth + 1, visit);
    }
}

static void
check_one_end_is_told(guint performed)
{
    bool tells_exit = (performed & HF_ACTION_TELL_EXIT) != 0;
    bool tells_failure = (performed & HF_ACTION_TELL_FAILURE) != 0;

    g_assert_true(tells_exit != tells_failure);
    g_assert_true((performed & HF_ACTION_EXIT_COMMAND) != 0);
    g_assert_true((performed & HF_ACTION_FINISH) != 0);
}

static void
test_every_way_tells_one_end(void)
{
    walk(HF_STATE_WAITING, 0, 0, check_one_end_is_told);
}

static void
check_exit_is_told_after_drain(guint performed)
{
    const guint before = HF_ACTION_WATCH_PROCESS | HF_ACTION_DRAIN | HF_ACTION_FLUSH;

    if ((performed & HF_ACTION_TELL_EXIT) != 0)
        g_assert_cmphex(performed & before, ==, before);
}

static void
test_exit_is_told_after_drain(void)
{
    walk(HF_STATE_WAITING, 0, 0, check_exit_is_told_after_drain);
}

static void
test_names(void)
{
    for (int state = 0; state < HF_STATE_COUNT; state++)
        g_assert_nonnull(hf_state_to_string((HfState)state));
    for (int event = 0; event < HF_EVENT_COUNT; event++)
        g_assert_nonnull(hf_event_to_string((HfEvent)event));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/session-state/every-cell", test_every_cell);
    hf_test_add("/monitor/session-state/every-way-tells-one-end", test_every_way_tells_one_end);
    hf_test_add("/monitor/session-state/exit-is-told-after-drain", test_exit_is_told_after_drain);
    hf_test_add("/monitor/session-state/every-state-and-event-has-a-name", test_names);
    return g_test_run();
}
