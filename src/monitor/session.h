/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One watched process, the container's first or that of an exec session, from the run of the OCI
 * runtime to the exit command. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"
#include "monitor/options.h"
#include "monitor/parent-pipes.h"
#include "monitor/process-dir.h"
#include "monitor/reaper.h"

typedef struct HfSession HfSession;

/* What a session borrows from its owner; all of it outlives the session. */
typedef struct {
    GMainContext *context;
    HfReaper *reaper;
    HfParentPipes *parent;
    HfProcessDir *process_dir;   /* NULL without --process-dir */
    HfProcessDir *adoption_dir;  /* NULL without --adoptable; may be process_dir */
    const char *oom_score_adj;   /* what children get; NULL: what this process has */
    const GArray *inherited_fds; /* held for the engine until the process has ended */
    /* The session is over. It may not be freed from within. */
    void (*on_finished)(gpointer user_data);
    /* Nullable, as the next: it can be saved, or cannot any more, from here on. */
    void (*on_savable)(gpointer user_data);
    /* A line on a control FIFO asks for an upgrade. */
    void (*on_upgrade_wanted)(gpointer user_data);
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

/* For a session that another monitor began (--adopt), in place of start: finds the process and its
 * streams and makes the endpoints anew. After a failure everything is as it was. */
gboolean hf_session_prepare_adoption(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Watches what was found; or tells that it has ended, or that the start failed. */
void hf_session_adopt(HfSession *self);

/* SIGTERM, SIGINT or SIGQUIT came: passed on to the container, or to the runtime. */
void hf_session_signal(HfSession *self, int signal_number);

/* What this program ends with: the process's exit status, 128 + its signal, or -1 if it is unknown
 * or timed out; 1 if the session failed. With a process directory, 0 or 1. */
int hf_session_get_exit_status(const HfSession *self);

/* An upgrade: the process runs, and nothing else is going on. Before, it is waited for; after, it
 * is too late. */
typedef enum {
    HF_SESSION_NOT_YET,
    HF_SESSION_SAVABLE,
    HF_SESSION_ENDING,
} HfSessionSavable;

HfSessionSavable hf_session_get_savable(const HfSession *self);

/* Why no program can be executed, though the session is savable; NULL: it can. */
const char *hf_session_get_upgrade_obstacle(const HfSession *self);
/* The one descriptor that a program has to be at to be executed; -1: any. */
int hf_session_get_program_fd(const HfSession *self);

/* Of tests: hf_sandbox_probe(). */
void hf_session_probe_sandbox(const HfSession *self);

/* After an upgrade: gives up again what the kernel did not keep given up. */
void hf_session_resume_sandbox(HfSession *self);

/* What a session in another program needs to go on, when it is savable. Not from within one of its
 * callbacks; the session itself is as before. */
void hf_session_save(HfSession *self, HfStateWriter *writer);

/* Goes on with what was saved. What is wrong with it is said to @reader. The one that results must
 * not run, nor be freed, if the state is found wrong: its descriptors are another's again. */
HfSession *hf_session_new_saved(const HfOptions *options, const HfSessionOwner *owner,
                                HfStateReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
