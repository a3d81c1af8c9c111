/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

void
hf_close_fd(int *fd)
{
    int saved_errno = errno;

    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    errno = saved_errno;
}

int
hf_steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

gboolean
hf_fd_set_cloexec(int fd, bool on, GError **error)
{
    if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0)
        return hf_throw_errno(error, "set close-on-exec on descriptor %d", fd);
    return TRUE;
}

gboolean
hf_fd_set_nonblocking(int fd, bool on, GError **error)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return hf_throw_errno(error, "get the flags of descriptor %d", fd);
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (fcntl(fd, F_SETFL, flags) < 0)
        return hf_throw_errno(error, "set the flags of descriptor %d", fd);
    return TRUE;
}

static int
compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

GArray *
hf_fd_list_open(int lowest)
{
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
    DIR *dir = opendir("/proc/self/fd");

    if (dir == NULL)
        return fds;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char *end = NULL;
        long fd = strtol(entry->d_name, &end, 10);

        if (end == entry->d_name || *end != '\0' || fd < lowest || fd > INT_MAX || fd == dirfd(dir))
            continue;
        int value = (int)fd;
        g_array_append_val(fds, value);
    }
    closedir(dir);
    g_array_sort(fds, compare_fds);
    return fds;
}

void
hf_fd_close_between(int lowest, int end)
{
    if (lowest >= end || close_range((unsigned)lowest, (unsigned)end - 1, 0) == 0)
        return;
    for (int fd = lowest; fd < end; fd++)
        (void)close(fd);
}

void
hf_fd_close_from(int lowest)
{
    struct rlimit limit = {0};

    if (close_range((unsigned)lowest, ~0U, 0) == 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
        limit.rlim_cur = 65536;
    for (int fd = lowest; fd < (int)limit.rlim_cur; fd++)
        (void)close(fd);
}

gboolean
hf_fd_null_standard_streams(GError **error)
{
    hf_autofd null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0)
        return hf_throw_errno(error, "open '/dev/null'");
    for (int fd = 0; fd <= 2; fd++) {
        if (fd != null_fd && dup2(null_fd, fd) < 0)
            return hf_throw_errno(error, "point descriptor %d at /dev/null", fd);
    }
    /* Who started us with one of the three closed gets it opened here. */
    if (null_fd <= 2)
        return hf_fd_set_cloexec(hf_steal_fd(&null_fd), false, error);
    return TRUE;
}
