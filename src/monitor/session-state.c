/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "monitor/session-state.h"

/* In WAITING nothing of the container exists, so a signal ends the session like a failure does. In
 * STARTING it goes to the runtime, whose end then decides. From DRAINING on there is nobody left to
 * signal; but who asks a monitor to end that is only sitting out its exit command's delay wants the
 * command to run now.
 *
 * A process that ended before its pid was known is no event of STARTING: the reaper keeps its
 * status, and PROCESS_EXITED follows RUNTIME_DONE at once. */

#define STAY(state) \
    {               \
        (state), 0  \
    }

static const HfTransition table[HF_STATE_COUNT][HF_EVENT_COUNT] = {
    [HF_STATE_WAITING] =
        {
            [HF_EVENT_START_RELEASED] = {HF_STATE_STARTING, HF_ACTION_RUN_RUNTIME},
            [HF_EVENT_RUNTIME_DONE] = STAY(HF_STATE_WAITING),
            [HF_EVENT_FAILED] = {HF_STATE_REPORTING,
                                 HF_ACTION_TELL_FAILURE | HF_ACTION_EXIT_COMMAND},
            [HF_EVENT_PROCESS_EXITED] = STAY(HF_STATE_WAITING),
            [HF_EVENT_STREAMS_CLOSED] = STAY(HF_STATE_WAITING),
            [HF_EVENT_FLUSHED] = STAY(HF_STATE_WAITING),
            [HF_EVENT_DEADLINE] = STAY(HF_STATE_WAITING),
            [HF_EVENT_SIGNAL] = {HF_STATE_REPORTING,
                                 HF_ACTION_TELL_FAILURE | HF_ACTION_EXIT_COMMAND},
            [HF_EVENT_SETTLED] = STAY(HF_STATE_WAITING),
        },
    [HF_STATE_STARTING] =
        {
            [HF_EVENT_START_RELEASED] = STAY(HF_STATE_STARTING),
            [HF_EVENT_RUNTIME_DONE] = {HF_STATE_RUNNING, HF_ACTION_WATCH_PROCESS},
            [HF_EVENT_FAILED] = {HF_STATE_REPORTING,
                                 HF_ACTION_TELL_FAILURE | HF_ACTION_EXIT_COMMAND},
            [HF_EVENT_PROCESS_EXITED] = STAY(HF_STATE_STARTING),
            [HF_EVENT_STREAMS_CLOSED] = STAY(HF_STATE_STARTING),
            [HF_EVENT_FLUSHED] = STAY(HF_STATE_STARTING),
            [HF_EVENT_DEADLINE] = STAY(HF_STATE_STARTING),
            [HF_EVENT_SIGNAL] = {HF_STATE_STARTING, HF_ACTION_SIGNAL_RUNTIME},
            [HF_EVENT_SETTLED] = STAY(HF_STATE_STARTING),
        },
    [HF_STATE_RUNNING] =
        {
            [HF_EVENT_START_RELEASED] = STAY(HF_STATE_RUNNING),
            [HF_EVENT_RUNTIME_DONE] = STAY(HF_STATE_RUNNING),
            [HF_EVENT_FAILED] = STAY(HF_STATE_RUNNING),
            [HF_EVENT_PROCESS_EXITED] = {HF_STATE_DRAINING, HF_ACTION_DRAIN},
            [HF_EVENT_STREAMS_CLOSED] = STAY(HF_STATE_RUNNING),
            [HF_EVENT_FLUSHED] = STAY(HF_STATE_RUNNING),
            [HF_EVENT_DEADLINE] = {HF_STATE_RUNNING, HF_ACTION_KILL_PROCESS},
            [HF_EVENT_SIGNAL] = {HF_STATE_RUNNING, HF_ACTION_SIGNAL_PROCESS},
            [HF_EVENT_SETTLED] = STAY(HF_STATE_RUNNING),
        },
    [HF_STATE_DRAINING] =
        {
            [HF_EVENT_START_RELEASED] = STAY(HF_STATE_DRAINING),
            [HF_EVENT_RUNTIME_DONE] = STAY(HF_STATE_DRAINING),
            [HF_EVENT_FAILED] = STAY(HF_STATE_DRAINING),
            [HF_EVENT_PROCESS_EXITED] = STAY(HF_STATE_DRAINING),
            [HF_EVENT_STREAMS_CLOSED] = {HF_STATE_FLUSHING, HF_ACTION_FLUSH},
            [HF_EVENT_FLUSHED] = STAY(HF_STATE_DRAINING),
            [HF_EVENT_DEADLINE] = {HF_STATE_FLUSHING, HF_ACTION_FLUSH},
            [HF_EVENT_SIGNAL] = STAY(HF_STATE_DRAINING),
            [HF_EVENT_SETTLED] = STAY(HF_STATE_DRAINING),
        },
    [HF_STATE_FLUSHING] =
        {
            [HF_EVENT_START_RELEASED] = STAY(HF_STATE_FLUSHING),
            [HF_EVENT_RUNTIME_DONE] = STAY(HF_STATE_FLUSHING),
            [HF_EVENT_FAILED] = STAY(HF_STATE_FLUSHING),
            [HF_EVENT_PROCESS_EXITED] = STAY(HF_STATE_FLUSHING),
            [HF_EVENT_STREAMS_CLOSED] = STAY(HF_STATE_FLUSHING),
            [HF_EVENT_FLUSHED] = {HF_STATE_REPORTING, HF_ACTION_TELL_EXIT | HF_ACTION_EXIT_COMMAND},
            [HF_EVENT_DEADLINE] = {HF_STATE_REPORTING,
                                   HF_ACTION_TELL_EXIT | HF_ACTION_EXIT_COMMAND},
            [HF_EVENT_SIGNAL] = STAY(HF_STATE_FLUSHING),
            [HF_EVENT_SETTLED] = STAY(HF_STATE_FLUSHING),
        },
    [HF_STATE_REPORTING] =
        {
            [HF_EVENT_START_RELEASED] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_RUNTIME_DONE] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_FAILED] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_PROCESS_EXITED] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_STREAMS_CLOSED] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_FLUSHED] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_DEADLINE] = STAY(HF_STATE_REPORTING),
            [HF_EVENT_SIGNAL] = {HF_STATE_REPORTING, HF_ACTION_SKIP_DELAY},
            [HF_EVENT_SETTLED] = {HF_STATE_DONE, HF_ACTION_FINISH},
        },
    [HF_STATE_DONE] =
        {
            [HF_EVENT_START_RELEASED] = STAY(HF_STATE_DONE),
            [HF_EVENT_RUNTIME_DONE] = STAY(HF_STATE_DONE),
            [HF_EVENT_FAILED] = STAY(HF_STATE_DONE),
            [HF_EVENT_PROCESS_EXITED] = STAY(HF_STATE_DONE),
            [HF_EVENT_STREAMS_CLOSED] = STAY(HF_STATE_DONE),
            [HF_EVENT_FLUSHED] = STAY(HF_STATE_DONE),
            [HF_EVENT_DEADLINE] = STAY(HF_STATE_DONE),
            [HF_EVENT_SIGNAL] = STAY(HF_STATE_DONE),
            [HF_EVENT_SETTLED] = STAY(HF_STATE_DONE),
        },
};

G_STATIC_ASSERT(sizeof table == sizeof(HfTransition) * 7 * 9);
G_STATIC_ASSERT(HF_ACTION_FINISH == 1 << (HF_ACTION_COUNT - 1));

static const char *const state_names[HF_STATE_COUNT] = {
    [HF_STATE_WAITING] = "waiting",   [HF_STATE_STARTING] = "starting",
    [HF_STATE_RUNNING] = "running",   [HF_STATE_DRAINING] = "draining",
    [HF_STATE_FLUSHING] = "flushing", [HF_STATE_REPORTING] = "reporting",
    [HF_STATE_DONE] = "done",
};

static const char *const event_names[HF_EVENT_COUNT] = {
    [HF_EVENT_START_RELEASED] = "start released",
    [HF_EVENT_RUNTIME_DONE] = "runtime done",
    [HF_EVENT_FAILED] = "failed",
    [HF_EVENT_PROCESS_EXITED] = "process exited",
    [HF_EVENT_STREAMS_CLOSED] = "streams closed",
    [HF_EVENT_FLUSHED] = "flushed",
    [HF_EVENT_DEADLINE] = "deadline",
    [HF_EVENT_SIGNAL] = "signal",
    [HF_EVENT_SETTLED] = "settled",
};

HfTransition
hf_session_state_next(HfState state, HfEvent event)
{
    g_assert((guint)state < HF_STATE_COUNT && (guint)event < HF_EVENT_COUNT);
    return table[state][event];
}

const char *
hf_state_to_string(HfState state)
{
    return state_names[state];
}

const char *
hf_event_to_string(HfEvent event)
{
    return event_names[event];
}
