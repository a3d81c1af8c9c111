/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One connected client of the attach socket: what it types comes in, what the container prints goes
 * out through a queue. Its server owns it and decides when to drop it. How it works: attach-peer.c.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"
#include "protocol/stream.h"

typedef struct HfAttachPeer HfAttachPeer;

/* None of them may free the peer. */
typedef struct {
    void (*on_input)(HfAttachPeer *peer, const char *bytes, size_t length, gpointer user_data);
    /* Once: the client closed its sending side or left, and all it wrote was handed on. */
    void (*on_input_ended)(HfAttachPeer *peer, gpointer user_data);
    /* get_pending() became smaller. */
    void (*on_progress)(HfAttachPeer *peer, gpointer user_data);
    /* Once, before on_input_ended: it can be freed as soon as no callback is on the stack. @reason
     * is NULL if the client left by itself. */
    void (*on_gone)(HfAttachPeer *peer, const GError *reason, gpointer user_data);
} HfAttachPeerHandlers;

/* @take_fd: a connected, non-blocking SOCK_SEQPACKET socket. Reads from the start. */
HfAttachPeer *hf_attach_peer_new(GMainContext *context, int take_fd,
                                 const HfAttachPeerHandlers *handlers, gpointer user_data);

/* Closes the connection so that the client can read all that was sent. */
void hf_attach_peer_free(HfAttachPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfAttachPeer, hf_attach_peer_free)

bool hf_attach_peer_is_gone(const HfAttachPeer *self);

/* Notices at once, with all the callbacks, if the client has left, as the main loop would later. */
void hf_attach_peer_notice_leaving(HfAttachPeer *self);

/* Sends @bytes as packets of at most HF_ATTACH_PACKET_MAX bytes. */
void hf_attach_peer_send(HfAttachPeer *self, HfStream stream, const char *bytes, size_t length);
size_t hf_attach_peer_get_pending(const HfAttachPeer *self);

void hf_attach_peer_set_input_paused(HfAttachPeer *self, bool is_paused);

/* Nothing is read from here on, and on_input_ended is not called any more. */
void hf_attach_peer_stop_input(HfAttachPeer *self);

/* Ends it from the owner's side: on_gone, then on_input_ended. */
void hf_attach_peer_drop(HfAttachPeer *self, const GError *reason);

/* A client makes progress when it takes packets from its socket, also when not yet so many that the
 * kernel asks for more. start_stall_clock() counts from @now_us on, and so does each progress;
 * has_stalled() tells whether something waits and there was none for @timeout_us. */
void hf_attach_peer_start_stall_clock(HfAttachPeer *self, gint64 now_us);
bool hf_attach_peer_has_stalled(HfAttachPeer *self, gint64 now_us, gint64 timeout_us);

/* For a peer in another program that goes on with the connection. One that is gone is not saved. */
void hf_attach_peer_save(const HfAttachPeer *self, HfStateWriter *writer);
HfAttachPeer *hf_attach_peer_new_saved(GMainContext *context, HfStateReader *reader,
                                       const HfAttachPeerHandlers *handlers, gpointer user_data);
