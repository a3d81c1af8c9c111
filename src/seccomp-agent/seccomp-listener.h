/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Answers the calls of one filter: of the container, or of an exec session. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "seccomp-agent/seccomp-policy.h"
#include "seccomp-agent/seccomp-records.h"

typedef struct HfSeccompListener HfSeccompListener;

typedef struct {
    /* The last process of the filter has ended, or @error (borrowed) says why nobody can be
     * answered any more. The listener may not be freed from within. */
    void (*on_closed)(HfSeccompListener *listener, const GError *error, gpointer user_data);
    /* One call could not be answered as the policy says. */
    void (*on_failed)(const GError *error, gpointer user_data);
} HfSeccompListenerHandlers;

/* @take_fd is owned, also on failure: a descriptor that is no filter's is
 * HF_ERROR_INVALID_ARGUMENT. @policy and @records are borrowed. (transfer full) */
HfSeccompListener *hf_seccomp_listener_new(GMainContext *context, int take_fd,
                                           HfSeccompPolicy *policy, HfSeccompRecords *records,
                                           const HfSeccompListenerHandlers *handlers,
                                           gpointer user_data,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What waits for an answer, and all that comes, gets ENOSYS. */
void hf_seccomp_listener_free(HfSeccompListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompListener, hf_seccomp_listener_free)

bool hf_seccomp_listener_is_closed(const HfSeccompListener *self);
