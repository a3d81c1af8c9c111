/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/io.h"
#include "runtime/pid-file.h"

/* Room for a pid and some white space. */
#define PID_FILE_MAX 64

static char *
read_text(const char *path, size_t *out_length, GError **error)
{
    g_autoptr(GError) local_error = NULL;
    char *text = hf_io_read_file_at(AT_FDCWD, path, PID_FILE_MAX, out_length, &local_error);

    if (text != NULL)
        return text;
    if (g_error_matches(local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        hf_throw(error, HF_ERROR_NOT_FOUND, "%s", local_error->message);
    else if (local_error->domain == HF_ERROR) /* too large, or no regular file */
        hf_throw(error, HF_ERROR_PROTOCOL, "pid file: %s", local_error->message);
    else
        g_propagate_error(error, g_steal_pointer(&local_error));
    return NULL;
}

gboolean
hf_pid_file_read(const char *path, pid_t *out_pid, GError **error)
{
    size_t length = 0;
    guint64 pid = 0;
    g_autofree char *text = read_text(path, &length, error);

    if (text == NULL)
        return FALSE;
    bool has_nul = strlen(text) != length;
    g_strstrip(text);
    if (!has_nul && *text == '\0')
        return hf_throw(error, HF_ERROR_NOT_FOUND, "pid file '%s' is empty", path);
    if (has_nul || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT, &pid, NULL))
        return hf_throw(error, HF_ERROR_PROTOCOL, "pid file '%s' holds no pid", path);
    *out_pid = (pid_t)pid;
    return TRUE;
}

gboolean
hf_pid_file_write(const char *path, pid_t pid, GError **error)
{
    char text[16];
    int length = g_snprintf(text, sizeof text, "%d", (int)pid);

    return hf_atomic_file_write_at(AT_FDCWD, path, text, (size_t)length, 0644, error);
}
