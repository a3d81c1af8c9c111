/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdbool.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-procs.h"
#include "cgroup/cgroup-read.h"
#include "cgroup/cgroup-text.h"
#include "cgroup/cgroup-tree.h"

#define CGROUPS_MAX 16384

/* The kernel's largest pid has seven digits, and a newline follows. */
#define PID_LENGTH 8

typedef struct {
    const char *path;
    GArray *pids;
    guint max;
    bool has_list; /* some cgroup had a list of processes */
} Collection;

gboolean
hf_cgroup_procs_parse(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupText rest = {text, length};
    HfCgroupText line;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    for (guint number = 1; hf_cgroup_text_next_line(&rest, &line); number++) {
        guint64 value = 0;
        guint32 pid;

        if (!hf_cgroup_text_to_number(line, &value) || value > G_MAXINT32)
            return hf_cgroup_text_throw_line(error, number, "process");
        pid = (guint32)value;
        if (pid != 0)
            g_array_append_val((GArray *)out, pid);
    }
    return TRUE;
}

/* A cgroup that went away has no processes. A threaded one names none: its domain, which is above
 * it, names them. */
static gboolean
collect(int dir_fd, gpointer user_data, GError **error)
{
    Collection *self = user_data;
    size_t limit = ((size_t)self->max + 1) * PID_LENGTH;
    size_t length = 0;
    g_autoptr(GError) local_error = NULL;
    g_autofree char *text =
        hf_cgroup_read_text_at(dir_fd, self->path, "cgroup.procs", limit, &length, &local_error);

    if (text == NULL && local_error != NULL) {
        if (g_error_matches(local_error, HF_ERROR, HF_ERROR_NOT_FOUND))
            return TRUE;
        return g_propagate_error(error, g_steal_pointer(&local_error)), FALSE;
    }
    if (text == NULL)
        return TRUE;
    self->has_list = true;
    if (!hf_cgroup_procs_parse(text, length, self->pids, error))
        return g_prefix_error(error, "'cgroup.procs' in '%s': ", self->path), FALSE;
    if (self->pids->len > self->max)
        return hf_throw(error, HF_ERROR_LIMIT, "cgroup '%s' has more than %u processes", self->path,
                        self->max);
    return TRUE;
}

static int
compare_pids(gconstpointer a, gconstpointer b)
{
    guint32 first = *(const guint32 *)a;
    guint32 second = *(const guint32 *)b;

    return (first > second) - (first < second);
}

/* A process that moved while it was looked for may be there twice. */
static void
sort_and_unite(GArray *pids)
{
    guint kept = 0;

    g_array_sort(pids, compare_pids);
    for (guint i = 0; i < pids->len; i++) {
        guint32 pid = g_array_index(pids, guint32, i);

        if (kept == 0 || g_array_index(pids, guint32, kept - 1) != pid)
            g_array_index(pids, guint32, kept++) = pid;
    }
    g_array_set_size(pids, kept);
}

/* Every hierarchy has all processes. That of the devices is the one a runtime puts a container
 * into even when no limit is asked for. */
static const char *
choose_directory(const HfCgroupDirs *dirs)
{
    HfCgroupVersion version;
    const char *path = hf_cgroup_dirs_find(dirs, HF_CGROUP_DEVICES, &version);

    for (guint i = 0; path == NULL && i < HF_CGROUP_N_CONTROLLERS; i++)
        path = dirs->v1[i];
    return path;
}

GArray *
hf_cgroup_procs_read(const HfCgroupDirs *dirs, guint max, GError **error)
{
    const char *path = choose_directory(dirs);
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(guint32));
    Collection collection = {path, pids, max, false};
    g_autoptr(HfCgroupDir) dir = NULL;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    dir = hf_cgroup_dir_open(path, error);
    if (dir == NULL ||
        !hf_cgroup_tree_walk(hf_cgroup_dir_get_fd(dir), CGROUPS_MAX, collect, &collection, error))
        return NULL;
    if (!hf_cgroup_dir_check_exists(dir, error))
        return NULL;
    if (!collection.has_list)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "cgroup '%s' is threaded", path), NULL;
    sort_and_unite(pids);
    return g_steal_pointer(&pids);
}
