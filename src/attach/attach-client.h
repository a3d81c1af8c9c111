/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A client of an attach socket: joins descriptors of this program to a container's streams.
 *
 * What the container prints goes to the outputs, and what comes from the input goes to the
 * container; the input may be a terminal, which is made raw meanwhile, or a pipe or file, whose end
 * closes the container's standard input. No call here blocks. How it works: attach-client.c. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "protocol/stream.h"

typedef struct HfAttachClient HfAttachClient;

typedef enum {
    HF_ATTACH_DETACHED, /* the detach keys were typed, or hf_attach_client_detach() called */
    HF_ATTACH_ENDED,    /* the other side closed the connection: the container has ended, or the
                           client was refused or dropped */
    HF_ATTACH_FAILED,   /* the error says why */
} HfAttachEnd;

/* "detached", "ended", "failed" */
const char *hf_attach_end_to_string(HfAttachEnd end);

/* All are called from the main loop only, and must not free the client. Those that a caller has no
 * use for may be NULL, except on_finished. */
typedef struct {
    /* From here on the monitor knows of the client: what the container prints reaches it. */
    void (*on_connected)(gpointer user_data);
    /* The terminal's size, once connected and then whenever it has changed. */
    void (*on_size)(unsigned short rows, unsigned short columns, gpointer user_data);
    /* Once, as the last one. Everything is written and given back, the terminal's modes too.
     * @error is set with HF_ATTACH_FAILED only. */
    void (*on_finished)(HfAttachEnd end, const GError *error, gpointer user_data);
} HfAttachClientHandlers;

typedef struct {
    const char *socket_path;         /* of any length */
    int input_fd;                    /* -1: nothing is typed */
    int output_fds[HF_STREAM_COUNT]; /* by HfStream; -1: discarded; two may be the same */
    bool has_terminal;               /* the container has one: an input that is one becomes raw */
    const char *detach_keys;         /* Podman's syntax; NULL: Podman's default; "": none */
} HfAttachClientOptions;

/* Connects. @options is copied, its descriptors are borrowed until on_finished, @handlers must
 * outlive the client. Detach keys count only in what comes from a terminal. Fails if there is no
 * socket, if nobody listens, or if the detach keys are none.
 *
 * The program ignores SIGPIPE, and takes the signals that would end it in its main loop: it frees
 * the client first, so that the terminal's modes come back, and then raises the signal again. */
HfAttachClient *hf_attach_client_new(GMainContext *context, const HfAttachClientOptions *options,
                                     const HfAttachClientHandlers *handlers, gpointer user_data,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Leaves at once, with what is not written yet lost, and gives the terminal its modes back. */
void hf_attach_client_free(HfAttachClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfAttachClient, hf_attach_client_free)

/* To be called upon SIGWINCH: tells the size through on_size if it has changed. Does nothing unless
 * the input is a raw terminal. */
void hf_attach_client_update_size(HfAttachClient *self);

/* To be called upon SIGCONT: a shell that had the terminal in the meantime changed its modes. */
void hf_attach_client_resume(HfAttachClient *self);

/* As if the detach keys had been typed. */
void hf_attach_client_detach(HfAttachClient *self);
