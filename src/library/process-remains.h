/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What is in a process directory whose starter may have been killed at any point, and how it is
 * cleared away. Everywhere @dir_fd is ROOT/ID/PROCESS. */

#pragma once

#include "library/container-change.h"
#include "library/process-private.h"

typedef enum {
    HF_REMAINS_NONE,      /* there is no directory */
    HF_REMAINS_HALF_MADE, /* nothing lives and nothing lived, as far as the files tell */
    HF_REMAINS_STARTING,  /* a monitor lives, but no process of it yet */
    HF_REMAINS_STARTED,   /* it has or had a process */
} HfProcessRemains;

/* A look at ROOT/ID/@process_id. Waits for a monitor that has been started and does not hold its
 * lock yet. For who holds the container's lock. */
gboolean hf_process_remains_look(HfContainer *container, const HfContainerChange *change,
                                 const char *process_id, HfProcessRemains *out_remains,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes ROOT/ID/@process_id. First its monitor is ended, then its process, then the OCI runtime
 * forgets what it has if it is the container's first. That nothing is there is no error. */
gboolean hf_process_remains_clear(HfContainer *container, const HfContainerChange *change,
                                  const char *process_id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Has the OCI runtime kill and forget what it knows by the container's id; nothing is no error. */
gboolean hf_process_remains_forget(HfContainer *container, const HfContainerChange *change,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The living monitor, by the lock and by monitor.pid and monitor.start; NULL: none, or one that has
 * not written them yet. */
HfProcessRef *hf_process_remains_find_monitor(int dir_fd);

/* Whether no monitor holds the lock, within @timeout_ms. */
bool hf_process_remains_wait_monitor(int dir_fd, guint timeout_ms);

/* The same, by SIGTERM and, if that does not help, SIGKILL. HF_ERROR_TIMED_OUT if it lives on. */
gboolean hf_process_remains_end_monitor(int dir_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
