/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <glib.h>

#include "attach/byte-fifo.h"
#include "attach/client-output.h"
#include "attach/shared-fd.h"
#include "base/error.h"
#include "base/io.h"
#include "base/source.h"

#define FULL_BYTES 65536

struct HfClientOutput {
    GMainContext *context;                  /* borrowed */
    const HfClientOutputHandlers *handlers; /* borrowed */
    gpointer user_data;
    HfStream stream;
    HfSharedFd *fd; /* NULL: there is none */
    HfByteFifo waiting;
    GSource *writable;
};

HfClientOutput *
hf_client_output_new(GMainContext *context, HfStream stream, int fd,
                     const HfClientOutputHandlers *handlers, gpointer user_data, GError **error)
{
    g_autoptr(HfClientOutput) self = g_new0(HfClientOutput, 1);

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    self->context = context;
    self->stream = stream;
    self->handlers = handlers;
    self->user_data = user_data;
    if (fd >= 0)
        self->fd = hf_shared_fd_new_writer(fd, error);
    if (fd >= 0 && self->fd == NULL)
        return NULL;
    return g_steal_pointer(&self);
}

void
hf_client_output_free(HfClientOutput *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->writable);
    hf_shared_fd_free(self->fd);
    hf_byte_fifo_clear(&self->waiting);
    g_free(self);
}

static gboolean
write_once(HfClientOutput *self, const void *bytes, size_t length, size_t *out_written,
           GError **error)
{
    *out_written = 0;
    switch (hf_io_write(hf_shared_fd_get(self->fd), bytes, length, out_written, error)) {
    case HF_IO_DATA:
    case HF_IO_AGAIN:
        return TRUE;
    case HF_IO_EOF:
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PIPE, "nobody reads %s any more",
                    hf_stream_to_string(self->stream));
        return FALSE;
    case HF_IO_FAILED:
        break;
    }
    g_prefix_error(error, "%s: ", hf_stream_to_string(self->stream));
    return FALSE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    HfClientOutput *self = user_data;
    g_autoptr(GError) error = NULL;
    size_t written;

    if (!write_once(self, hf_byte_fifo_peek(&self->waiting), self->waiting.length, &written,
                    &error)) {
        hf_source_clear(&self->writable);
        hf_byte_fifo_clear(&self->waiting);
        self->handlers->on_failed(error, self->user_data);
        return G_SOURCE_REMOVE;
    }
    hf_byte_fifo_drop(&self->waiting, written);
    if (self->waiting.length == 0)
        hf_source_clear(&self->writable);
    if (written > 0)
        self->handlers->on_progress(self->user_data);
    return G_SOURCE_CONTINUE;
}

gboolean
hf_client_output_push(HfClientOutput *self, const void *bytes, size_t length, GError **error)
{
    size_t written = 0;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (self->fd == NULL || length == 0)
        return TRUE;
    if (self->waiting.length == 0 && !write_once(self, bytes, length, &written, error))
        return FALSE;
    hf_byte_fifo_append(&self->waiting, (const char *)bytes + written, length - written);
    if (self->waiting.length > 0 && self->writable == NULL)
        self->writable = hf_source_watch_fd(self->context, hf_shared_fd_get(self->fd), G_IO_OUT,
                                            HF_PRIORITY_OUTPUT, "client-output", on_writable, self);
    return TRUE;
}

bool
hf_client_output_is_full(const HfClientOutput *self)
{
    return self->waiting.length >= FULL_BYTES;
}

bool
hf_client_output_is_empty(const HfClientOutput *self)
{
    return self->waiting.length == 0;
}
