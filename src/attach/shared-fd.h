/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A descriptor that others have as well (a shell's terminal, a pipeline's pipe), made so that using
 * it never blocks and the others do not notice. How it works: shared-fd.c. */

#pragma once

#include <glib.h>

typedef struct HfSharedFd HfSharedFd;

/* @fd is borrowed for this call only. */
HfSharedFd *hf_shared_fd_new_reader(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
HfSharedFd *hf_shared_fd_new_writer(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes it and takes back what was changed about it. */
void hf_shared_fd_free(HfSharedFd *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSharedFd, hf_shared_fd_free)

/* Borrowed. */
int hf_shared_fd_get(const HfSharedFd *self);
