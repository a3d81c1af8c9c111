/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The root's struct, shared by monitor.c (the start and the end) and monitor-resume.c (going on
 * after an upgrade). */

#pragma once

#include "monitor/monitor.h"
#include "monitor/process-dir.h"
#include "monitor/session.h"
#include "monitor/upgrade.h"

struct HfMonitor {
    HfOptions *options;
    HfProcessDir *process_dir;  /* NULL without --process-dir */
    HfProcessDir *adoption_dir; /* NULL, process_dir, or one of our own */
    GMainContext *context;
    HfReaper *reaper;
    HfParentPipes *parent;
    char *oom_score_adj;
    GArray *inherited_fds;
    int signal_fd;
    GSource *signal_source;
    HfSessionOwner session_owner;
    HfSession *session;
    bool is_finished;
    bool is_resumed; /* after an upgrade: there is no engine to be left, and a session that runs */
    HfUpgrade *upgrade; /* NULL: it is not known what this program is */
};

gboolean hf_monitor_set_up_signals(HfMonitor *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the session borrows, from what is there. */
void hf_monitor_set_up_owner(HfMonitor *self);
