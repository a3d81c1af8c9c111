/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The root of holdfast-seccomp-agent: a socket on which OCI runtimes come, and the filters that
 * they brought. */

#pragma once

#include <glib.h>

#include "seccomp-agent/seccomp-policy.h"

typedef struct HfSeccompAgent HfSeccompAgent;

typedef struct {
    const char *container_id;
    const char *record_path;
    int socket_fd; /* listening; borrowed */
    int owner_fd;  /* the write side of a pipe whose reader started this; borrowed */
    void (*on_finished)(gpointer user_data);
    gpointer user_data;
} HfSeccompAgentOptions;

/* @take_policy is owned, also on failure. The strings and @options itself are copied. */
HfSeccompAgent *hf_seccomp_agent_new(GMainContext *context, const HfSeccompAgentOptions *options,
                                     HfSeccompPolicy *take_policy,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_seccomp_agent_free(HfSeccompAgent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompAgent, hf_seccomp_agent_free)
