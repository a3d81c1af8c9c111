/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Events of a process's seccomp.json: what its filter handed over since the last look. */

#pragma once

#include <sys/types.h>

#include "library/events-private.h"

/* What was seen of the file; zeros: nothing. */
typedef struct {
    int watch; /* of the file; 0: none */
    dev_t device;
    ino_t inode;
    off_t offset;             /* up to where it was read: the beginning of a line */
    gint64 told_us;           /* the latest record */
    gboolean is_in_long_line; /* what comes next is the rest of a line that is passed over */
} HfEventsSeccomp;

/* Adds to the queue what is new. */
void hf_events_look_at_seccomp(HfEvents *self, int dir_fd, const char *container_id,
                               const char *process_id, HfEventsSeccomp *known);

/* The process is no more. */
void hf_events_forget_seccomp(HfEvents *self, HfEventsSeccomp *known);
