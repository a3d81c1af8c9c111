/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <holdfast/types.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "library/state-dir.h"

/* Whoever may write to a directory of ours could put a link or a FIFO in it, and make this program
 * write or wait elsewhere. So a directory is used only if its owner is this user, or root, and
 * nobody else may write to it; what is looked at is the descriptor that is used afterwards. Parents
 * of the root are the administrator's: /run may be a link. */

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

gboolean
hf_state_check_id(const char *what, const char *id, GError **error)
{
    gsize length = strlen(id);
    gsize valid = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.");

    if (length > 0 && length <= HF_ID_MAX && valid == length && g_ascii_isalnum(id[0]))
        return TRUE;
    if (length == 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "the %s id is empty", what);
    /* Enough of it to know it again. */
    g_autofree char *start = g_strndup(id, 64);
    g_autofree char *escaped = g_strescape(start, NULL);
    if (length > HF_ID_MAX)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "the %s id '%s...' has %zu bytes, more than %d", what, escaped, length,
                        HF_ID_MAX);
    if (valid == length)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "the %s id '%s' does not begin with a letter or a digit", what, escaped);
    return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                    "the %s id '%s' has other characters than letters, digits and \"_+-.\"", what,
                    escaped);
}

/* What is at @name in place of a directory. */
static gboolean
throw_not_open(int dir_fd, const char *name, const char *path, int errnum, GError **error)
{
    struct stat status;

    if (errnum == ENOENT)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no directory '%s'", path);
    if ((errnum == ENOTDIR || errnum == ELOOP) &&
        fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' is %s, not a directory", path,
                        S_ISLNK(status.st_mode) ? "a symbolic link" : "a file");
    return hf_throw_errnum(error, errnum, "open '%s'", path);
}

static gboolean
check_owner(int fd, const char *path, GError **error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "look at '%s'", path);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' belongs to user %u", path,
                        (guint)status.st_uid);
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return hf_throw(error, HF_ERROR_INVALID_STATE,
                        "'%s' may be written to by others (mode %04o)", path,
                        (guint)(status.st_mode & 07777));
    return TRUE;
}

int
hf_state_open_dir(int dir_fd, const char *name, const char *path, GError **error)
{
    hf_autofd fd = openat(dir_fd, name, DIR_FLAGS);

    if (fd < 0)
        return throw_not_open(dir_fd, name, path, errno, error), -1;
    if (!check_owner(fd, path, error))
        return -1;
    return hf_steal_fd(&fd);
}

/* Where something is in the way, opening it says what. */
static gboolean
make_root(const char *path, GError **error)
{
    struct stat status;

    if (g_mkdir_with_parents(path, 0700) == 0 || lstat(path, &status) == 0)
        return TRUE;
    return hf_throw_errno(error, "make the directory '%s'", path);
}

int
hf_state_open_root(const char *root, bool create, GError **error)
{
    if (!g_path_is_absolute(root))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "the root '%s' is not an absolute path",
                        root),
               -1;
    if (create && !make_root(root, error))
        return -1;
    return hf_state_open_dir(AT_FDCWD, root, root, error);
}

static gboolean
check_file_status(const struct stat *status, const char *name, GError **error)
{
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' belongs to user %u", name,
                        (guint)status->st_uid);
    if ((status->st_mode & S_IWOTH) != 0)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' may be written to by others", name);
    return TRUE;
}

/* A directory that was handed over as a whole may hold such. What is no file, reading tells. */
static gboolean
check_file_owner(int dir_fd, const char *name, GError **error)
{
    struct stat status;

    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
        return TRUE;
    return check_file_status(&status, name, error);
}

char *
hf_state_read_file(int dir_fd, const char *name, gsize *out_length, GError **error)
{
    g_autoptr(GError) local = NULL;
    char *text;

    if (!check_file_owner(dir_fd, name, error))
        return NULL;
    text = hf_io_read_file_at(dir_fd, name, HF_STATE_FILE_MAX, out_length, &local);

    if (text != NULL)
        return text;
    if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no '%s'", name), NULL;
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

int
hf_state_open_file(int dir_fd, const char *name, struct stat *out_status, GError **error)
{
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no '%s'", name), -1;
    if (fd < 0 || fstat(fd, out_status) < 0)
        return hf_throw_errno(error, "open '%s'", name), -1;
    if (!S_ISREG(out_status->st_mode))
        return hf_throw(error, HF_ERROR_INVALID_STATE, "'%s' is not a regular file", name), -1;
    if (!check_file_status(out_status, name, error))
        return -1;
    if (out_status->st_size > HF_STATE_FILE_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "'%s' has more than %d bytes", name,
                        HF_STATE_FILE_MAX),
               -1;
    return hf_steal_fd(&fd);
}

gboolean
hf_state_read_number(int dir_fd, const char *name, guint64 *out_number, GError **error)
{
    gsize length = 0;
    g_autofree char *text = hf_state_read_file(dir_fd, name, &length, error);

    if (text == NULL)
        return FALSE;
    if (length == 0)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "'%s' is empty", name);
    if (text[length - 1] == '\n')
        text[--length] = '\0';
    if (strlen(text) != length || !g_ascii_isdigit(text[0]) ||
        !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, out_number, NULL))
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' is not a number", name);
    return TRUE;
}
