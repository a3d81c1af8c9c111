/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The attach socket: any number of clients see what the container prints and type into it.
 *
 * Each client has a bounded queue. When one is full the server is congested, and its owner stops
 * reading from the container, for as long as that client makes progress; one that takes nothing for
 * stall_timeout_ms is dropped. No call here blocks. How it works: attach-server.c. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "base/saved-state.h"
#include "protocol/stream.h"

typedef struct HfAttachServer HfAttachServer;

typedef struct {
    size_t queue_bytes;     /* a client's queue; full from here on */
    guint stall_timeout_ms; /* a full client that takes nothing for so long is dropped */
    guint clients_max;      /* one more is refused at once */
} HfAttachLimits;

/* All are called from the main loop or from within one of the calls below, and must not free the
 * server. on_finished comes from the main loop only. */
typedef struct {
    void (*on_input)(const char *bytes, size_t length, gpointer user_data);
    /* A client has connected. Nullable. */
    void (*on_connected)(gpointer user_data);
    /* A client closed its sending side, or left. */
    void (*on_input_closed)(gpointer user_data);
    /* is_congested() changed. */
    void (*on_congestion)(gpointer user_data);
    /* After finish(): the last client's queue is empty or given up, every connection is closed. */
    void (*on_finished)(gpointer user_data);
    /* A client was refused or dropped. */
    void (*on_dropped)(const GError *reason, gpointer user_data);
} HfAttachHandlers;

/* @take_fd: a listening SOCK_SEQPACKET socket. Clients must be root or this process's user
 * (SO_PEERCRED). @limits is copied, @handlers must outlive the server. */
HfAttachServer *hf_attach_server_new(GMainContext *context, int take_fd,
                                     const HfAttachLimits *limits, const HfAttachHandlers *handlers,
                                     gpointer user_data);
void hf_attach_server_free(HfAttachServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfAttachServer, hf_attach_server_free)

/* Takes in the clients that wait to be accepted. The main loop does so before it reads output; for
 * an owner who reads output at another time (the drain when a process has ended) and wants a client
 * that connected before it was written to see it. */
void hf_attach_server_accept_waiting(HfAttachServer *self);

bool hf_attach_server_has_clients(const HfAttachServer *self);
bool hf_attach_server_is_congested(const HfAttachServer *self);

/* Sends @bytes to every client as packets of at most HF_ATTACH_PACKET_MAX bytes, and queues what a
 * client does not take at once. Bounded by the caller: he does not send while congested. */
void hf_attach_server_send(HfAttachServer *self, HfStream stream, const char *bytes, size_t length);

/* While paused nothing is read from the clients: what they write waits in their sockets, also when
 * they leave meanwhile. */
void hf_attach_server_set_input_paused(HfAttachServer *self, bool is_paused);

/* The container's output has ended: clients that are waiting to be accepted are accepted first,
 * then no new one; each connection is closed when its queue is empty. on_finished follows, from the
 * main loop. Nothing is read from clients any more. */
void hf_attach_server_finish(HfAttachServer *self);

/* For a server in another program that goes on with the socket and every client. Not once finish()
 * was called, and not from within a handler: clients that are gone are let go first. */
void hf_attach_server_save(HfAttachServer *self, HfStateWriter *writer);
/* No handler is called from within. */
HfAttachServer *hf_attach_server_new_saved(GMainContext *context, HfStateReader *reader,
                                           const HfAttachLimits *limits,
                                           const HfAttachHandlers *handlers, gpointer user_data);
