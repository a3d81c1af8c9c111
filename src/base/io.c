/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"

HfIoResult
hf_io_read(int fd, void *buffer, size_t size, size_t *out_read, GError **error)
{
    ssize_t n;

    do {
        n = read(fd, buffer, size);
    } while (n < 0 && errno == EINTR);

    if (n > 0) {
        *out_read = (size_t)n;
        return HF_IO_DATA;
    }
    /* EIO is how a pty's main side says that nobody has the terminal open. */
    if (n == 0 || errno == EIO)
        return HF_IO_EOF;
    if (errno == EAGAIN)
        return HF_IO_AGAIN;
    hf_throw_errno(error, "read");
    return HF_IO_FAILED;
}

HfIoResult
hf_io_write(int fd, const void *data, size_t size, size_t *out_written, GError **error)
{
    ssize_t n;

    do {
        n = write(fd, data, size);
    } while (n < 0 && errno == EINTR);

    if (n >= 0) {
        *out_written = (size_t)n;
        return HF_IO_DATA;
    }
    if (errno == EAGAIN || errno == ENOBUFS)
        return HF_IO_AGAIN;
    if (errno == EPIPE || errno == ECONNRESET)
        return HF_IO_EOF;
    hf_throw_errno(error, "write");
    return HF_IO_FAILED;
}

char *
hf_io_read_file_at(int dir_fd, const char *name, size_t limit, size_t *out_length, GError **error)
{
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[1024];

    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", name), NULL;
    for (;;) {
        size_t n = 0;
        HfIoResult result = hf_io_read(fd, buffer, sizeof buffer, &n, error);

        if (result == HF_IO_FAILED)
            return g_prefix_error(error, "'%s': ", name), NULL;
        if (result != HF_IO_DATA)
            break;
        if (text->len + n > limit)
            return hf_throw(error, HF_ERROR_LIMIT, "'%s' has more than %zu bytes", name, limit),
                   NULL;
        g_string_append_len(text, buffer, (gssize)n);
    }
    if (out_length != NULL)
        *out_length = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}
