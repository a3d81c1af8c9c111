/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Takes in the clients of the attach socket that may be clients. How it works: attach-listener.c.
 */

#pragma once

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfAttachListener HfAttachListener;

/* None of them may free the listener; all may close it. */
typedef struct {
    /* Clients wait, and are accepted next: room can be made for them. From the main loop only. */
    void (*on_waiting)(gpointer user_data);
    /* A connected socket, non-blocking, the receiver's from here on. */
    void (*on_client)(int take_fd, gpointer user_data);
    /* A client was turned away, or, once in a row, none could be accepted. */
    void (*on_refused)(const GError *reason, gpointer user_data);
} HfAttachListenerHandlers;

/* @take_fd: a listening, non-blocking SOCK_SEQPACKET socket. Clients must be root or this process's
 * user (SO_PEERCRED). */
HfAttachListener *hf_attach_listener_new(GMainContext *context, int take_fd,
                                         const HfAttachListenerHandlers *handlers,
                                         gpointer user_data);
void hf_attach_listener_free(HfAttachListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfAttachListener, hf_attach_listener_free)

/* Accepts those that wait now, without waiting for the main loop. */
void hf_attach_listener_accept_waiting(HfAttachListener *self);

/* Accepts no more. */
void hf_attach_listener_close(HfAttachListener *self);

/* The socket, for a listener in another program; no more than that has to be known of it. */
void hf_attach_listener_save(const HfAttachListener *self, HfStateWriter *writer);
