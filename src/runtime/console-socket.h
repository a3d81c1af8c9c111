/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The socket on which an OCI runtime hands over the pty of a container (its --console-socket). */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct HfConsoleSocket HfConsoleSocket;

typedef struct {
    /* @take_fd is the pty's main side: owned by the callee, CLOEXEC, non-blocking, a terminal. */
    void (*on_console)(int take_fd, gpointer user_data);
    /* Something other than one terminal came (HF_ERROR_PROTOCOL), or more connections or
     * descriptors than there is room for (HF_ERROR_LIMIT). The socket goes on listening, unless
     * accepting a connection is what failed (G_FILE_ERROR): then hf_console_socket_poll() may try
     * again. */
    void (*on_failed)(const GError *error, gpointer user_data);
} HfConsoleHandlers;

/* Listens on a socket in a private (0700) directory made for it, whose path fits sockaddr_un: in
 * $XDG_RUNTIME_DIR, else in the directory for temporary files, else in /tmp.
 * @handlers must outlive it. */
HfConsoleSocket *hf_console_socket_new(GMainContext *context, const HfConsoleHandlers *handlers,
                                       gpointer user_data,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

const char *hf_console_socket_get_path(const HfConsoleSocket *self);

/* Takes what is waiting on the socket without blocking: for the moment after the runtime's end,
 * when its message may be there and not yet seen. May call the handlers. */
void hf_console_socket_poll(HfConsoleSocket *self);

/* Removes the socket and its directory. Not from within a handler. */
void hf_console_socket_free(HfConsoleSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfConsoleSocket, hf_console_socket_free)
