/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a file's watch is set through /proc/self/fd, because its name may be another
 * file's by then. A directory that is removed while something in it is held open tells nothing of
 * that itself: its parent is asked to. */

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "logging/log-reader-watch.h"

#define EVENTS_SIZE 4096

struct HfLogReaderWatch {
    int inotify_fd;
    int directory_fd;
    int directory_watch;
    int parent_watch; /* -1: none */
    char *name;
};

HfLogReaderWatch *
hf_log_reader_watch_new(const char *directory, const char *name, GError **error)
{
    g_autoptr(HfLogReaderWatch) self = g_new0(HfLogReaderWatch, 1);
    g_autofree char *parent = g_build_filename(directory, "..", NULL);

    self->name = g_strdup(name);
    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    self->directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->inotify_fd < 0)
        return hf_throw_errno(error, "inotify_init1"), NULL;
    if (self->directory_fd < 0)
        return hf_throw_errno(error, "open '%s'", directory), NULL;
    self->directory_watch = inotify_add_watch(
        self->inotify_fd, directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (self->directory_watch < 0)
        return hf_throw_errno(error, "watch '%s'", directory), NULL;
    /* May be refused, if the parent may not be read; then the directory's removal is not noticed.
     */
    self->parent_watch =
        inotify_add_watch(self->inotify_fd, parent, IN_DELETE | IN_ONLYDIR | IN_MASK_ADD);
    return g_steal_pointer(&self);
}

void
hf_log_reader_watch_free(HfLogReaderWatch *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->inotify_fd);
    hf_close_fd(&self->directory_fd);
    g_free(self->name);
    g_free(self);
}

int
hf_log_reader_watch_add(HfLogReaderWatch *self, int fd, GError **error)
{
    char path[sizeof "/proc/self/fd/" + 11];
    int watch;

    (void)g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    watch = inotify_add_watch(self->inotify_fd, path, IN_MODIFY);
    if (watch < 0)
        hf_throw_errno(error, "watch a file of '%s'", self->name);
    return watch;
}

void
hf_log_reader_watch_remove(HfLogReaderWatch *self, int watch)
{
    (void)inotify_rm_watch(self->inotify_fd, watch);
}

int
hf_log_reader_watch_get_fd(const HfLogReaderWatch *self)
{
    return self->inotify_fd;
}

static bool
concerns(const HfLogReaderWatch *self, const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0)
        return true;
    if (event->wd != self->directory_watch)
        return (event->mask & IN_MODIFY) != 0;
    if ((event->mask & (IN_CREATE | IN_MOVED_TO)) == 0)
        return false;
    return event->len > 0 && g_str_has_prefix(event->name, self->name);
}

static bool
is_directory_removed(const HfLogReaderWatch *self)
{
    struct stat status;

    return fstat(self->directory_fd, &status) == 0 && status.st_nlink == 0;
}

/* What removes the directory, or what it lies on. */
static bool
ends_directory(const HfLogReaderWatch *self, const struct inotify_event *event)
{
    if (event->wd == self->parent_watch && (event->mask & IN_DELETE) != 0)
        return is_directory_removed(self);
    return event->wd == self->directory_watch && (event->mask & IN_IGNORED) != 0;
}

HfLogReaderEvents
hf_log_reader_watch_take_events(HfLogReaderWatch *self)
{
    _Alignas(struct inotify_event) char events[EVENTS_SIZE];
    HfLogReaderEvents result = HF_LOG_READER_QUIET;
    size_t length = 0;

    if (hf_io_read(self->inotify_fd, events, sizeof events, &length, NULL) != HF_IO_DATA)
        return HF_LOG_READER_QUIET;
    for (size_t i = 0; i < length;) {
        const struct inotify_event *event =
            (const struct inotify_event *)(const void *)(events + i);

        if (ends_directory(self, event))
            return HF_LOG_READER_DIRECTORY_GONE;
        if (concerns(self, event))
            result = HF_LOG_READER_CHANGED;
        i += sizeof *event + event->len;
    }
    return result;
}
