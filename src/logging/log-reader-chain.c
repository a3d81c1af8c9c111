/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: files are told apart by device and inode, which cannot be used again as long as
 * we hold the file open. Names only say where a file stands among the others at this moment.
 *
 * Rotation goes from the oldest file to the newest (logging/log-rotation.h, and whatever else
 * rotates by numbers), each step one rename, so that a file's number only grows. Three things
 * follow:
 *
 *      A search for a file's number goes upwards from the last one known: the file may run away
 *      from the search, but not past it.
 *
 *      At any moment there is at most one free number among the files, where a rename has been and
 *      the next has not. Neighbours are neighbours also across it.
 *
 *      The successor of a file at K is opened first, by the name K - 1 or the next lower one that
 *      exists; then the numbers from there up to K are looked at again, upwards. If those between
 *      are still free and our file is still at K, nothing can have moved in between, and what was
 *      opened is the successor. Else it is closed and the search starts over.
 *
 * A file that is at no number was removed, or given a name of another kind (kubelet appends the
 * time). Then the file before it, if that is held, tells where to go on. Failing this too, the log
 * goes on with the oldest rotated file that was written to after ours, else with PATH. A reader
 * that finds rotated files there was so far behind that files may have come and gone unseen: a gap.
 *
 * Nothing is missed between two looks: the directory and each file are watched before they are
 * looked at, so a change after that is an event. The watch of a file is set through
 * /proc/self/fd, because its name may be another file's by then. A directory that is removed while
 * something in it is held open tells nothing of that itself: its parent is asked to. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "logging/log-reader-chain.h"

#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OPEN_FILES_MAX 16
/* Free numbers in a row that end a search upwards. */
#define FREE_NUMBERS_MAX 8
#define TRIES_MAX 8
#define EVENTS_SIZE 4096

struct HfLogReaderChain {
    int directory_fd;
    int inotify_fd;      /* -1: not watching */
    int directory_watch; /* of inotify_fd */
    int parent_watch;    /* -1: none */
    char *name;          /* of PATH in its directory */
    GPtrArray *files;    /* (element-type HfLogReaderFile), the oldest first */
};

static HfLogReaderFile *
get_file(const HfLogReaderChain *self, guint index)
{
    return g_ptr_array_index(self->files, index);
}

static char *
dup_name(const HfLogReaderChain *self, guint number)
{
    return number == 0 ? g_strdup(self->name) : g_strdup_printf("%s.%u", self->name, number);
}

/* What is no regular file counts as absent. */
static bool
stat_number(const HfLogReaderChain *self, guint number, struct stat *out_status)
{
    g_autofree char *name = dup_name(self, number);

    return fstatat(self->directory_fd, name, out_status, 0) == 0 && S_ISREG(out_status->st_mode);
}

static bool
is_file(const HfLogReaderFile *file, const struct stat *status)
{
    return file->device == status->st_dev && file->inode == status->st_ino;
}

static bool
is_at(const HfLogReaderChain *self, const HfLogReaderFile *file, guint number)
{
    struct stat status;

    return stat_number(self, number, &status) && is_file(file, &status);
}

static void
file_free(HfLogReaderChain *self, HfLogReaderFile *file)
{
    if (file == NULL)
        return;
    if (file->watch >= 0)
        (void)inotify_rm_watch(self->inotify_fd, file->watch);
    hf_close_fd(&file->fd);
    g_free(file);
}

static HfLogReaderFind
open_number(HfLogReaderChain *self, guint number, HfLogReaderFile **out_file, GError **error)
{
    g_autofree char *name = dup_name(self, number);
    hf_autofd fd = openat(self->directory_fd, name, OPEN_FLAGS);
    struct stat status;

    if (fd < 0 && errno == ENOENT)
        return HF_LOG_READER_NONE;
    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", name), HF_LOG_READER_FAILED;
    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "stat '%s'", name), HF_LOG_READER_FAILED;
    if (!S_ISREG(status.st_mode))
        return HF_LOG_READER_NONE;

    *out_file = g_new0(HfLogReaderFile, 1);
    (*out_file)->device = status.st_dev;
    (*out_file)->inode = status.st_ino;
    (*out_file)->number = number;
    (*out_file)->watch = -1;
    (*out_file)->fd = hf_steal_fd(&fd);
    return HF_LOG_READER_FOUND;
}

/* Watches the file and makes it part of the chain, which owns it then whatever happens. */
static HfLogReaderFind
take_file(HfLogReaderChain *self, HfLogReaderFile *file, guint index, GError **error)
{
    char path[sizeof "/proc/self/fd/" + 11];

    g_ptr_array_insert(self->files, (gint)index, file);
    if (self->inotify_fd < 0)
        return HF_LOG_READER_FOUND;
    (void)g_snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    file->watch = inotify_add_watch(self->inotify_fd, path, IN_MODIFY);
    if (file->watch < 0)
        return hf_throw_errno(error, "watch a file of '%s'", self->name), HF_LOG_READER_FAILED;
    return HF_LOG_READER_FOUND;
}

static bool
search_upwards(HfLogReaderChain *self, HfLogReaderFile *file, guint from)
{
    guint free_numbers = 0;

    for (guint number = from; free_numbers < FREE_NUMBERS_MAX; number++) {
        struct stat status;

        if (!stat_number(self, number, &status)) {
            free_numbers++;
            continue;
        }
        free_numbers = 0;
        if (is_file(file, &status)) {
            file->number = number;
            return true;
        }
    }
    return false;
}

/* Brings the number of the file up to date; false: it is at none. */
static bool
locate(HfLogReaderChain *self, HfLogReaderFile *file)
{
    struct stat status;

    if (fstat(file->fd, &status) < 0 || status.st_nlink == 0)
        return false;
    /* From 0 once more: a rotation that was taken back makes numbers smaller. */
    return search_upwards(self, file, file->number) || search_upwards(self, file, 0);
}

/* The numbers from the first file to the second, both of which are where they were, are free. */
static bool
are_neighbours(HfLogReaderChain *self, const HfLogReaderFile *newer, const HfLogReaderFile *older)
{
    struct stat status;

    /* The same file, if a rotation was taken back. */
    if (newer->device == older->device && newer->inode == older->inode)
        return false;
    for (guint number = newer->number + 1; number < older->number; number++) {
        if (stat_number(self, number, &status))
            return false;
    }
    return is_at(self, older, older->number);
}

/* The next file below the number of @base. */
static HfLogReaderFind
open_below(HfLogReaderChain *self, const HfLogReaderFile *base, HfLogReaderFile **out_file,
           GError **error)
{
    HfLogReaderFind result = HF_LOG_READER_NONE;

    for (guint number = base->number; number > 0 && result == HF_LOG_READER_NONE; number--)
        result = open_number(self, number - 1, out_file, error);
    return result;
}

static HfLogReaderFind
open_above(HfLogReaderChain *self, const HfLogReaderFile *base, HfLogReaderFile **out_file,
           GError **error)
{
    HfLogReaderFind result = open_number(self, base->number + 1, out_file, error);

    return result == HF_LOG_READER_NONE ? open_number(self, base->number + 2, out_file, error)
                                        : result;
}

/* The file after @base. *@out_is_lost: @base is at no number. */
static HfLogReaderFind
open_successor(HfLogReaderChain *self, HfLogReaderFile *base, HfLogReaderFile **out_file,
               bool *out_is_lost, GError **error)
{
    for (guint i = 0; i < TRIES_MAX; i++) {
        HfLogReaderFind result;

        *out_is_lost = !locate(self, base);
        if (*out_is_lost)
            return HF_LOG_READER_NONE;
        result = open_below(self, base, out_file, error);
        if (result != HF_LOG_READER_FOUND || are_neighbours(self, *out_file, base))
            return result;
        file_free(self, g_steal_pointer(out_file));
    }
    return HF_LOG_READER_AGAIN;
}

static HfLogReaderFind
open_predecessor(HfLogReaderChain *self, HfLogReaderFile *base, HfLogReaderFile **out_file,
                 GError **error)
{
    for (guint i = 0; i < TRIES_MAX; i++) {
        HfLogReaderFind result;

        if (!locate(self, base))
            return HF_LOG_READER_NONE;
        result = open_above(self, base, out_file, error);
        if (result == HF_LOG_READER_FAILED)
            return result;
        /* Also for NONE: it holds only if our file has not moved meanwhile. */
        if (is_at(self, base, base->number))
            return result;
        file_free(self, g_steal_pointer(out_file));
    }
    return HF_LOG_READER_AGAIN;
}

static bool
was_written_after(const struct stat *a, const struct stat *b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* Where the log goes on after @lost, which is at no number. PATH is always after it: it is what the
 * writer has now. */
static HfLogReaderFind
open_after_lost(HfLogReaderChain *self, const HfLogReaderFile *lost, HfLogReaderFile **out_file,
                GError **error)
{
    struct stat lost_status;
    struct stat status;
    struct stat found_status = {0};
    HfLogReaderFind result;
    guint found = 0;

    if (fstat(lost->fd, &lost_status) < 0)
        return hf_throw_errno(error, "stat a file of '%s'", self->name), HF_LOG_READER_FAILED;
    (void)stat_number(self, 0, &found_status);
    for (guint number = 1; number - found <= 2; number++) {
        if (!stat_number(self, number, &status))
            continue;
        if (!was_written_after(&status, &lost_status))
            break;
        found = number;
        found_status = status;
    }
    result = open_number(self, found, out_file, error);
    if (result == HF_LOG_READER_FOUND && !is_file(*out_file, &found_status)) {
        file_free(self, g_steal_pointer(out_file));
        result = HF_LOG_READER_AGAIN;
    }
    return result;
}

HfLogReaderFind
hf_log_reader_chain_open_first(HfLogReaderChain *self, GError **error)
{
    HfLogReaderFind result = HF_LOG_READER_NONE;
    HfLogReaderFile *file = NULL;

    g_return_val_if_fail(self->files->len == 0, HF_LOG_READER_NONE);
    for (guint number = 0; number <= 1 && result == HF_LOG_READER_NONE; number++)
        result = open_number(self, number, &file, error);
    return result == HF_LOG_READER_FOUND ? take_file(self, file, 0, error) : result;
}

static void
drop(HfLogReaderChain *self, guint index)
{
    file_free(self, g_ptr_array_steal_index(self->files, index));
}

HfLogReaderFind
hf_log_reader_chain_add_older(HfLogReaderChain *self, GError **error)
{
    HfLogReaderFile *file = NULL;
    HfLogReaderFind result = open_predecessor(self, get_file(self, 0), &file, error);

    if (result != HF_LOG_READER_FOUND)
        return result;
    if (self->files->len == OPEN_FILES_MAX)
        drop(self, self->files->len - 1);
    return take_file(self, file, 0, error);
}

HfLogReaderFind
hf_log_reader_chain_add_newer(HfLogReaderChain *self, bool *out_is_gap, GError **error)
{
    HfLogReaderFile *file = NULL;
    HfLogReaderFile *newest = get_file(self, self->files->len - 1);
    bool is_lost = false;
    HfLogReaderFind result;

    *out_is_gap = false;
    if (self->files->len == OPEN_FILES_MAX)
        return HF_LOG_READER_NONE;
    result = open_successor(self, newest, &file, &is_lost, error);
    if (is_lost && self->files->len > 1) {
        HfLogReaderFile *before = get_file(self, self->files->len - 2);

        result = open_successor(self, before, &file, &is_lost, error);
    }
    if (is_lost) {
        result = open_after_lost(self, newest, &file, error);
        *out_is_gap = result == HF_LOG_READER_FOUND && file->number > 0;
    }
    return result == HF_LOG_READER_FOUND ? take_file(self, file, self->files->len, error) : result;
}

const HfLogReaderFile *
hf_log_reader_chain_get_oldest(const HfLogReaderChain *self)
{
    return self->files->len > 0 ? get_file(self, 0) : NULL;
}

bool
hf_log_reader_chain_has_newer_bytes(const HfLogReaderChain *self)
{
    for (guint i = 1; i < self->files->len; i++) {
        struct stat status;

        if (fstat(get_file(self, i)->fd, &status) == 0 && status.st_size > 0)
            return true;
    }
    return false;
}

char *
hf_log_reader_chain_dup_compressed(const HfLogReaderChain *self)
{
    g_autofree char *name = NULL;

    if (self->files->len == 0)
        return NULL;
    name = g_strdup_printf("%s.%u.gz", self->name, get_file(self, 0)->number + 1);
    if (faccessat(self->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return NULL;
    return g_steal_pointer(&name);
}

void
hf_log_reader_chain_drop_oldest(HfLogReaderChain *self)
{
    drop(self, 0);
}

static bool
concerns(const HfLogReaderChain *self, const struct inotify_event *event)
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
is_directory_removed(const HfLogReaderChain *self)
{
    struct stat status;

    return fstat(self->directory_fd, &status) == 0 && status.st_nlink == 0;
}

/* What removes the directory, or what it lies on. */
static bool
ends_directory(const HfLogReaderChain *self, const struct inotify_event *event)
{
    if (event->wd == self->parent_watch && (event->mask & IN_DELETE) != 0)
        return is_directory_removed(self);
    return event->wd == self->directory_watch && (event->mask & IN_IGNORED) != 0;
}

HfLogReaderEvents
hf_log_reader_chain_take_events(HfLogReaderChain *self)
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

int
hf_log_reader_chain_get_fd(const HfLogReaderChain *self)
{
    return self->inotify_fd;
}

static gboolean
watch_directory(HfLogReaderChain *self, const char *directory, GError **error)
{
    g_autofree char *parent = g_build_filename(directory, "..", NULL);

    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (self->inotify_fd < 0)
        return hf_throw_errno(error, "inotify_init1");
    self->directory_watch = inotify_add_watch(
        self->inotify_fd, directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (self->directory_watch < 0)
        return hf_throw_errno(error, "watch '%s'", directory);
    /* May be refused, if the parent may not be read; then the directory's removal is not noticed.
     */
    self->parent_watch =
        inotify_add_watch(self->inotify_fd, parent, IN_DELETE | IN_ONLYDIR | IN_MASK_ADD);
    return TRUE;
}

HfLogReaderChain *
hf_log_reader_chain_new(const char *path, bool is_watching, GError **error)
{
    g_autoptr(HfLogReaderChain) self = g_new0(HfLogReaderChain, 1);
    /* A symbolic link is followed once: files are rotated where they are. */
    g_autofree char *target = realpath(path, NULL);
    g_autofree char *directory = g_path_get_dirname(target != NULL ? target : path);

    self->inotify_fd = -1;
    self->directory_watch = -1;
    self->parent_watch = -1;
    self->files = g_ptr_array_new();
    self->name = g_path_get_basename(target != NULL ? target : path);
    self->directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->directory_fd < 0)
        return hf_throw_errno(error, "open '%s'", directory), NULL;
    if (is_watching && !watch_directory(self, directory, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
hf_log_reader_chain_free(HfLogReaderChain *self)
{
    if (self == NULL)
        return;
    while (self->files->len > 0)
        drop(self, self->files->len - 1);
    g_ptr_array_unref(self->files);
    hf_close_fd(&self->inotify_fd);
    hf_close_fd(&self->directory_fd);
    g_free(self->name);
    g_free(self);
}
