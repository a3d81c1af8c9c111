/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The size is what fstat() told at the open plus what was written since. When the limit seems
 * reached, fstat() is asked again, because somebody may have truncated the file.
 *
 * write() hands the lines on in chunks, each of as many whole lines as the file has room for:
 *
 *      torn         the rest of the torn line, limit or not: a line lies in one file
 *      room         the last newline within the room ends the chunk
 *      empty file   one line, however long
 *      else         no chunk: the file is full, and is rotated
 *
 * Because the cut is found here and not where lines are formatted, nothing has to be flushed before
 * a rotation, and a disk that is full does not stop it.
 *
 * Rotation renames PATH to PATH.1 and creates PATH. If the path no longer leads to our file,
 * because somebody else renamed it and has not asked for a reopen yet, it is only opened. If the
 * new file cannot be had, the name is given back and the lines go into the old file; the next
 * write() tries again.
 *
 * A file is opened for reading too, for its last byte: a predecessor that died may have left half a
 * line, which gets its newline before anything else is written. A FIFO is opened so because an open
 * for writing alone fails without a reader, and because a reader that goes away must not become
 * EPIPE. O_CREAT is not given where something exists: fs.protected_fifos would refuse a foreign
 * FIFO in /tmp.
 *
 * CRI-O waits, without a timeout, for an inotify event on the path after it asked for a reopen. A
 * new file raises Create; setting an existing file's size to what it is raises Modify. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "logging/log-file.h"
#include "logging/log-rotation.h"

#define FILE_MODE 0640
#define OPEN_FLAGS (O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct HfLogFile {
    char *path; /* absolute: the directory of the process may change */
    gint64 size_max;
    guint files_max;
    int fd;
    gint64 size;
    dev_t device;
    ino_t inode;
    bool is_raw;
    bool wants_fifo;
    HfLogMark *mark; /* borrowed; NULL: none */
    void (*on_rotated)(const char *path, gpointer user_data);
    gpointer user_data;
    bool is_stream;
    bool is_fifo;
    bool is_torn;       /* the last line written is there in part */
    bool needs_newline; /* the same of a line found in the file, which nobody completes */
    bool is_overfull;   /* until the end of this write(): there is no room and none can be made */
    GError *rotation_error;
};

static int
open_path(const char *path, bool is_fifo, GError **error)
{
    int fd = -1;

    if (is_fifo && mkfifo(path, FILE_MODE) < 0 && errno != EEXIST)
        return hf_throw_errno(error, "make the FIFO '%s'", path), -1;
    fd = open(path, O_RDWR | OPEN_FLAGS);
    if (fd < 0 && errno == ENOENT)
        fd = open(path, O_RDWR | O_CREAT | OPEN_FLAGS, FILE_MODE);
    /* A file or device that may only be written to. */
    if (fd < 0 && errno == EACCES)
        fd = open(path, O_WRONLY | OPEN_FLAGS);
    if (fd < 0)
        return hf_throw_errno(error, "open '%s'", path), -1;
    return fd;
}

/* What cannot be read counts as complete. */
static bool
ends_within_line(int fd, gint64 size)
{
    char last = '\n';

    if (size > 0)
        (void)!pread(fd, &last, 1, size - 1);
    return last != '\n';
}

/* Opens what the path leads to now, and puts it in the place of what was open. */
static gboolean
open_target(HfLogFile *self, bool *out_is_same, GError **error)
{
    hf_autofd fd = open_path(self->path, self->wants_fifo, error);
    struct stat status;

    if (fd < 0)
        return FALSE;
    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "stat '%s'", self->path);
    if (self->wants_fifo && !S_ISFIFO(status.st_mode))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is no FIFO", self->path);

    *out_is_same = self->fd >= 0 && status.st_dev == self->device && status.st_ino == self->inode;
    self->is_stream = !S_ISREG(status.st_mode);
    self->is_fifo = S_ISFIFO(status.st_mode);
    self->size = self->is_stream ? 0 : status.st_size;
    if (!*out_is_same) {
        self->is_torn = false;
        self->needs_newline = !self->is_raw && ends_within_line(fd, self->size);
    }
    self->device = status.st_dev;
    self->inode = status.st_ino;
    hf_close_fd(&self->fd);
    self->fd = hf_steal_fd(&fd);
    return TRUE;
}

/* Takes what save() put; the file is where it was, whatever its name is by now. */
static gboolean
take_saved(HfLogFile *self, HfStateReader *reader, GError **error)
{
    struct stat status;

    self->fd = hf_state_take_needed_fd(reader, "fd");
    if (!hf_state_reader_check(reader, error))
        return FALSE;
    if (fstat(self->fd, &status) < 0)
        return hf_throw_errno(error, "stat '%s'", self->path);
    self->is_stream = !S_ISREG(status.st_mode);
    self->is_fifo = S_ISFIFO(status.st_mode);
    self->size = self->is_stream ? 0 : status.st_size;
    self->device = status.st_dev;
    self->inode = status.st_ino;
    self->is_torn = hf_state_get_bool(reader, "is-torn");
    self->needs_newline = hf_state_get_bool(reader, "needs-newline");
    return TRUE;
}

HfLogFile *
hf_log_file_new_with_options(const HfLogFileOptions *options, GError **error)
{
    g_autoptr(HfLogFile) self = g_new0(HfLogFile, 1);
    g_autofree char *directory = g_get_current_dir();
    bool is_same;

    self->fd = -1;
    self->path = g_path_is_absolute(options->path)
                     ? g_strdup(options->path)
                     : g_build_filename(directory, options->path, NULL);
    self->size_max = options->size_max > 0 ? options->size_max : G_MAXINT64;
    self->files_max = MAX(options->files_max, 1);
    self->is_raw = options->is_raw;
    self->wants_fifo = options->is_fifo;
    self->mark = options->mark;
    self->on_rotated = options->on_rotated;
    self->user_data = options->user_data;
    if (options->saved != NULL ? !take_saved(self, options->saved, error)
                               : !open_target(self, &is_same, error))
        return NULL;
    return g_steal_pointer(&self);
}

HfLogFile *
hf_log_file_new(const char *path, gint64 size_max, guint files_max, GError **error)
{
    const HfLogFileOptions options = {
        .path = path,
        .size_max = size_max,
        .files_max = files_max,
    };

    return hf_log_file_new_with_options(&options, error);
}

void
hf_log_file_save(const HfLogFile *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "fd", self->fd);
    hf_state_put_bool(writer, "is-torn", self->is_torn);
    hf_state_put_bool(writer, "needs-newline", self->needs_newline);
}

void
hf_log_file_free(HfLogFile *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_clear_error(&self->rotation_error);
    g_free(self->path);
    g_free(self);
}

gboolean
hf_log_file_reopen(HfLogFile *self, bool *out_is_same, GError **error)
{
    if (!open_target(self, out_is_same, error))
        return FALSE;
    g_clear_error(&self->rotation_error);
    /* Only for the event; a file that may only be appended to refuses it. */
    if (!self->is_stream)
        (void)!ftruncate(self->fd, self->size);
    return TRUE;
}

static bool
owns_path(const HfLogFile *self)
{
    struct stat status;

    return fstatat(AT_FDCWD, self->path, &status, 0) == 0 && status.st_dev == self->device &&
           status.st_ino == self->inode;
}

static gboolean
rotate(HfLogFile *self, GError **error)
{
    bool was_ours = owns_path(self);
    bool is_same;

    if (was_ours && !hf_log_rotation_shift(self->path, self->files_max, error))
        return FALSE;
    if (open_target(self, &is_same, error)) {
        if (was_ours && self->on_rotated != NULL)
            self->on_rotated(self->path, self->user_data);
        return TRUE;
    }
    if (was_ours)
        (void)!hf_log_rotation_undo(self->path, NULL);
    return FALSE;
}

/* The length of the first line with its newline. */
static size_t
measure_line(const char *lines, size_t length)
{
    const char *newline = memchr(lines, '\n', length);

    return newline == NULL ? length : (size_t)(newline - lines) + 1;
}

/* How much goes into the file as it is; 0: it is full. */
static size_t
measure_chunk(const HfLogFile *self, const char *lines, size_t length)
{
    gint64 room = self->size_max - self->size;
    const char *newline;

    if (self->is_stream)
        return length;
    if (room >= 0 && (guint64)room >= length)
        return length;
    if (self->is_torn)
        return measure_line(lines, length);
    newline = room > 0 ? memrchr(lines, '\n', (size_t)room) : NULL;
    if (newline != NULL)
        return (size_t)(newline - lines) + 1;
    return self->size == 0 ? measure_line(lines, length) : 0;
}

/* Sees to it that a file that seemed full has room. Returns the chunk: 0 if there is still none. */
static size_t
make_room(HfLogFile *self, const char *lines, size_t length)
{
    struct stat status;
    size_t chunk;

    g_clear_error(&self->rotation_error);
    if (fstat(self->fd, &status) == 0)
        self->size = status.st_size;
    chunk = measure_chunk(self, lines, length);
    if (chunk > 0)
        return chunk;
    return rotate(self, &self->rotation_error) ? measure_chunk(self, lines, length) : 0;
}

/* One write(2). A device may say that it took nothing, or that nobody is there. */
static HfIoResult
write_chunk(HfLogFile *self, const char *lines, size_t length, size_t *out_written, GError **error)
{
    HfIoResult result = hf_io_write(self->fd, lines, length, out_written, error);

    if (result == HF_IO_DATA && *out_written == 0)
        return HF_IO_AGAIN;
    if (result == HF_IO_DATA) {
        self->size += (gint64)*out_written;
        self->is_torn = lines[*out_written - 1] != '\n';
    }
    if (result == HF_IO_EOF) {
        hf_throw(error, HF_ERROR_FAILED, "write: nobody reads");
        result = HF_IO_FAILED;
    }
    if (result == HF_IO_FAILED)
        g_prefix_error(error, "log '%s': ", self->path);
    return result;
}

/* Ends the line that a predecessor left incomplete. */
static HfIoResult
write_newline(HfLogFile *self, GError **error)
{
    size_t n = 0;
    HfIoResult result = write_chunk(self, "\n", 1, &n, error);

    self->needs_newline = n == 0;
    return result;
}

/* Writes one chunk, and puts a full file aside before. */
static HfIoResult
write_next(HfLogFile *self, const char *lines, size_t length, size_t *out_written, GError **error)
{
    size_t chunk = self->is_overfull ? length : measure_chunk(self, lines, length);

    if (chunk == 0)
        chunk = make_room(self, lines, length);
    if (chunk == 0) {
        self->is_overfull = true;
        chunk = length;
    }
    if (self->needs_newline)
        return write_newline(self, error);
    return write_chunk(self, lines, chunk, out_written, error);
}

static guint64
count_lines(const char *lines, size_t length)
{
    guint64 count = 0;

    for (const char *at = lines; (at = memchr(at, '\n', (size_t)(lines + length - at))) != NULL;
         at++)
        count++;
    return count;
}

HfIoResult
hf_log_file_write(HfLogFile *self, const char *lines, size_t length, size_t *out_written,
                  GError **error)
{
    HfIoResult result = HF_IO_DATA;
    size_t done = 0;

    self->is_overfull = false;
    while (done < length && result == HF_IO_DATA) {
        size_t n = 0;

        result = write_next(self, lines + done, length - done, &n, error);
        done += n;
        if (self->mark != NULL && done < length)
            hf_log_mark_advance(self->mark, self->device, self->inode, (guint64)self->size,
                                self->is_raw ? n : count_lines(lines + done - n, n));
    }
    *out_written = done;
    return result;
}

bool
hf_log_file_is_torn(const HfLogFile *self)
{
    return self->is_torn;
}

bool
hf_log_file_is_stream(const HfLogFile *self)
{
    return self->is_stream;
}

const GError *
hf_log_file_get_rotation_error(const HfLogFile *self)
{
    return self->rotation_error;
}

bool
hf_log_file_is_fifo(const HfLogFile *self)
{
    return self->is_fifo;
}

void
hf_log_file_get_place(const HfLogFile *self, HfLogMarkPlace *out_place)
{
    out_place->device = self->device;
    out_place->inode = self->inode;
    out_place->size = (guint64)self->size;
}

int
hf_log_file_get_fd(const HfLogFile *self)
{
    return self->fd;
}
