/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* holdfast-seccomp-agent, run for one container: it answers the system calls that the container's
 * seccomp filter hands over. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"
#include "monitor/reaper.h"

typedef struct {
    const char *socket_path; /* linux.seccomp.listenerPath of the container */
    const char *policy_path; /* NULL: none */
    const char *record_path;
    const char *container_id;
    const char *oom_score_adj; /* NULL: what this process has */
} HfSeccompChildOptions;

/* Each may close the child; none may free it. */
typedef struct {
    /* The socket is there and the policy is read: the runtime may run. */
    void (*on_ready)(gpointer user_data);
    /* It ended before that. @error (transfer full) is in its words, if it said any. */
    void (*on_failed)(GError *error, gpointer user_data);
} HfSeccompChildHandlers;

typedef struct HfSeccompChild HfSeccompChild;

/* Makes the socket and starts the program; the strings of @options outlive the child. */
HfSeccompChild *hf_seccomp_child_new(GMainContext *context, HfReaper *reaper,
                                     const HfSeccompChildOptions *options,
                                     const HfSeccompChildHandlers *handlers, gpointer user_data,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For another program that goes on with the program that runs. */
void hf_seccomp_child_save(const HfSeccompChild *self, HfStateWriter *writer);
HfSeccompChild *hf_seccomp_child_new_saved(GMainContext *context, HfReaper *reaper,
                                           HfStateReader *reader,
                                           const HfSeccompChildHandlers *handlers,
                                           gpointer user_data);

/* Removes the socket and lets go of the program, which ends with the last process of the filter. No
 * handler is called any more. Harmless when it is done twice, and with NULL. */
void hf_seccomp_child_close(HfSeccompChild *self);
void hf_seccomp_child_free(HfSeccompChild *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompChild, hf_seccomp_child_free)
