/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *      buffer:  ....[head  Header | message | Header | message  tail)....
 *
 * The space before the head is used again only when it is more than what waits, so that many small
 * messages do not each move a large buffer. */

#include <string.h>

#include "logging/record-queue.h"

typedef struct {
    size_t size; /* of the message */
    HfLogLoss stands_for;
} Header;

static void
make_space(HfRecordQueue *self, size_t size)
{
    size_t pending = self->tail - self->head;

    if (self->tail + size > self->buffer.size && self->head > pending) {
        memcpy(self->buffer.data, (char *)self->buffer.data + self->head, pending);
        self->head = 0;
        self->tail = pending;
    }
    if (self->tail + size > self->buffer.size)
        (void)hf_scratch_reserve(&self->buffer, 2 * (self->tail + size));
}

char *
hf_record_queue_add(HfRecordQueue *self, size_t size, const HfLogLoss *stands_for)
{
    Header header = {.size = size, .stands_for = *stands_for};
    char *message;

    make_space(self, sizeof header + size);
    memcpy((char *)self->buffer.data + self->tail, &header, sizeof header);
    message = (char *)self->buffer.data + self->tail + sizeof header;
    self->tail += sizeof header + size;
    return message;
}

static Header
get_header(const HfRecordQueue *self, size_t offset)
{
    Header header;

    memcpy(&header, (const char *)self->buffer.data + offset, sizeof header);
    return header;
}

bool
hf_record_queue_next(const HfRecordQueue *self, size_t *cursor, struct iovec *out_message)
{
    size_t offset = self->head + *cursor;
    size_t size;

    if (offset >= self->tail)
        return false;
    size = get_header(self, offset).size;
    *out_message = (struct iovec){
        .iov_base = (char *)self->buffer.data + offset + sizeof(Header),
        .iov_len = size,
    };
    *cursor += sizeof(Header) + size;
    return true;
}

void
hf_record_queue_remove_first(HfRecordQueue *self)
{
    self->head += sizeof(Header) + get_header(self, self->head).size;
    if (self->head == self->tail)
        self->head = self->tail = 0;
}

HfLogLoss
hf_record_queue_drop(HfRecordQueue *self)
{
    HfLogLoss loss = {0};

    for (size_t offset = self->head; offset < self->tail;) {
        Header header = get_header(self, offset);

        hf_log_loss_add(&loss, header.stands_for.records, header.stands_for.bytes);
        offset += sizeof header + header.size;
    }
    hf_record_queue_clear(self);
    return loss;
}

size_t
hf_record_queue_get_pending(const HfRecordQueue *self)
{
    return self->tail - self->head;
}

void
hf_record_queue_release_memory(HfRecordQueue *self)
{
    if (self->head == self->tail)
        hf_scratch_release(&self->buffer);
}

void
hf_record_queue_clear(HfRecordQueue *self)
{
    self->head = self->tail = 0;
    hf_scratch_release(&self->buffer);
}

/* One piece for all messages: number, bytes, size and then the message, of each. */
void
hf_record_queue_save(const HfRecordQueue *self, HfStateWriter *writer)
{
    g_autoptr(GByteArray) packed = g_byte_array_new();

    for (size_t offset = self->head; offset < self->tail;) {
        Header header = get_header(self, offset);
        guint64 numbers[] = {header.stands_for.records, header.stands_for.bytes, header.size};
        const guint8 *message = (const guint8 *)self->buffer.data + offset + sizeof header;

        g_byte_array_append(packed, (const guint8 *)numbers, sizeof numbers);
        g_byte_array_append(packed, message, (guint)header.size);
        offset += sizeof header + header.size;
    }
    hf_state_put_bytes(writer, "records", packed->data, packed->len);
}

void
hf_record_queue_restore(HfRecordQueue *self, HfStateReader *reader)
{
    size_t left = 0;
    const char *at = hf_state_get_bytes(reader, "records", &left);
    guint64 numbers[3];

    while (left >= sizeof numbers) {
        memcpy(numbers, at, sizeof numbers);
        at += sizeof numbers;
        left -= sizeof numbers;
        if (numbers[2] > left) {
            hf_state_reader_fail(reader, "records", "end within one");
            return;
        }
        HfLogLoss stands_for = {numbers[0], numbers[1]};
        char *message = hf_record_queue_add(self, (size_t)numbers[2], &stands_for);
        memcpy(message, at, (size_t)numbers[2]);
        at += numbers[2];
        left -= (size_t)numbers[2];
    }
    if (left > 0)
        hf_state_reader_fail(reader, "records", "end within one");
}
