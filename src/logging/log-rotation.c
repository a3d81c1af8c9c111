/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "logging/log-rotation.h"

/* PATH itself for 0. (transfer full) */
static char *
get_name(const char *path, guint number)
{
    return number == 0 ? g_strdup(path) : g_strdup_printf("%s.%u", path, number);
}

/* The lowest number from 1 on that is free, or @files_max: the one that is overwritten. A search
 * upwards, so that a limit of a million files costs nothing while there are three. */
static guint
find_free(const char *path, guint files_max)
{
    guint number = 1;

    for (; number < files_max; number++) {
        g_autofree char *name = get_name(path, number);

        if (faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            break;
    }
    return number;
}

gboolean
hf_log_rotation_shift(const char *path, guint files_max, GError **error)
{
    g_return_val_if_fail(files_max >= 1, FALSE);

    for (guint number = find_free(path, files_max); number >= 1; number--) {
        g_autofree char *from = get_name(path, number - 1);
        g_autofree char *to = get_name(path, number);

        /* Somebody who removes old files may have been faster. */
        if (renameat(AT_FDCWD, from, AT_FDCWD, to) < 0 && errno != ENOENT)
            return hf_throw_errno(error, "rename '%s' to '%s'", from, to);
    }
    return TRUE;
}

gboolean
hf_log_rotation_undo(const char *path, GError **error)
{
    g_autofree char *newest = get_name(path, 1);

    if (renameat2(AT_FDCWD, newest, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
        return hf_throw_errno(error, "rename '%s' to '%s'", newest, path);
    return TRUE;
}
