/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* HfProcess's struct, and what its files know of each other. */

#pragma once

#include <holdfast/container.h>
#include <holdfast/process.h>

#include "base/process-ref.h"
#include "state/process-file.h"

struct _HfProcess {
    GObject parent_instance;

    HfContainer *container; /* owned: a process keeps its container loaded */
    char *id;
    char *path; /* ROOT/ID/PROCESS */
    HfProcessFile *file;
    HfStdio *stdio;
    HfIo *io;                 /* NULL unless a task's callback made it */
    int exit_fd;              /* -1 until asked for; its number stays then */
    bool is_exit_fd_stale;    /* what it watched is gone, and the process is not */
    HfProcessRef *orphan;     /* NULL, or the process that exit_fd watches without a monitor */
    bool is_created_at_start; /* a task with a checkpoint: hf_process_start() makes it */
};

/* process.c: with an id and a path, and without the rest; nothing on disk is looked at. */
HfProcess *hf_process_new(HfContainer *container, const char *id);

/* process-load.c: the process in ROOT/ID/@id. HF_ERROR_NOT_FOUND without that directory,
 * HF_ERROR_PROTOCOL for a process.json that is broken or missing. */
HfProcess *hf_process_load(HfContainer *container, const char *id,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The process's directory, checked as the container's is. -1 on error. */
int hf_process_open(HfProcess *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The living process that the files `pid` and `starttime` name. NULL without an error if it has
 * ended, also when its parent has not reaped it, or there is none yet. *@out_pid (optional) is what
 * `pid` says, 0 if there is none. A later process with the same pid is not it. Where starttime is
 * missing (a starter that died between the two files) it is the process only if that is older than
 * the file `pid`. */
HfProcessRef *hf_process_find(HfProcess *self, pid_t *out_pid, GError **error);

/* Whether a monitor holds the directory's lock. Where that cannot be learnt (no descriptors left)
 * there may be one, so it is true. */
bool hf_process_has_monitor(HfProcess *self);

/* process-control.c: a line on the monitor's `control`, for a process that lives. */
gboolean hf_process_send_command(HfProcess *self, guint command, guint first, guint second,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* process-exit.c: whether somebody who will write exitStatus holds ROOT/ID/PROCESS/ (@dir_fd), by
 * the lock or, as containerd's shim does, by the FIFO `exit` alone. */
bool hf_process_has_witness(int dir_fd);

/* The FIFO `exit` for reading if a living witness holds its other side, so that its hang-up will
 * come; else -1. */
int hf_process_open_exit_fifo(int dir_fd);
