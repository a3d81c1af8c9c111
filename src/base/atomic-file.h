/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Files that are there whole or not at all. */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* Writes @length bytes to @name below @dir_fd (AT_FDCWD for a path) so that a reader sees the old
 * file or the new one, also if this program is killed. It does not wait for the disk: what is
 * written so (a pid, the end of a container) means nothing after a crash of the machine. The data
 * lives in an unnamed file until it is linked, so that a watcher of the directory sees one event
 * for @name and no temporary name; only where
 * @name exists already, or the file system has no O_TMPFILE, a name ".NAME.XXXXXX" exists for a
 * moment. On failure nothing is left behind. */
gboolean hf_atomic_file_write_at(int dir_fd, const char *name, const void *data, size_t length,
                                 mode_t mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same, and waits until the file and its name are on disk. If only the last step of that fails,
 * syncing the directory, the file is there in spite of the error. */
gboolean hf_atomic_file_write_durable_at(int dir_fd, const char *name, const void *data,
                                         size_t length, mode_t mode,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether @entry of a directory is what a program left there that was killed while it wrote @name.
 */
bool hf_atomic_file_is_unfinished(const char *entry, const char *name);
