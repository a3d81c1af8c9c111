/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Who may change a container: one who starts, deletes, checkpoints, pauses or updates it alone, or
 * several who make exec processes at once. An OFD lock on ROOT/ID/lock, which ends with its holder
 * however that ends. */

#pragma once

#include <gio/gio.h>

typedef enum {
    HF_CONTAINER_LOCK_SHARED,
    HF_CONTAINER_LOCK_EXCLUSIVE,
} HfContainerLockKind;

/* A descriptor whose closing ends the lock, or -1. Waits for other holders up to @timeout_ms, then
 * HF_ERROR_BUSY names the container and the holder's pid. HF_ERROR_NOT_FOUND if the container was
 * deleted meanwhile. @dir_fd is the container's directory. */
int hf_container_lock_take(int dir_fd, const char *container_id, HfContainerLockKind kind,
                           guint timeout_ms, GCancellable *cancellable,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How long callers wait, unless they have a reason of their own. */
#define HF_CONTAINER_LOCK_TIMEOUT_MS 20000
