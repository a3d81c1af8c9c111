/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The sending side of a journal's socket. A datagram is taken whole or not at all. */

#pragma once

#include <sys/uio.h>

#include <glib.h>

#include "base/io.h"
#include "base/saved-state.h"

typedef struct HfJournalSocket HfJournalSocket;

/* What begins every record, and the rest of one; sent as one datagram. */
#define HF_JOURNAL_DATAGRAM_PARTS 2

typedef struct {
    struct iovec parts[HF_JOURNAL_DATAGRAM_PARTS]; /* borrowed */
} HfJournalDatagram;

/* How many datagrams one send() looks at. */
#define HF_JOURNAL_BATCH_MAX 16

/* Connects later, when something is sent. HF_ERROR_INVALID_ARGUMENT if @path is too long. */
HfJournalSocket *hf_journal_socket_new(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_journal_socket_free(HfJournalSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfJournalSocket, hf_journal_socket_free)

/* Connects anew. On failure the old connection stays. */
gboolean hf_journal_socket_reconnect(HfJournalSocket *self,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* HF_IO_DATA: *@out_sent of the first @count datagrams, at least one, are sent. HF_IO_AGAIN: the
 * journal takes none now. */
HfIoResult hf_journal_socket_send(HfJournalSocket *self, const HfJournalDatagram *datagrams,
                                  guint count, guint *out_sent,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writable when the journal takes datagrams again; -1: not connected. Borrowed until something is
 * sent. */
int hf_journal_socket_get_fd(const HfJournalSocket *self);

/* For a socket in another program, which is not connected before. */
void hf_journal_socket_save(const HfJournalSocket *self, HfStateWriter *writer);
void hf_journal_socket_restore(HfJournalSocket *self, HfStateReader *reader);
