/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * PATH.1 is left as it is: who reads the log may be behind, and finds it by its name. When a file
 * has become PATH.2, it is compressed:
 *
 *      child    reads PATH.2, writes PATH.gz.tmp, ends
 *      here     PATH.gz.tmp becomes PATH.N.gz, and PATH.N is removed
 *
 * N need not be 2 any more, as rotations go on meanwhile. The file is found again by its inode, and
 * because only this process renames full files, nothing can come between the look and the renaming.
 * If it is not there any more, the work was in vain. A crash in between leaves a PATH.gz.tmp,
 * which the next run of a child replaces, or both forms of one file, which rotate together.
 *
 * A child that fails (no space) is told of, and the next rotation tries again. The child holds
 * nothing open but the two files, and ends with its parent. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "logging/gzip-file.h"
#include "logging/log-rotation.h"
#include "monitor/log-compressor.h"

#define FIRST_NUMBER 2
#define NICENESS 10
#define LOGS_SAVED_MAX 1024

struct HfLogCompressor {
    HfReaper *reaper; /* borrowed */
    guint files_max;
    GPtrArray *paths; /* (element-type filename) of the logs that rotated */
    pid_t child;      /* 0: none */
    char *path;       /* the log whose file the child compresses */
    dev_t device;     /* of that file */
    ino_t inode;
    mode_t mode;
};

HfLogCompressor *
hf_log_compressor_new(HfReaper *reaper, guint files_max)
{
    HfLogCompressor *self = g_new0(HfLogCompressor, 1);

    self->reaper = reaper;
    self->files_max = files_max;
    self->paths = g_ptr_array_new_with_free_func(g_free);
    return self;
}

/* (transfer full) */
static char *
get_temporary_name(const HfLogCompressor *self)
{
    return g_strconcat(self->path, ".gz.tmp", NULL);
}

static void
remove_temporary(const HfLogCompressor *self)
{
    g_autofree char *name = get_temporary_name(self);

    (void)unlink(name);
}

void
hf_log_compressor_free(HfLogCompressor *self)
{
    if (self == NULL)
        return;
    /* The child ends by itself, or with this process: the sandbox lets nobody be killed. */
    if (self->child > 0) {
        hf_reaper_unwatch(self->reaper, self->child);
        remove_temporary(self);
    }
    g_ptr_array_unref(self->paths);
    g_free(self->path);
    g_free(self);
}

/* Opens the newest file of the log that is to be compressed; -1: there is none. */
static int
open_next(HfLogCompressor *self, const char *path)
{
    for (guint number = FIRST_NUMBER; number <= self->files_max; number++) {
        g_autofree char *plain = hf_log_rotation_get_name(path, number, false);
        g_autofree char *compressed = hf_log_rotation_get_name(path, number, true);
        /* It is only read, but the sandbox opens nothing for reading alone. */
        hf_autofd fd = open(plain, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat status;

        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
            self->device = status.st_dev;
            self->inode = status.st_ino;
            self->mode = status.st_mode & 0777;
            return hf_steal_fd(&fd);
        }
        if (fd < 0 && access(compressed, F_OK) < 0)
            return -1;
    }
    return -1;
}

static void G_GNUC_NORETURN
run_child(int in_fd, int out_fd)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpriority(PRIO_PROCESS, 0, NICENESS);
    if (dup2(in_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
        _exit(1);
    hf_fd_close_from(STDERR_FILENO);
    _exit(hf_gzip_file_copy(STDIN_FILENO, STDOUT_FILENO) && fsync(STDOUT_FILENO) == 0 ? 0 : 1);
}

static void on_child_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data);

static gboolean
start_child(HfLogCompressor *self, int in_fd, GError **error)
{
    g_autofree char *name = get_temporary_name(self);
    hf_autofd out_fd = -1;

    (void)unlink(name);
    out_fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, self->mode);
    if (out_fd < 0)
        return hf_throw_errno(error, "create '%s'", name);
    self->child = fork();
    if (self->child == 0)
        run_child(in_fd, out_fd);
    if (self->child < 0) {
        self->child = 0;
        hf_throw_errno(error, "fork");
        (void)unlink(name);
        return FALSE;
    }
    hf_reaper_watch_child(self->reaper, self->child, on_child_exited, self);
    return TRUE;
}

static void
start_next(HfLogCompressor *self)
{
    for (guint i = 0; i < self->paths->len && self->child == 0; i++) {
        const char *path = g_ptr_array_index(self->paths, i);
        hf_autofd in_fd = open_next(self, path);
        g_autoptr(GError) error = NULL;

        if (in_fd < 0)
            continue;
        g_free(self->path);
        self->path = g_strdup(path);
        if (!start_child(self, in_fd, &error)) {
            hf_diag_take_error(HF_DIAG_WARNING, &error, "compress a log file");
            return;
        }
    }
}

static bool
is_our_file(const HfLogCompressor *self, const char *name)
{
    struct stat status;

    return lstat(name, &status) == 0 && status.st_dev == self->device &&
           status.st_ino == self->inode;
}

/* Puts the compressed file in the place of the one it was made of. */
static gboolean
replace_file(HfLogCompressor *self, GError **error)
{
    g_autofree char *temporary = get_temporary_name(self);

    for (guint number = 1; number <= self->files_max; number++) {
        g_autofree char *plain = hf_log_rotation_get_name(self->path, number, false);
        g_autofree char *compressed = hf_log_rotation_get_name(self->path, number, true);

        if (!is_our_file(self, plain))
            continue;
        if (rename(temporary, compressed) < 0)
            return hf_throw_errno(error, "rename '%s' to '%s'", temporary, compressed);
        if (unlink(plain) < 0)
            return hf_throw_errno(error, "remove '%s'", plain);
        return TRUE;
    }
    (void)unlink(temporary);
    return TRUE;
}

static void
on_child_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfLogCompressor *self = user_data;
    g_autoptr(GError) error = NULL;

    self->child = 0;
    if (!is_known || !WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
        hf_throw(&error, HF_ERROR_FAILED, "no compressed copy of a full file could be written");
    else
        (void)!replace_file(self, &error);
    if (error != NULL) {
        remove_temporary(self);
        hf_diag_take_error(HF_DIAG_WARNING, &error, "log '%s'", self->path);
        return;
    }
    start_next(self);
}

void
hf_log_compressor_push(HfLogCompressor *self, const char *path)
{
    bool is_known = false;

    for (guint i = 0; i < self->paths->len; i++)
        is_known = is_known || g_str_equal(g_ptr_array_index(self->paths, i), path);
    if (!is_known)
        g_ptr_array_add(self->paths, g_strdup(path));
    if (self->child == 0)
        start_next(self);
}

void
hf_log_compressor_save(const HfLogCompressor *self, HfStateWriter *writer)
{
    hf_state_put_number(writer, "logs", self->paths->len);
    for (guint i = 0; i < self->paths->len; i++) {
        g_autofree char *name = g_strdup_printf("log%u", i);

        hf_state_put_text(writer, name, g_ptr_array_index(self->paths, i));
    }
    if (self->child <= 0)
        return;
    hf_state_put_number(writer, "child", self->child);
    hf_state_put_text(writer, "path", self->path);
    hf_state_put_number(writer, "device", (gint64)self->device);
    hf_state_put_number(writer, "inode", (gint64)self->inode);
}

static void
restore_paths(HfLogCompressor *self, HfStateReader *reader)
{
    gint64 count = hf_state_get_number(reader, "logs", 0, LOGS_SAVED_MAX, 0);

    for (gint64 i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("log%" G_GINT64_FORMAT, i);
        const char *path = hf_state_get_text(reader, name);

        if (path != NULL)
            g_ptr_array_add(self->paths, g_strdup(path));
    }
}

void
hf_log_compressor_restore(HfLogCompressor *self, HfStateReader *reader)
{
    const char *path = hf_state_get_text(reader, "path");

    restore_paths(self, reader);
    if (path == NULL)
        return;
    self->path = g_strdup(path);
    self->device = (dev_t)hf_state_get_number(reader, "device", G_MININT64, G_MAXINT64, 0);
    self->inode = (ino_t)hf_state_get_number(reader, "inode", G_MININT64, G_MAXINT64, 0);
    self->child = (pid_t)hf_state_get_number(reader, "child", 1, G_MAXINT32, 0);
    if (self->child > 0)
        hf_reaper_watch_child(self->reaper, self->child, on_child_exited, self);
}
