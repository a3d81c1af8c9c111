/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* File descriptors: ownership and flags. */

#pragma once

#include <stdbool.h>

#include <glib.h>

/* Closes *@fd if it is one, keeps errno, and sets it to -1. */
void hf_close_fd(int *fd);

/* Gives *@fd away and leaves -1 behind. */
int hf_steal_fd(int *fd);

/* A local that closes its descriptor when it goes out of scope. */
#define hf_autofd __attribute__((cleanup(hf_close_fd))) int

gboolean hf_fd_set_cloexec(int fd, bool on, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_fd_set_nonblocking(int fd, bool on, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The descriptors open in this process that are @lowest or higher, ascending. (transfer full) */
GArray *hf_fd_list_open(int lowest);

/* Closes every descriptor that is @lowest or higher. Async-signal-safe where the kernel has
 * close_range() (Linux 5.9); else it closes up to the limit of open files. */
void hf_fd_close_from(int lowest);

/* The same of those below @end. */
void hf_fd_close_between(int lowest, int end);

/* Points descriptors 0, 1 and 2 at /dev/null, also those that are closed. */
gboolean hf_fd_null_standard_streams(GError **error) G_GNUC_WARN_UNUSED_RESULT;
