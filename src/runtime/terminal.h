/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A container's terminal, seen from the pty's main side. */

#pragma once

#include <glib.h>

/* Makes "\n" of the container reach readers as "\r\n" (OPOST, ONLCR), which engines expect of
 * their monitor, whatever the runtime has set. */
gboolean hf_terminal_prepare(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Tells the processes on the terminal too (SIGWINCH), if it changes anything. */
gboolean hf_terminal_set_size(int fd, unsigned short rows, unsigned short columns,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens the pty's other side, from whatever mount it comes, never as controlling terminal. While
 * it is held, a terminal that nobody else has open is silent, not hung up. Returns the descriptor
 * (CLOEXEC), or -1. */
int hf_terminal_open_peer(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
