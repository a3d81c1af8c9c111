/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: names only say where a file stands among the others at this moment, and whether
 * it is compressed by now is no more than a part of its name.
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
 * looked at, so a change after that is an event. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "logging/log-reader-chain.h"
#include "logging/log-reader-unpack.h"

#define OPEN_FILES_MAX 16
#define TRIES_MAX 8

struct HfLogReaderChain {
    HfLogReaderPlace place; /* borrows the next two */
    int directory_fd;
    char *name;              /* of PATH in its directory */
    HfLogReaderWatch *watch; /* NULL: not watching */
    GPtrArray *files;        /* (element-type HfLogReaderFile), the oldest first */
};

static HfLogReaderFile *
get_file(const HfLogReaderChain *self, guint index)
{
    return g_ptr_array_index(self->files, index);
}

/* Watches the file and makes it part of the chain, which owns it then whatever happens. */
static HfLogReaderFind
take_file(HfLogReaderChain *self, HfLogReaderFile *file, guint index, GError **error)
{
    g_ptr_array_insert(self->files, (gint)index, file);
    if (self->watch == NULL || file->is_compressed)
        return HF_LOG_READER_FOUND;
    file->watch = hf_log_reader_watch_add(self->watch, file->fd, error);
    return file->watch < 0 ? HF_LOG_READER_FAILED : HF_LOG_READER_FOUND;
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
        if (hf_log_reader_file_stat(&self->place, number, &status))
            return false;
    }
    return hf_log_reader_file_is_at(older, &self->place, older->number);
}

/* The next file below the number of @base. */
static HfLogReaderFind
open_below(HfLogReaderChain *self, const HfLogReaderFile *base, HfLogReaderFile **out_file,
           GError **error)
{
    HfLogReaderFind result = HF_LOG_READER_NONE;

    for (guint number = base->number; number > 0 && result == HF_LOG_READER_NONE; number--)
        result = hf_log_reader_file_open(&self->place, number - 1, out_file, error);
    return result;
}

static HfLogReaderFind
open_above(HfLogReaderChain *self, const HfLogReaderFile *base, HfLogReaderFile **out_file,
           GError **error)
{
    HfLogReaderFind result =
        hf_log_reader_file_open(&self->place, base->number + 1, out_file, error);

    return result == HF_LOG_READER_NONE
               ? hf_log_reader_file_open(&self->place, base->number + 2, out_file, error)
               : result;
}

/* The file after @base. *@out_is_lost: @base is at no number. */
static HfLogReaderFind
open_successor(HfLogReaderChain *self, HfLogReaderFile *base, HfLogReaderFile **out_file,
               bool *out_is_lost, GError **error)
{
    for (guint i = 0; i < TRIES_MAX; i++) {
        HfLogReaderFind result;

        *out_is_lost = !hf_log_reader_file_locate(base, &self->place);
        if (*out_is_lost)
            return HF_LOG_READER_NONE;
        result = open_below(self, base, out_file, error);
        if (result != HF_LOG_READER_FOUND || are_neighbours(self, *out_file, base))
            return result;
        hf_log_reader_file_free(g_steal_pointer(out_file));
    }
    return HF_LOG_READER_AGAIN;
}

static HfLogReaderFind
open_predecessor(HfLogReaderChain *self, HfLogReaderFile *base, HfLogReaderFile **out_file,
                 GError **error)
{
    for (guint i = 0; i < TRIES_MAX; i++) {
        HfLogReaderFind result;

        if (!hf_log_reader_file_locate(base, &self->place))
            return HF_LOG_READER_NONE;
        result = open_above(self, base, out_file, error);
        if (result == HF_LOG_READER_FAILED)
            return result;
        /* Also for NONE: it holds only if our file has not moved meanwhile. */
        if (hf_log_reader_file_is_at(base, &self->place, base->number))
            return result;
        hf_log_reader_file_free(g_steal_pointer(out_file));
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
    (void)hf_log_reader_file_stat(&self->place, 0, &found_status);
    for (guint number = 1; number - found <= 2; number++) {
        if (!hf_log_reader_file_stat(&self->place, number, &status))
            continue;
        if (!was_written_after(&status, &lost_status))
            break;
        found = number;
        found_status = status;
    }
    result = hf_log_reader_file_open(&self->place, found, out_file, error);
    if (result == HF_LOG_READER_FOUND &&
        ((*out_file)->device != found_status.st_dev || (*out_file)->inode != found_status.st_ino)) {
        hf_log_reader_file_free(g_steal_pointer(out_file));
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
        result = hf_log_reader_file_open(&self->place, number, &file, error);
    return result == HF_LOG_READER_FOUND ? take_file(self, file, 0, error) : result;
}

static void
drop(HfLogReaderChain *self, guint index)
{
    HfLogReaderFile *file = g_ptr_array_steal_index(self->files, index);

    if (file->watch >= 0)
        hf_log_reader_watch_remove(self->watch, file->watch);
    hf_log_reader_file_free(file);
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

    if (self->files->len == 0 || hf_log_reader_unpack_is_supported())
        return NULL;
    name = g_strdup_printf("%s.%u.gz", self->name, get_file(self, 0)->number + 1);
    if (faccessat(self->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return NULL;
    return g_steal_pointer(&name);
}

void
hf_log_reader_chain_take_plain_fd(HfLogReaderChain *self, int fd)
{
    HfLogReaderFile *file = get_file(self, 0);

    hf_close_fd(&file->plain_fd);
    file->plain_fd = fd;
}

void
hf_log_reader_chain_drop_oldest(HfLogReaderChain *self)
{
    drop(self, 0);
}

int
hf_log_reader_chain_get_fd(const HfLogReaderChain *self)
{
    return self->watch != NULL ? hf_log_reader_watch_get_fd(self->watch) : -1;
}

HfLogReaderEvents
hf_log_reader_chain_take_events(HfLogReaderChain *self)
{
    return hf_log_reader_watch_take_events(self->watch);
}

HfLogReaderChain *
hf_log_reader_chain_new(const char *path, bool is_watching, GError **error)
{
    g_autoptr(HfLogReaderChain) self = g_new0(HfLogReaderChain, 1);
    /* A symbolic link is followed once: files are rotated where they are. */
    g_autofree char *target = realpath(path, NULL);
    g_autofree char *directory = g_path_get_dirname(target != NULL ? target : path);

    self->files = g_ptr_array_new();
    self->name = g_path_get_basename(target != NULL ? target : path);
    self->directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->directory_fd < 0)
        return hf_throw_errno(error, "open '%s'", directory), NULL;
    self->place = (HfLogReaderPlace){self->directory_fd, self->name};
    if (is_watching)
        self->watch = hf_log_reader_watch_new(directory, self->name, error);
    return is_watching && self->watch == NULL ? NULL : g_steal_pointer(&self);
}

void
hf_log_reader_chain_free(HfLogReaderChain *self)
{
    if (self == NULL)
        return;
    while (self->files->len > 0)
        drop(self, self->files->len - 1);
    g_ptr_array_unref(self->files);
    hf_log_reader_watch_free(self->watch);
    hf_close_fd(&self->directory_fd);
    g_free(self->name);
    g_free(self);
}
