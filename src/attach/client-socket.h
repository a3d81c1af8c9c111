/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Connecting to an attach socket, and one packet from it. */

#pragma once

#include <stddef.h>

#include <glib.h>

typedef enum {
    HF_CLIENT_SOCKET_CONNECTED,
    HF_CLIENT_SOCKET_BUSY, /* as many as may wait for the monitor do; try again */
    HF_CLIENT_SOCKET_FAILED,
} HfClientSocketResult;

/* A non-blocking, CLOEXEC connection to the SEQPACKET socket @path, whatever the path's length. */
HfClientSocketResult hf_client_socket_connect(const char *path, int *out_fd,
                                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
    HF_CLIENT_PACKET_DATA,
    HF_CLIENT_PACKET_NONE, /* nothing to read now */
    HF_CLIENT_PACKET_END,  /* the other side has closed the connection */
    HF_CLIENT_PACKET_FAILED,
} HfClientPacketResult;

/* @packet has room for HF_ATTACH_PACKET_MAX bytes. HF_ERROR_PROTOCOL if the packet is larger or for
 * a stream that there is not. */
HfClientPacketResult hf_client_socket_read(int fd, unsigned char *packet, size_t *out_length,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
