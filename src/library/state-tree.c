/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/state-dir.h"

/* Far more than a state directory has; it bounds the descriptors that are open at once. */
#define DEPTH_MAX 32

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
hf_state_list_names(int dir_fd, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    /* A description of its own: the position in @dir_fd is shared with its copies. */
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (dir == NULL) {
        hf_throw_errno(error, "open the directory");
        hf_close_fd(&fd);
        return NULL;
    }
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    bool is_whole = errno == 0 || hf_throw_errno(error, "read the directory");
    (void)closedir(dir);
    g_ptr_array_sort(names, compare_names);
    return is_whole ? g_steal_pointer(&names) : NULL;
}

/* A directory on the same mount as @dir_fd; errno is EXDEV for another's. Before Linux 5.6 a bind
 * mount of the same file system is not told apart; what it is mounted on cannot be removed. */
static int
open_on_same_mount(int dir_fd, const char *name)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    int fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
    struct stat parent;
    struct stat child;

    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    fd = openat(dir_fd, name, (int)how.flags);
    if (fd >= 0 &&
        (fstat(dir_fd, &parent) < 0 || fstat(fd, &child) < 0 || parent.st_dev != child.st_dev)) {
        hf_close_fd(&fd);
        errno = EXDEV;
    }
    return fd;
}

static gboolean remove_entry(int dir_fd, const char *name, guint depth, GError **error);

static gboolean
remove_contents(int dir_fd, guint depth, GError **error)
{
    g_autoptr(GPtrArray) names = NULL;

    if (depth == DEPTH_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "more than %d directories deep", DEPTH_MAX);
    names = hf_state_list_names(dir_fd, error);
    for (guint i = 0; names != NULL && i < names->len; i++) {
        if (!remove_entry(dir_fd, g_ptr_array_index(names, i), depth, error))
            return FALSE;
    }
    return names != NULL;
}

static gboolean
remove_dir(int dir_fd, const char *name, guint depth, GError **error)
{
    hf_autofd fd = open_on_same_mount(dir_fd, name);

    if (fd < 0 && errno == ENOENT)
        return TRUE;
    if (fd < 0 && errno == EXDEV)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "something is mounted there");
    if (fd < 0)
        return hf_throw_errno(error, "open");
    if (!remove_contents(fd, depth + 1, error))
        return FALSE;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return hf_throw_errno(error, "remove");
    return TRUE;
}

static gboolean
remove_entry(int dir_fd, const char *name, guint depth, GError **error)
{
    gboolean is_removed;

    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return TRUE;
    is_removed =
        errno == EISDIR ? remove_dir(dir_fd, name, depth, error) : hf_throw_errno(error, "remove");
    if (!is_removed)
        g_prefix_error(error, "'%s': ", name);
    return is_removed;
}

gboolean
hf_state_remove_tree(int dir_fd, const char *name, GError **error)
{
    return remove_entry(dir_fd, name, 0, error);
}
