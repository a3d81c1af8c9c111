/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The life of a session as a table: a state and an event give the next state and what is to be
 * done.
 *
 * Nothing here touches the world. session.c performs the actions, in the order of their bits, and
 * turns what happens into events. docs/architecture.md tells the same as a walk. */

#pragma once

#include <glib.h>

typedef enum {
    HF_STATE_WAITING,  /* set up; the engine has not yet released the start */
    HF_STATE_STARTING, /* the OCI runtime is being run */
    HF_STATE_RUNNING, /* the process exists (created, running or paused: the runtime knows which) */
    HF_STATE_DRAINING,  /* it has ended; what it printed is being read */
    HF_STATE_FLUSHING,  /* all is read; the log and the attach clients are being given it */
    HF_STATE_REPORTING, /* the end (or failure) is told; the exit command is due or running */
    HF_STATE_DONE,
} HfState;

#define HF_STATE_COUNT (HF_STATE_DONE + 1)

typedef enum {
    HF_EVENT_START_RELEASED, /* the start may go on */
    HF_EVENT_RUNTIME_DONE,   /* the runtime ended and left a process */
    HF_EVENT_FAILED,         /* the runtime, or the setup before it, failed */
    HF_EVENT_PROCESS_EXITED, /* the process has ended */
    HF_EVENT_STREAMS_CLOSED, /* nothing is left to read */
    HF_EVENT_FLUSHED,        /* log and clients have all of it */
    HF_EVENT_DEADLINE,       /* RUNNING: --timeout. DRAINING, FLUSHING: it takes too long */
    HF_EVENT_SIGNAL,         /* SIGTERM, SIGINT or SIGQUIT came */
    HF_EVENT_SETTLED,        /* the exit command has ended and every client is gone */
} HfEvent;

#define HF_EVENT_COUNT (HF_EVENT_SETTLED + 1)

typedef enum {
    HF_ACTION_RUN_RUNTIME = 1 << 0,
    HF_ACTION_SIGNAL_RUNTIME = 1 << 1,
    HF_ACTION_WATCH_PROCESS = 1 << 2, /* tell its pid, watch for its end, OOM and timeout */
    HF_ACTION_SIGNAL_PROCESS = 1 << 3,
    HF_ACTION_KILL_PROCESS = 1 << 4,
    HF_ACTION_DRAIN = 1 << 5,        /* read what is left, up to a deadline */
    HF_ACTION_FLUSH = 1 << 6,        /* log to disk, queues to clients, up to a deadline */
    HF_ACTION_TELL_FAILURE = 1 << 7, /* and remove what the setup made */
    HF_ACTION_TELL_EXIT = 1 << 8,    /* exit files, sync pipe */
    HF_ACTION_EXIT_COMMAND = 1 << 9, /* run it after its delay */
    HF_ACTION_SKIP_DELAY = 1 << 10,  /* run it now */
    HF_ACTION_FINISH = 1 << 11,      /* tell the owner that the session is over */
} HfAction;

#define HF_ACTION_COUNT 12

typedef struct {
    HfState next;
    guint actions; /* HfAction bits */
} HfTransition;

/* An event that means nothing in a state leaves it as it is, without an action. */
HfTransition hf_session_state_next(HfState state, HfEvent event);

const char *hf_state_to_string(HfState state);
const char *hf_event_to_string(HfEvent event);
