/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "logging/log-rotation.h"

char *
hf_log_rotation_get_name(const char *path, guint number, bool is_compressed)
{
    return g_strdup_printf("%s.%u%s", path, number, is_compressed ? ".gz" : "");
}

/* PATH itself for 0. (transfer full) */
static char *
get_name(const char *path, guint number)
{
    return number == 0 ? g_strdup(path) : hf_log_rotation_get_name(path, number, false);
}

static bool
exists(const char *path, guint number, bool is_compressed)
{
    g_autofree char *name = hf_log_rotation_get_name(path, number, is_compressed);

    return faccessat(AT_FDCWD, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The lowest number from 1 on that is free, or @files_max: the one that is overwritten. A search
 * upwards, so that a limit of a million files costs nothing while there are three. */
static guint
find_free(const char *path, guint files_max)
{
    guint number = 1;

    while (number < files_max && (exists(path, number, false) || exists(path, number, true)))
        number++;
    return number;
}

/* A compressed file moves beside the plain names. What is replaced may be there in either form. */
static void
shift_compressed(const char *path, guint number, bool replaces)
{
    g_autofree char *from = hf_log_rotation_get_name(path, number - 1, true);
    g_autofree char *to = hf_log_rotation_get_name(path, number, true);

    if (number > 1 && renameat(AT_FDCWD, from, AT_FDCWD, to) == 0)
        return;
    if (replaces)
        (void)unlinkat(AT_FDCWD, to, 0);
}

gboolean
hf_log_rotation_shift(const char *path, guint files_max, GError **error)
{
    g_return_val_if_fail(files_max >= 1, FALSE);

    for (guint number = find_free(path, files_max); number >= 1; number--) {
        bool replaces = number == files_max;
        g_autofree char *from = get_name(path, number - 1);
        g_autofree char *to = get_name(path, number);

        if (renameat(AT_FDCWD, from, AT_FDCWD, to) < 0) {
            /* It is compressed, or somebody who removes old files was faster. */
            if (errno != ENOENT)
                return hf_throw_errno(error, "rename '%s' to '%s'", from, to);
            if (replaces && number > 1)
                (void)unlinkat(AT_FDCWD, to, 0);
        }
        shift_compressed(path, number, replaces);
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
