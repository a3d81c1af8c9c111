/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/process-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: exitStatus is what counts. Where it is missing, the process has not ended as long
 * as it lives, or somebody lives who will write the file. That one, a monitor or containerd's shim,
 * holds the FIFO `exit` open for writing; a monitor holds a lock as well, from before it opens the
 * FIFO until after it has closed it.
 *
 * The file is read once more after the last witness was seen to be gone: it may have written the
 * file and ended between two looks. */

#define STATUS_MAX 255
#define SIGNAL_BASE 128
#define REAP_TIMEOUT_MS 1000

int
hf_process_open_exit_fifo(int dir_fd)
{
    hf_autofd fd =
        openat(dir_fd, HF_STATE_EXIT, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    char byte;

    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
        return -1;
    /* Without a writer this is the end of file. */
    if (read(fd, &byte, 1) == 0)
        return -1;
    return hf_steal_fd(&fd);
}

bool
hf_process_has_witness(int dir_fd)
{
    hf_autofd fifo_fd = -1;
    bool is_held = false;

    if (!hf_lock_file_is_held(dir_fd, HF_STATE_LOCK, &is_held, NULL) || is_held)
        return true;
    fifo_fd = hf_process_open_exit_fifo(dir_fd);
    return fifo_fd >= 0;
}

/* *@out_status is -1 if there is no status. */
static gboolean
read_status(int dir_fd, int *out_status, GError **error)
{
    g_autoptr(GError) failure = NULL;
    guint64 number = 0;

    if (!hf_state_read_number(dir_fd, HF_STATE_EXIT_STATUS, &number, &failure)) {
        *out_status = -1;
        if (g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (number > STATUS_MAX)
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s': %" G_GUINT64_FORMAT " is no exit status",
                        HF_STATE_EXIT_STATUS, number);
    *out_status = (int)number;
    return TRUE;
}

/* What the kernel knows of a process that had no monitor at its end. It tells when the process has
 * been reaped, which the pidfd says by hanging up. */
static int
ask_kernel(HfProcess *self)
{
    GPollFD poll_fd = {.fd = -1};
    int status;

    if (self->orphan == NULL)
        return HF_EXIT_STATUS_UNKNOWN;
    poll_fd.fd = hf_process_ref_get_fd(self->orphan);
    (void)g_poll(&poll_fd, 1, REAP_TIMEOUT_MS);
    if (!hf_process_ref_try_exit_status(self->orphan, &status))
        return HF_EXIT_STATUS_UNKNOWN;
    return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

static gboolean
find_status(HfProcess *self, int dir_fd, int *out_status, GError **error)
{
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) failure = NULL;
    pid_t pid = 0;

    if (!read_status(dir_fd, out_status, error))
        return FALSE;
    if (*out_status >= 0)
        return TRUE;
    ref = hf_process_find(self, &pid, &failure);
    if (failure != NULL)
        return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (ref != NULL || hf_process_has_witness(dir_fd))
        return hf_throw(error, HF_ERROR_PROCESS_NOT_EXITED, "it has not ended");
    if (!read_status(dir_fd, out_status, error))
        return FALSE;
    if (*out_status < 0 && pid == 0)
        return hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "it was not started");
    if (*out_status < 0)
        *out_status = ask_kernel(self);
    return TRUE;
}

gboolean
hf_process_get_exit_status(HfProcess *self, int *out_status, GError **error)
{
    hf_autofd dir_fd = -1;
    int status = -1;

    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(out_status != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    dir_fd = hf_process_open(self, error);
    if (dir_fd < 0)
        return FALSE;
    if (!find_status(self, dir_fd, &status, error)) {
        g_prefix_error(error, "process '%s': ", self->id);
        return FALSE;
    }
    *out_status = status;
    return TRUE;
}
