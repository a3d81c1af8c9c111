/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A change of a container, from taking its lock to letting go of it. */

#pragma once

#include "library/container-lock.h"
#include "library/container-private.h"

typedef struct {
    int dir_fd; /* ROOT/ID */
    int lock_fd;
} HfContainerChange;

/* Opens the container's directory and takes its lock. HF_ERROR_NOT_FOUND if another deleted the
 * container before the lock could be had. *@out_change is to be ended. */
gboolean hf_container_change_begin(HfContainer *container, HfContainerLockKind kind,
                                   GCancellable *cancellable, HfContainerChange *out_change,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

void hf_container_change_end(HfContainerChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfContainerChange, hf_container_change_end)

/* {-1, -1}: nothing was begun. */
#define HF_CONTAINER_CHANGE_NONE \
    {                            \
        -1, -1                   \
    }

/* Leaves an empty file, by which HfEvents sees that something was done. What was done stays done
 * where this fails. */
void hf_container_leave_mark(int dir_fd, const char *name);

/* "container 'ID': " before the message. Always FALSE. */
gboolean hf_container_prefix_error(HfContainer *container, GError **error);
