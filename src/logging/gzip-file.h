/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Compresses one file into another. It blocks: for a child process of its own. */

#pragma once

#include <stdbool.h>

/* Whether this build has zlib. */
bool hf_gzip_file_is_supported(void);

/* Reads @in_fd to its end and writes it, as a gzip file with the same
 * time, to @out_fd. Calls nothing that is not
 * async-signal-safe but zlib, which gets its memory from mmap(2). False with errno set. */
bool hf_gzip_file_copy(int in_fd, int out_fd);
