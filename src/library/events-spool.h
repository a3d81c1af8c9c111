/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What is removed from a state directory is kept for those who follow events, so that none misses
 * what was there too short a time for a look.
 *
 * A follower has a spool: a directory ROOT/.events-RANDOM whose lock he holds. Who is about to
 * remove a process's directory, or a mark, links the files that tell of events into a directory in
 * each spool, laid out as ROOT/ID is: TURN-ID/PROCESS/... or TURN-ID/MARK. The follower looks at it
 * as at the container's, and removes it. A follower who takes nothing is kept no more than
 * HF_EVENTS_SPOOL_MAX of them; the spool of one who is dead is removed by whoever meets it. */

#pragma once

#include "library/container-private.h"

#define HF_EVENTS_SPOOL_PREFIX ".events-"
#define HF_EVENTS_SPOOL_MAX 1000

typedef struct {
    int fd; /* -1: there is none */
    int lock_fd;
    char *name;
} HfEventsSpool;

/* Makes one. */
gboolean hf_events_spool_open(HfEventsSpool *self, int root_fd,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes it. */
void hf_events_spool_close(HfEventsSpool *self, int root_fd);

/* The names of what was kept, in the order of its removal; NULL if there is nothing. (transfer
 * full)
 */
GPtrArray *hf_events_spool_list(const HfEventsSpool *self);

/* Of which container a listed name is. */
const char *hf_events_spool_get_id(const char *name);

/* For the remover, who goes on whether it could be kept or not. @dir_fd: ROOT/ID. */
void hf_events_spool_keep_process(HfContainer *container, int dir_fd, const char *process_id);

/* @name: of a file in ROOT/ID. */
void hf_events_spool_keep_mark(HfContainer *container, int dir_fd, const char *name);
