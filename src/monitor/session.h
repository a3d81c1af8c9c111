/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One watched process, the container's first or that of an exec session, from the run of the OCI
 * runtime to the exit command. */

#pragma once

#include <glib.h>

#include "monitor/options.h"
#include "monitor/parent-pipes.h"
#include "monitor/reaper.h"

typedef struct HfSession HfSession;

/* What a session borrows from its owner; all of it outlives the session. */
typedef struct {
    GMainContext *context;
    HfReaper *reaper;
    HfParentPipes *parent;
    const char *oom_score_adj;   /* what children get; NULL: what this process has */
    const GArray *inherited_fds; /* held for the engine until the process has ended */
    /* The session is over. It may not be freed from within. */
    void (*on_finished)(gpointer user_data);
    gpointer user_data;
} HfSessionOwner;

/* Opens the bundle and the logs, so that what is wrong with them is known before the engine is left
 * alone. @options and @owner outlive the session. */
HfSession *hf_session_new(const HfOptions *options, const HfSessionOwner *owner,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_session_free(HfSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSession, hf_session_free)

/* Makes the sockets and FIFOs and runs the runtime, or waits for the engine to let it be run. Every
 * failure from here on is told on the sync pipe, and then on_finished comes. */
void hf_session_start(HfSession *self);

/* SIGTERM, SIGINT or SIGQUIT came: passed on to the container, or to the runtime. */
void hf_session_signal(HfSession *self, int signal_number);

/* The process's exit status, 128 + its signal, or -1 if it is unknown or timed out; 1 if the
 * session failed before there was a process. */
int hf_session_get_exit_status(const HfSession *self);
