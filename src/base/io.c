/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"

static ssize_t
read_once(int fd, void *buffer, size_t size)
{
    ssize_t n;

    do {
        n = read(fd, buffer, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

HfIoResult
hf_io_read(int fd, void *buffer, size_t size, size_t *out_read, GError **error)
{
    ssize_t n = read_once(fd, buffer, size);

    if (n > 0) {
        *out_read = (size_t)n;
        return HF_IO_DATA;
    }
    /* EIO is how a pty's main side says that nobody has the terminal open. */
    if (n == 0 || errno == EIO || errno == ECONNRESET)
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

/* Appends the rest of @fd. Unlike on a terminal, EIO is a failure here: half a file is no file. */
static gboolean
read_rest(int fd, GString *text, size_t limit, GError **error)
{
    char buffer[1024];
    ssize_t n;

    while ((n = read_once(fd, buffer, sizeof buffer)) > 0) {
        if ((size_t)n > limit - text->len)
            return hf_throw(error, HF_ERROR_LIMIT, "more than %zu bytes", limit);
        g_string_append_len(text, buffer, n);
    }
    if (n < 0)
        return hf_throw_errno(error, "read");
    return TRUE;
}

char *
hf_io_read_file_at(int dir_fd, const char *name, size_t limit, size_t *out_length, GError **error)
{
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    g_autoptr(GString) text = g_string_new(NULL);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return hf_throw_errno(error, "open '%s'", name), NULL;
    if (!S_ISREG(status.st_mode))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is not a regular file", name), NULL;
    if (!read_rest(fd, text, limit, error))
        return g_prefix_error(error, "'%s': ", name), NULL;
    if (out_length != NULL)
        *out_length = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}
