/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One process, told from a later one with the same pid.
 *
 * A pidfd names the process for as long as it is held. The start time (field 22 of
 * /proc/PID/stat, clock ticks since boot) is what can be written to disk. */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfProcessRef HfProcessRef;

/* The ioctl(2) that try_exit_status() makes, for whoever limits these: PIDFD_GET_INFO with the
 * kernel's struct in its first size. */
#define HF_PROCESS_REF_STATUS_IOCTL 0xc040ff0bu

/* The process @pid as it is now. HF_ERROR_NOT_FOUND if there is none. A kernel without pidfds
 * (before Linux 5.3) is HF_ERROR_NOT_SUPPORTED. (transfer full) */
HfProcessRef *hf_process_ref_new(pid_t pid, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_process_ref_free(HfProcessRef *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfProcessRef, hf_process_ref_free)

pid_t hf_process_ref_get_pid(const HfProcessRef *self);
guint64 hf_process_ref_get_start_time(const HfProcessRef *self);

/* The pidfd: readable once the process has ended. Borrowed. */
int hf_process_ref_get_fd(const HfProcessRef *self);

/* Sends a signal. HF_ERROR_NOT_FOUND if the process has ended. */
gboolean hf_process_ref_signal(const HfProcessRef *self, int signal_number,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SIGKILL to the process group of the process, or to it alone if the group is that of this program
 * or no group (0 and 1 are never signalled). */
gboolean hf_process_ref_kill_group(const HfProcessRef *self,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The wait status of an ended process that is not a child of this one: PIDFD_GET_INFO (Linux 6.15)
 * once its parent has taken it, /proc/PID/stat until then, if this process may see it there. FALSE
 * means that the kernel does not tell. */
bool hf_process_ref_try_exit_status(const HfProcessRef *self, int *out_wait_status);

/* Ended, and its parent has taken its status: the pid is free. */
bool hf_process_ref_is_gone(const HfProcessRef *self);

/* Field 22 of /proc/PID/stat. */
gboolean hf_process_read_start_time(pid_t pid, guint64 *out_ticks,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For another program that goes on with the descriptor. */
void hf_process_ref_save(const HfProcessRef *self, HfStateWriter *writer);
/* NULL, and said to @reader: it is not there. */
HfProcessRef *hf_process_ref_new_saved(HfStateReader *reader);

/* The same from the file's text; false if there is none in it. Pure. */
bool hf_process_parse_start_time(const char *text, guint64 *out_ticks);
