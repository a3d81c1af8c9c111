/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A file that says by its lock that somebody lives: the kernel drops the lock with the holder's
 * last descriptor, however he ends. What the file contains means nothing. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef enum {
    HF_LOCK_TAKEN,
    HF_LOCK_HELD,   /* another has it */
    HF_LOCK_FAILED, /* the error says why */
} HfLockResult;

/* Locks @name below @dir_fd, made (0600) if it is missing. On HF_LOCK_TAKEN *@out_fd is the
 * descriptor (CLOEXEC) that holds the lock; a child that inherits it by fork holds it too. */
HfLockResult hf_lock_file_try_take(int dir_fd, const char *name, int *out_fd,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Looks without taking, so that a look never makes a take fail. Nobody holds a file that is not
 * there. */
gboolean hf_lock_file_is_held(int dir_fd, const char *name, bool *out_is_held,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
