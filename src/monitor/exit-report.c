/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "monitor/exit-report.h"

/* Writes DIR/NAME and keeps the first of several errors. */
static void
write_one(const char *dir, const char *name, const char *text, GError **first_error)
{
    g_autofree char *path = NULL;

    if (dir == NULL)
        return;
    path = g_build_filename(dir, name, NULL);
    (void)!hf_atomic_file_write_at(AT_FDCWD, path, text, strlen(text), 0644,
                                   *first_error == NULL ? first_error : NULL);
}

static gboolean
finish(GError *first_error, GError **error)
{
    if (first_error == NULL)
        return TRUE;
    g_propagate_error(error, first_error);
    return FALSE;
}

gboolean
hf_exit_report_write(const HfExitPlaces *places, int status, GError **error)
{
    GError *first_error = NULL;
    char text[16];

    (void)g_snprintf(text, sizeof text, "%d", status);
    write_one(places->persist_dir, "exit", text, &first_error);
    write_one(places->exit_dir, places->container_id, text, &first_error);
    return finish(first_error, error);
}

gboolean
hf_exit_report_oom(const HfExitPlaces *places, GError **error)
{
    GError *first_error = NULL;

    write_one(places->persist_dir, "oom", "", &first_error);
    write_one(places->bundle, "oom", "", &first_error);
    return finish(first_error, error);
}
