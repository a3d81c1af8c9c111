/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Finds pipes by their inode numbers among the descriptors of a container's processes. */

#pragma once

#include <sys/types.h>

#include <glib.h>

/* Opens for reading (non-blocking, CLOEXEC) those of the @count pipes @inodes that process @pid (0:
 * none), or a process in the cgroup directory @cgroup (NULL: none), has open. An inode of 0 stands
 * for no pipe. @fds[i] becomes the descriptor, or -1. Looks at so many processes and descriptors
 * and no more. */
void hf_stream_finder_open(pid_t pid, const char *cgroup, const guint64 *inodes, int *fds,
                           guint count);
