/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Prints lines as fast as the reader takes them: producer LINE_LENGTH LINES [FIFO [WRITE_LENGTH
 * [PAUSE_US]]]
 *
 * LINE_LENGTH counts the newline. With FIFO it first opens that for reading, which lets a
 * measurement begin when the other side opens it for writing. Each write(2) is of WRITE_LENGTH
 * bytes, or 64 KiB, and followed by a pause. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_LENGTH 65536

static int
write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, length);

        if (n < 0)
            return -1;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/* One line more than a write, so that a write can begin at any byte of a line. */
static char *
make_pattern(size_t line_length, size_t write_length)
{
    char *pattern = malloc(write_length + line_length);

    if (pattern == NULL)
        return NULL;
    memset(pattern, 'x', write_length + line_length);
    for (size_t i = line_length - 1; i < write_length + line_length; i += line_length)
        pattern[i] = '\n';
    return pattern;
}

int
main(int argc, char **argv)
{
    size_t line_length = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size_t left = argc > 2 ? line_length * strtoul(argv[2], NULL, 10) : 0;
    size_t write_length = argc > 4 ? strtoul(argv[4], NULL, 10) : WRITE_LENGTH;
    useconds_t pause_us = argc > 5 ? (useconds_t)strtoul(argv[5], NULL, 10) : 0;
    size_t offset = 0;
    char *pattern;

    if (line_length == 0 || left == 0 || write_length == 0)
        return 2;
    if (argc > 3 && open(argv[3], O_RDONLY | O_CLOEXEC) < 0)
        return 3;
    pattern = make_pattern(line_length, write_length);
    if (pattern == NULL)
        return 4;
    while (left > 0) {
        size_t length = left < write_length ? left : write_length;

        if (write_all(pattern + offset, length) < 0)
            return 1;
        left -= length;
        offset = (offset + length) % line_length;
        if (pause_us > 0)
            (void)usleep(pause_us);
    }
    free(pattern);
    return 0;
}
