/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "logging/gzip-file.h"

#ifdef HF_HAVE_ZLIB

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define IO_SIZE (64 * 1024)
/* zlib wants 268 KiB for deflate. */
#define ARENA_SIZE (640 * 1024)
#define GZIP_WINDOW_BITS (15 + 16)
#define MEMORY_LEVEL 8

/* Memory that is given out from front to back and never taken back. */
typedef struct {
    char *at;
    char *end;
} Arena;

static void *
take(Arena *arena, size_t size)
{
    char *taken = arena->at;

    size = (size + 15) & ~(size_t)15;
    if ((size_t)(arena->end - arena->at) < size)
        return NULL;
    arena->at += size;
    return taken;
}

static voidpf
allocate(voidpf opaque, uInt count, uInt size)
{
    return take(opaque, (size_t)count * size);
}

static void
release(voidpf opaque, voidpf memory)
{
}

static bool
write_all(int fd, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
    return true;
}

static bool
read_some(int fd, z_stream *stream, unsigned char *buffer)
{
    ssize_t n;

    do {
        n = read(fd, buffer, IO_SIZE);
    } while (n < 0 && errno == EINTR);
    stream->next_in = buffer;
    stream->avail_in = n > 0 ? (uInt)n : 0;
    return n >= 0;
}

/* Writes all that the input there is makes. */
static bool
deflate_some(int fd, z_stream *stream, unsigned char *buffer, int flush)
{
    do {
        stream->next_out = buffer;
        stream->avail_out = IO_SIZE;
        (void)deflate(stream, flush);
        if (!write_all(fd, buffer, IO_SIZE - stream->avail_out))
            return false;
    } while (stream->avail_out == 0);
    return true;
}

static bool
copy(int in_fd, int out_fd, Arena *arena)
{
    z_stream stream = {.zalloc = allocate, .zfree = release, .opaque = arena};
    unsigned char *in = take(arena, IO_SIZE);
    unsigned char *out = take(arena, IO_SIZE);
    bool is_end = false;

    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        errno = ENOMEM;
        return false;
    }
    while (!is_end) {
        if (!read_some(in_fd, &stream, in))
            return false;
        is_end = stream.avail_in == 0;
        if (!deflate_some(out_fd, &stream, out, is_end ? Z_FINISH : Z_NO_FLUSH))
            return false;
    }
    return true;
}

bool
hf_gzip_file_is_supported(void)
{
    return true;
}

/* The time of the last record: a reader tells by it what was written after another file. */
static void
copy_time(int in_fd, int out_fd)
{
    struct stat status;

    if (fstat(in_fd, &status) == 0)
        (void)futimens(out_fd, (const struct timespec[]){{.tv_nsec = UTIME_OMIT}, status.st_mtim});
}

bool
hf_gzip_file_copy(int in_fd, int out_fd)
{
    char *memory = mmap(0, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    Arena arena = {memory, memory + ARENA_SIZE};
    bool ok;

    if (memory == MAP_FAILED)
        return false;
    ok = copy(in_fd, out_fd, &arena);
    copy_time(in_fd, out_fd);
    (void)munmap(memory, ARENA_SIZE);
    return ok;
}

#else

#include <errno.h>

bool
hf_gzip_file_is_supported(void)
{
    return false;
}

bool
hf_gzip_file_copy(int in_fd, int out_fd)
{
    errno = ENOSYS;
    return false;
}

#endif
