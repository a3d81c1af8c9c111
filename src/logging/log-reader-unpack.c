/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a gzip file cannot be read from its end, nor from its middle. So all of it is
 * unpacked before it is read, into a file that has no name and goes with its descriptor: in the
 * folder for temporary files, or in memory where that folder does not let one be made.
 *
 * A gzip file is one or more members, each with a header and a trailer of its own. Zeros behind the
 * last one are padding. A file that ends within a member, or has something else in it, is damaged;
 * what could be unpacked is of use all the same. */

#include "logging/log-reader-unpack.h"

#ifdef HF_HAVE_ZLIB

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/scratch.h"

#define BLOCK_SIZE 65536
#define GZIP_WINDOW_BITS (15 + 16)

struct HfLogReaderUnpack {
    int fd; /* borrowed */
    int out_fd;
    off_t offset;     /* of what is read next */
    HfScratch buffer; /* a block of input, a block of output */
    z_stream stream;
    bool is_end; /* of the gzip file */
    bool is_within_member;
    bool has_member; /* a whole one */
};

bool
hf_log_reader_unpack_is_supported(void)
{
    return true;
}

static int
open_nameless(GError **error)
{
    int fd = open(g_get_tmp_dir(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

    if (fd < 0)
        fd = memfd_create("holdfast-log", MFD_CLOEXEC);
    if (fd < 0)
        return hf_throw_errno(error, "make a file to unpack to"), -1;
    return fd;
}

HfLogReaderUnpack *
hf_log_reader_unpack_new(int fd, GError **error)
{
    g_autoptr(HfLogReaderUnpack) self = g_new0(HfLogReaderUnpack, 1);

    self->fd = fd;
    self->out_fd = open_nameless(error);
    if (self->out_fd < 0)
        return NULL;
    if (inflateInit2(&self->stream, GZIP_WINDOW_BITS) != Z_OK)
        return hf_throw(error, HF_ERROR_FAILED, "inflateInit2: no memory"), NULL;
    (void)hf_scratch_reserve(&self->buffer, (size_t)2 * BLOCK_SIZE);
    return g_steal_pointer(&self);
}

void
hf_log_reader_unpack_free(HfLogReaderUnpack *self)
{
    if (self == NULL)
        return;
    (void)inflateEnd(&self->stream);
    hf_scratch_release(&self->buffer);
    hf_close_fd(&self->out_fd);
    g_free(self);
}

/* Reads the next block once the last one is used up. */
static gboolean
read_block(HfLogReaderUnpack *self, GError **error)
{
    ssize_t n;

    if (self->stream.avail_in > 0)
        return TRUE;
    do
        n = pread(self->fd, self->buffer.data, BLOCK_SIZE, self->offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return hf_throw_errno(error, "read a compressed log file");
    self->stream.next_in = self->buffer.data;
    self->stream.avail_in = (uInt)n;
    self->offset += n;
    self->is_end = n == 0;
    return TRUE;
}

static gboolean
write_block(HfLogReaderUnpack *self, size_t length, GError **error)
{
    const char *bytes = (const char *)self->buffer.data + BLOCK_SIZE;

    while (length > 0) {
        ssize_t n = write(self->out_fd, bytes, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hf_throw_errno(error, "unpack a log file");
        bytes += n;
        length -= (size_t)n;
    }
    return TRUE;
}

static void
skip_padding(z_stream *stream)
{
    while (stream->avail_in > 0 && *stream->next_in == 0) {
        stream->next_in++;
        stream->avail_in--;
    }
}

/* Between members. */
static HfLogReaderUnpackStep
begin_member(HfLogReaderUnpack *self)
{
    if (self->has_member)
        skip_padding(&self->stream);
    self->is_within_member = self->stream.avail_in > 0;
    if (self->is_within_member || !self->is_end)
        return HF_LOG_READER_UNPACK_MORE;
    return self->has_member ? HF_LOG_READER_UNPACK_DONE : HF_LOG_READER_UNPACK_DAMAGED;
}

HfLogReaderUnpackStep
hf_log_reader_unpack_step(HfLogReaderUnpack *self, size_t *out_length, GError **error)
{
    z_stream *stream = &self->stream;
    int result;

    *out_length = 0;
    if (!read_block(self, error))
        return HF_LOG_READER_UNPACK_FAILED;
    if (!self->is_within_member)
        return begin_member(self);
    stream->next_out = (Bytef *)self->buffer.data + BLOCK_SIZE;
    stream->avail_out = BLOCK_SIZE;
    result = inflate(stream, Z_NO_FLUSH);
    *out_length = BLOCK_SIZE - stream->avail_out;
    if (!write_block(self, *out_length, error))
        return HF_LOG_READER_UNPACK_FAILED;
    if (result == Z_STREAM_END) {
        self->is_within_member = false;
        self->has_member = true;
        result = inflateReset(stream);
    }
    /* Z_BUF_ERROR: nothing could be done without more input. */
    if (result == Z_OK || (result == Z_BUF_ERROR && !self->is_end))
        return HF_LOG_READER_UNPACK_MORE;
    return HF_LOG_READER_UNPACK_DAMAGED;
}

int
hf_log_reader_unpack_steal_fd(HfLogReaderUnpack *self)
{
    return hf_steal_fd(&self->out_fd);
}

static bool
has_checksum(int fd, guint32 expected)
{
    HfScratch buffer = {0};
    void *block = hf_scratch_reserve(&buffer, BLOCK_SIZE);
    uLong checksum = crc32(0, NULL, 0);
    off_t offset = 0;
    ssize_t n;

    while ((n = pread(fd, block, BLOCK_SIZE, offset)) > 0 || (n < 0 && errno == EINTR)) {
        checksum = crc32(checksum, block, n > 0 ? (uInt)n : 0);
        offset += n > 0 ? n : 0;
    }
    hf_scratch_release(&buffer);
    return n == 0 && checksum == expected;
}

bool
hf_log_reader_unpack_is_copy(int compressed_fd, int plain_fd)
{
    struct stat compressed;
    struct stat plain;
    guint32 trailer[2]; /* checksum, length */

    if (fstat(compressed_fd, &compressed) < 0 || fstat(plain_fd, &plain) < 0 ||
        compressed.st_mtim.tv_sec != plain.st_mtim.tv_sec ||
        compressed.st_mtim.tv_nsec != plain.st_mtim.tv_nsec)
        return false;
    if (pread(compressed_fd, trailer, sizeof trailer, compressed.st_size - (off_t)sizeof trailer) !=
        sizeof trailer)
        return false;
    return GUINT32_FROM_LE(trailer[1]) == (guint32)plain.st_size &&
           has_checksum(plain_fd, GUINT32_FROM_LE(trailer[0]));
}

#else

#include "base/error.h"

bool
hf_log_reader_unpack_is_supported(void)
{
    return false;
}

HfLogReaderUnpack *
hf_log_reader_unpack_new(int fd, GError **error)
{
    return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "this build reads no compressed files"), NULL;
}

void
hf_log_reader_unpack_free(HfLogReaderUnpack *self)
{
}

HfLogReaderUnpackStep
hf_log_reader_unpack_step(HfLogReaderUnpack *self, size_t *out_length, GError **error)
{
    hf_throw(error, HF_ERROR_NOT_SUPPORTED, "this build reads no compressed files");
    return HF_LOG_READER_UNPACK_FAILED;
}

int
hf_log_reader_unpack_steal_fd(HfLogReaderUnpack *self)
{
    return -1;
}

bool
hf_log_reader_unpack_is_copy(int compressed_fd, int plain_fd)
{
    return false;
}

#endif
