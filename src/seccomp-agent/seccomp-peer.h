/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One connection of an OCI runtime: it sends a container process state with the descriptor of a
 * filter, and leaves. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "seccomp-agent/seccomp-state.h"

/* A state may have annotations, so it can be long. */
#define HF_SECCOMP_STATE_MAX (256 * 1024)
#define HF_SECCOMP_FDS_MAX 16
#define HF_SECCOMP_PEER_MS 10000

typedef struct HfSeccompPeer HfSeccompPeer;

typedef struct {
    /* The state is whole. @take_fd is owned by the callee. */
    void (*on_state)(HfSeccompPeer *peer, const HfSeccompState *state, int take_fd,
                     gpointer user_data);
    /* Nothing came that makes sense. */
    void (*on_refused)(HfSeccompPeer *peer, const GError *error, gpointer user_data);
} HfSeccompPeerHandlers;

/* @take_fd (owned): a connected stream socket, non-blocking. One of the handlers is called, once,
 * and then the peer is done; it may not be freed from within. (transfer full) */
HfSeccompPeer *hf_seccomp_peer_new(GMainContext *context, int take_fd,
                                   const HfSeccompPeerHandlers *handlers, gpointer user_data);
void hf_seccomp_peer_free(HfSeccompPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompPeer, hf_seccomp_peer_free)

bool hf_seccomp_peer_is_done(const HfSeccompPeer *self);
