/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/events.h>

struct _HfEvent {
    HfEventType type;
    char *container_id;
    char *process_id; /* NULL: of the whole container */
    gint64 time_us;
    gint64 number;
    char *checkpoint; /* NULL unless CHECKPOINTED */
    char *syscall;    /* NULL unless SECCOMP */
    char *action;     /* NULL unless SECCOMP */
    guint32 pid;      /* 0 unless SECCOMP */
};

/* (transfer full) */
HfEvent *hf_event_new(HfEventType type, const char *container_id, const char *process_id,
                      gint64 time_us, gint64 number);
