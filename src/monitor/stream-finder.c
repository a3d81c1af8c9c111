/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/io.h"
#include "cgroup/cgroup-procs.h"
#include "monitor/stream-finder.h"

/* How this works.
 *
 * /proc/PID/fd/N of a pipe is a link that reads "pipe:[INODE]", and opening it opens that pipe. The
 * container's first process mostly has what it was started with. If it has not (a process that put
 * other descriptors in their place, or has ended), others of the container may: those of its cgroup
 * are asked, up to PROCESSES_MAX of them with DESCRIPTORS_MAX each.
 *
 * Between the reading of the link and the opening, the process may have put something else there.
 * So what was opened is compared again, and it is opened in a way that neither waits nor takes a
 * terminal. */

#define PROCESSES_MAX 512
#define DESCRIPTORS_MAX 1024
#define CGROUP_PROCS_MAX (256 * 1024)

typedef struct {
    const guint64 *inodes;
    int *fds;
    guint count;
} Search;

static bool
is_over(const Search *search)
{
    for (guint i = 0; i < search->count; i++) {
        if (search->inodes[i] != 0 && search->fds[i] < 0)
            return false;
    }
    return true;
}

static int
open_pipe(int dir_fd, const char *name, guint64 inode)
{
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode) || status.st_ino != inode)
        return -1;
    return hf_steal_fd(&fd);
}

static void
look_at_descriptor(Search *search, int dir_fd, const char *name)
{
    char target[64];
    ssize_t length = readlinkat(dir_fd, name, target, sizeof target - 1);
    unsigned long long inode = 0;

    if (length <= 0)
        return;
    target[length] = '\0';
    if (sscanf(target, "pipe:[%llu]", &inode) != 1)
        return;
    for (guint i = 0; i < search->count; i++) {
        if (search->inodes[i] == inode && inode != 0 && search->fds[i] < 0)
            search->fds[i] = open_pipe(dir_fd, name, inode);
    }
}

static void
look_at_process(Search *search, pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    guint looked_at = 0;

    if (dir == NULL)
        return;
    for (const struct dirent *entry = readdir(dir);
         entry != NULL && looked_at < DESCRIPTORS_MAX && !is_over(search); entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        looked_at++;
        look_at_descriptor(search, dirfd(dir), entry->d_name);
    }
    (void)closedir(dir);
}

static void
look_at_cgroup(Search *search, const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "cgroup.procs", NULL);
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(guint32));
    size_t length = 0;
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, CGROUP_PROCS_MAX, &length, NULL);

    if (text == NULL || !hf_cgroup_procs_parse(text, length, pids, NULL))
        return;
    for (guint i = 0; i < MIN(pids->len, PROCESSES_MAX) && !is_over(search); i++)
        look_at_process(search, (pid_t)g_array_index(pids, guint32, i));
}

void
hf_stream_finder_open(pid_t pid, const char *cgroup, const guint64 *inodes, int *fds, guint count)
{
    Search search = {.inodes = inodes, .fds = fds, .count = count};

    for (guint i = 0; i < count; i++)
        fds[i] = -1;
    if (pid > 0)
        look_at_process(&search, pid);
    if (cgroup != NULL && !is_over(&search))
        look_at_cgroup(&search, cgroup);
}
