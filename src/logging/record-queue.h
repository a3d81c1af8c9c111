/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Messages that wait to be sent, one after the other in one buffer. Embedded in its owner; zeroed
 * is empty. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include <glib.h>

#include "base/saved-state.h"
#include "base/scratch.h"
#include "logging/log-loss.h"

typedef struct {
    HfScratch buffer;
    size_t head;
    size_t tail;
} HfRecordQueue;

/* Adds a message of @size bytes, which the caller writes to what is returned. @stands_for is what
 * is lost if it is dropped: one record, or those a report tells of. */
char *hf_record_queue_add(HfRecordQueue *self, size_t size, const HfLogLoss *stands_for);

/* Walks the messages from the first on; *@cursor is 0 before it. False: there are no more. */
bool hf_record_queue_next(const HfRecordQueue *self, size_t *cursor, struct iovec *out_message);

void hf_record_queue_remove_first(HfRecordQueue *self);

/* Drops all messages, gives the buffer back, and returns what is lost with them. */
HfLogLoss hf_record_queue_drop(HfRecordQueue *self);

size_t hf_record_queue_get_pending(const HfRecordQueue *self);

/* Gives the buffer back if it is empty. */
void hf_record_queue_release_memory(HfRecordQueue *self);

/* Frees what waits. */
void hf_record_queue_clear(HfRecordQueue *self);

/* For a queue in another program, which is empty before. */
void hf_record_queue_save(const HfRecordQueue *self, HfStateWriter *writer);
void hf_record_queue_restore(HfRecordQueue *self, HfStateReader *reader);
