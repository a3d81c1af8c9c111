/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* State directories as somebody else may have left them: every step is from a descriptor, no
 * symbolic link is followed below the root, what is not ours or open to others is refused, and
 * reading a file has a bound and never blocks on a FIFO. */

#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include <glib.h>

#define HF_STATE_FILE_MAX (4 * 1024 * 1024)

/* In the root, what is being made: its name is followed by the id. Names that begin with a dot are
 * no containers. */
#define HF_STATE_NEW_PREFIX ".new-"

/* Whether @id may name a container or process; HF_ERROR_INVALID_ARGUMENT says why not (@what:
 * "container", "process"), with bytes that are no text escaped. */
gboolean hf_state_check_id(const char *what, const char *id,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The root's descriptor, or -1: as for hf_state_open_dir(). Its parents may be links, it may not
 * be.
 * @create: it is made if missing, with its parents, mode 0700. */
int hf_state_open_root(const char *root, bool create, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A directory below @dir_fd. -1: HF_ERROR_NOT_FOUND if it is missing, HF_ERROR_INVALID_STATE if it
 * is no directory, somebody else's (neither this user's nor root's), or writable for others. @path
 * is for messages. */
int hf_state_open_dir(int dir_fd, const char *name, const char *path,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The whole of a regular file of at most HF_STATE_FILE_MAX bytes, with a NUL behind it. NULL:
 * HF_ERROR_NOT_FOUND if it is missing, HF_ERROR_INVALID_STATE if it is somebody else's (neither
 * this user's nor root's) or everybody may write to it. (transfer full) */
char *hf_state_read_file(int dir_fd, const char *name, gsize *out_length,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same, opened for reading: its descriptor and status, or -1. */
int hf_state_open_file(int dir_fd, const char *name, struct stat *out_status,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A file that holds one decimal number and perhaps a newline. HF_ERROR_NOT_FOUND if it is missing
 * or empty, HF_ERROR_PROTOCOL for anything else. */
gboolean hf_state_read_number(int dir_fd, const char *name, guint64 *out_number,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is in a directory, by name, without "." and "..". (transfer full) */
GPtrArray *hf_state_list_names(int dir_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes a tree below @dir_fd; never leaves it, never follows a link, never crosses a mount. That
 * it is gone is no error. */
gboolean hf_state_remove_tree(int dir_fd, const char *name, GError **error);
