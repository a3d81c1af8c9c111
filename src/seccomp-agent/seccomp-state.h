/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The container process state: what an OCI runtime sends with the descriptor of a seccomp filter
 * (runtime-spec, "The Container Process State"). */

#pragma once

#include <glib.h>

typedef struct {
    char *container_id;
    char *metadata;   /* linux.seccomp.listenerMetadata; NULL: none */
    guint fd_count;   /* how many descriptors belong to it */
    guint seccomp_fd; /* which of them is the filter's */
} HfSeccompState;

/* Fills *@out_state, whose strings the caller frees with hf_seccomp_state_clear().
 * HF_ERROR_PROTOCOL. */
gboolean hf_seccomp_state_parse(const char *text, gsize length, HfSeccompState *out_state,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_seccomp_state_clear(HfSeccompState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfSeccompState, hf_seccomp_state_clear)
