/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The sending side of a connection to a system log: a local socket, UDP, or TCP. Never blocks. */

#pragma once

#include <stdbool.h>
#include <sys/uio.h>

#include <glib.h>

#include "base/io.h"
#include "base/saved-state.h"

typedef struct HfSyslogSocket HfSyslogSocket;

/* How many messages one send() looks at. */
#define HF_SYSLOG_BATCH_MAX 16

/* @address: "" (/dev/log), "unix://PATH" (a datagram socket), "udp://HOST:PORT" or
 * "tcp://HOST:PORT"; HOST is a number, an IPv6 one in brackets, or "localhost" (127.0.0.1): a name
 * would have to be looked up, and that blocks. Connects later. HF_ERROR_INVALID_ARGUMENT for any
 * other address. */
HfSyslogSocket *hf_syslog_socket_new(const char *address, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_syslog_socket_free(HfSyslogSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSyslogSocket, hf_syslog_socket_free)

/* Messages follow each other without a boundary, so each must say how long it is. */
bool hf_syslog_socket_is_stream(const HfSyslogSocket *self);

/* HF_IO_DATA: *@out_sent of the first @count messages are sent; on a stream, some of the next may
 * be too, and it must be the first next time. HF_IO_AGAIN: none can be sent now, or the connection
 * is still being made. HF_IO_FAILED: there is no connection, and another is not tried before some
 * time has passed (1 s, then doubling up to 32 s); the first message is sent anew then. */
HfIoResult hf_syslog_socket_send(HfSyslogSocket *self, const struct iovec *messages, guint count,
                                 guint *out_sent, GError **error);

/* The connection has not been made yet: nobody may be there. */
bool hf_syslog_socket_is_connecting(const HfSyslogSocket *self);

/* Of the message that must be sent first a part has been sent, and nothing else may follow it. */
bool hf_syslog_socket_is_within_message(const HfSyslogSocket *self);

/* Closes the connection; the next send() makes a new one at once. */
void hf_syslog_socket_reset(HfSyslogSocket *self);

/* Writable when send() is worth another try; -1: not connected. Borrowed until the next call. */
int hf_syslog_socket_get_fd(const HfSyslogSocket *self);

/* For a socket in another program, which is not connected before. */
void hf_syslog_socket_save(const HfSyslogSocket *self, HfStateWriter *writer);
/* @first_length: of the message that will be sent first, of which a part may have been sent. */
void hf_syslog_socket_restore(HfSyslogSocket *self, HfStateReader *reader, size_t first_length);
