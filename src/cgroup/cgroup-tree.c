/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A queue of paths relative to the top, so that neither the stack nor the number of descriptors
 * grows with the depth, which is the container's to choose. A directory of cgroupfs has two links
 * and one more for each child: most have none, and are then not listed at all. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "cgroup/cgroup-tree.h"

typedef struct {
    int top_fd; /* borrowed */
    guint max;
    GPtrArray *paths; /* relative to the top; "." is the top */
} Walk;

static bool
has_vanished(int errnum)
{
    return errnum == ENOENT || errnum == ENODEV || errnum == ENOTDIR;
}

/* Takes @name if it is a directory or may be one. */
static gboolean
add_child(Walk *walk, const char *parent, const struct dirent *entry, GError **error)
{
    bool is_dir = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;

    if (!is_dir || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return TRUE;
    if (walk->paths->len >= walk->max)
        return hf_throw(error, HF_ERROR_LIMIT, "more than %u cgroups", walk->max);
    g_ptr_array_add(walk->paths, strcmp(parent, ".") == 0
                                     ? g_strdup(entry->d_name)
                                     : g_strconcat(parent, "/", entry->d_name, NULL));
    return TRUE;
}

static gboolean
add_children(Walk *walk, const char *path, int dir_fd, GError **error)
{
    struct stat status;
    int list_fd;
    DIR *list;
    gboolean is_ok = TRUE;

    if (fstat(dir_fd, &status) < 0 || status.st_nlink == 2)
        return TRUE;
    list_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list_fd < 0)
        return has_vanished(errno) || hf_throw_errno(error, "list cgroup '%s'", path);
    list = fdopendir(list_fd);
    if (list == NULL)
        return hf_close_fd(&list_fd), hf_throw_errno(error, "list cgroup '%s'", path);
    for (struct dirent *entry = readdir(list); is_ok && entry != NULL; entry = readdir(list))
        is_ok = add_child(walk, path, entry, error);
    (void)closedir(list);
    return is_ok;
}

static gboolean
visit_path(Walk *walk, const char *path, HfCgroupVisitFunc visit, gpointer user_data,
           GError **error)
{
    hf_autofd dir_fd = openat(walk->top_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir_fd < 0 && errno == ENAMETOOLONG)
        return hf_throw(error, HF_ERROR_LIMIT, "cgroups are nested too deep");
    if (dir_fd < 0)
        return has_vanished(errno) || hf_throw_errno(error, "open cgroup '%s'", path);
    return visit(dir_fd, user_data, error) && add_children(walk, path, dir_fd, error);
}

gboolean
hf_cgroup_tree_walk(int top_fd, guint max, HfCgroupVisitFunc visit, gpointer user_data,
                    GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    Walk walk = {top_fd, max, paths};

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    g_ptr_array_add(paths, g_strdup("."));
    for (guint i = 0; i < paths->len; i++)
        if (!visit_path(&walk, g_ptr_array_index(paths, i), visit, user_data, error))
            return FALSE;
    return TRUE;
}
