/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* AF_UNIX sockets below an open directory, whatever the length of its path. */

#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <glib.h>

/* A bound, non-blocking, CLOEXEC socket @name below @dir_fd with @mode, replacing a socket that was
 * left there (anything else of that name is HF_ERROR_EXISTS). @type is SOCK_SEQPACKET (then it also
 * listens) or SOCK_DGRAM. Returns the descriptor, or -1. */
int hf_unix_socket_bind_at(int dir_fd, const char *name, int type, mode_t mode,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The address of the socket @name below @dir_fd, which stays open while the address is in use. */
gboolean hf_unix_socket_make_address(int dir_fd, const char *name, struct sockaddr_un *out_address,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
