/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "shim/shim-find.h"

#define MONITOR "holdfast-monitor"

char *
hf_shim_find_runtime(const char *name, GError **error)
{
    g_autofree char *path = NULL;

    if (strchr(name, '/') != NULL)
        return g_canonicalize_filename(name, NULL);
    path = g_find_program_in_path(name);
    /* Docker looks for this phrase. */
    if (path == NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND,
                        "OCI runtime \"%s\": executable file not found in $PATH", name),
               NULL;
    return g_canonicalize_filename(path, NULL);
}

static char *
find_beside_this_program(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *dir = self != NULL ? g_path_get_dirname(self) : NULL;

    return dir != NULL ? g_build_filename(dir, MONITOR, NULL) : NULL;
}

char *
hf_shim_find_monitor(GError **error)
{
    const char *named = g_getenv("HOLDFAST_MONITOR");
    g_autofree char *beside = NULL;
    char *path;

    if (named != NULL && *named != '\0')
        return g_canonicalize_filename(named, NULL);
    beside = find_beside_this_program();
    if (beside != NULL && access(beside, X_OK) == 0)
        return g_steal_pointer(&beside);
    if (access(HF_BINDIR "/" MONITOR, X_OK) == 0)
        return g_strdup(HF_BINDIR "/" MONITOR);
    path = g_find_program_in_path(MONITOR);
    if (path == NULL)
        hf_throw(error, HF_ERROR_NOT_FOUND, MONITOR " is neither in '%s' nor in $PATH", HF_BINDIR);
    return path;
}
