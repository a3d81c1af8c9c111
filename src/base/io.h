/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads and writes whose expected outcomes are values, not errors. */

#pragma once

#include <stddef.h>

#include <glib.h>

typedef enum {
    HF_IO_DATA,  /* some bytes were moved */
    HF_IO_AGAIN, /* nothing can be moved now (EAGAIN, ENOBUFS) */
    HF_IO_EOF,   /* the other side is gone (read: 0, ECONNRESET, EIO of a terminal; write: EPIPE) */
    HF_IO_FAILED, /* the error says why */
} HfIoResult;

/* One read(2), again when a signal interrupts it. */
HfIoResult hf_io_read(int fd, void *buffer, size_t size, size_t *out_read,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One write(2), again when a signal interrupts it; it may move less than @size. */
HfIoResult hf_io_write(int fd, const void *data, size_t size, size_t *out_written,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The whole of a regular file (those of /proc, /sys and cgroups are) below @dir_fd (AT_FDCWD for a
 * path), at most @limit bytes, NUL-terminated. Never follows a symbolic link in the last part of
 * @name, never blocks on a FIFO. HF_ERROR_LIMIT if it is larger, HF_ERROR_INVALID_ARGUMENT if it is
 * no regular file. @out_length may be NULL. (transfer full) */
char *hf_io_read_file_at(int dir_fd, const char *name, size_t limit, size_t *out_length,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
