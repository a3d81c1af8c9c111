/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/process-private.h"
#include "library/process-remains.h"
#include "protocol/state-names.h"

/* How this works: what hangs up when a process has ended depends on who watches it.
 *
 *   somebody holds `exit` for writing     the FIFO. It is opened first and looked at then: a writer
 *                                         seen after the opening hangs up visibly, one that was
 *                                         gone before never would
 *   a monitor holds only its lock         it has not opened the FIFO yet, or closed it at its end:
 *                                         the monitor's pidfd is right for both
 *   nobody, and the process lives         the process's pidfd
 *   nobody, and it has ended              a pipe that has hung up already
 *
 * A monitor may be killed, so a hang-up is no proof: who waits asks for the exit status, and looks
 * for something else to wait for if there is none yet. The descriptor's number stays the same then,
 * as the caller may have given it to a main loop of his own. */

#define LOOK_AGAIN_MS 5
#define LOOK_AGAIN_MAX 200

static int
make_hung_up(GError **error)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return hf_throw_errno(error, "make a pipe"), -1;
    hf_close_fd(&fds[1]);
    return fds[0];
}

static int
duplicate(int fd, GError **error)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        hf_throw_errno(error, "copy a descriptor");
    return copy;
}

/* For a process that has no witness. */
static int
watch_orphan(HfProcess *self, GError **error)
{
    g_autoptr(GError) failure = NULL;
    pid_t pid = 0;
    int status;

    g_clear_pointer(&self->orphan, hf_process_ref_free);
    self->orphan = hf_process_find(self, &pid, &failure);
    if (self->orphan != NULL)
        return duplicate(hf_process_ref_get_fd(self->orphan), error);
    /* A pid that makes no sense does not matter if there is a status; else it is told again. */
    g_clear_error(&failure);
    if (hf_process_get_exit_status(self, &status, &failure))
        return make_hung_up(error);
    g_propagate_error(error, g_steal_pointer(&failure));
    return -1;
}

/* What to wait for, as it is now. -1 without an error: the state is changing, look again. */
static int
look_for_fd(HfProcess *self, int dir_fd, GError **error)
{
    g_autoptr(HfProcessRef) monitor = NULL;
    int fifo_fd = hf_process_open_exit_fifo(dir_fd);

    if (fifo_fd >= 0)
        return fifo_fd;
    monitor = hf_process_remains_find_monitor(dir_fd);
    if (monitor != NULL)
        return duplicate(hf_process_ref_get_fd(monitor), error);
    if (hf_process_has_witness(dir_fd))
        return -1;
    return watch_orphan(self, error);
}

static int
find_fd(HfProcess *self, GError **error)
{
    g_autoptr(GError) failure = NULL;
    hf_autofd dir_fd = hf_process_open(self, error);
    int fd = -1;

    if (dir_fd < 0)
        return -1;
    for (int i = 0; i < LOOK_AGAIN_MAX && fd < 0; i++) {
        if (i > 0)
            (void)g_poll(NULL, 0, LOOK_AGAIN_MS);
        g_clear_error(&failure);
        fd = look_for_fd(self, dir_fd, &failure);
        if (failure != NULL && !g_error_matches(failure, HF_ERROR, HF_ERROR_PROCESS_NOT_EXITED))
            break;
    }
    if (fd < 0 && failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    else if (fd < 0)
        hf_throw(error, HF_ERROR_BUSY, "process '%s': it is being started", self->id);
    return fd;
}

int
hf_process_get_exit_fd(HfProcess *self, GError **error)
{
    hf_autofd fd = -1;

    g_return_val_if_fail(HF_IS_PROCESS(self), -1);
    g_return_val_if_fail(error == NULL || *error == NULL, -1);

    if (self->exit_fd >= 0 && !self->is_exit_fd_stale)
        return self->exit_fd;
    fd = find_fd(self, error);
    if (fd < 0)
        return -1;
    if (self->exit_fd < 0)
        self->exit_fd = hf_steal_fd(&fd);
    else if (dup3(fd, self->exit_fd, O_CLOEXEC) < 0)
        return hf_throw_errno(error, "copy a descriptor"), -1;
    self->is_exit_fd_stale = false;
    return self->exit_fd;
}

/* Whether the process has ended. FALSE without an error: wait anew, for something else. */
static gboolean
check_ended(HfProcess *self, int *out_status, GError **error)
{
    g_autoptr(GError) failure = NULL;

    if (hf_process_get_exit_status(self, out_status, &failure))
        return TRUE;
    self->is_exit_fd_stale = true;
    if (!g_error_matches(failure, HF_ERROR, HF_ERROR_PROCESS_NOT_EXITED))
        g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
hf_process_wait(HfProcess *self, GCancellable *cancellable, int *out_status, GError **error)
{
    g_autoptr(GError) failure = NULL;
    GPollFD fds[2] = {{.events = G_IO_IN}, {.fd = -1}};
    int status = 0;
    bool has_ended = false;

    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(out_status != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    (void)g_cancellable_make_pollfd(cancellable, &fds[1]);
    while (!has_ended && failure == NULL) {
        fds[0].fd = hf_process_get_exit_fd(self, &failure);
        if (fds[0].fd < 0 || g_cancellable_set_error_if_cancelled(cancellable, &failure))
            break;
        if (g_poll(fds, G_N_ELEMENTS(fds), -1) > 0 && fds[0].revents != 0)
            has_ended = check_ended(self, &status, &failure);
    }
    if (fds[1].fd >= 0)
        g_cancellable_release_fd(cancellable);
    if (!has_ended) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    *out_status = status;
    return TRUE;
}

/* A copy, so that several may wait through one object. */
static void
close_copy(gpointer data)
{
    int fd = GPOINTER_TO_INT(data);

    hf_close_fd(&fd);
}

static void wait_on(GTask *task);

/* The descriptor is replaced, so its source goes first. */
static void
wait_anew(GTask *task)
{
    g_source_destroy(g_main_current_source());
    wait_on(task);
}

static gboolean
on_exit_fd(int fd, GIOCondition condition, gpointer user_data)
{
    g_autoptr(GTask) task = g_object_ref(user_data);
    g_autoptr(GError) error = NULL;
    HfProcess *self = g_task_get_source_object(task);
    int status = 0;

    if (g_task_return_error_if_cancelled(task))
        return G_SOURCE_REMOVE;
    /* The cancellable's child source makes this one ready as well. */
    if (condition == 0)
        return G_SOURCE_CONTINUE;
    if (check_ended(self, &status, &error))
        g_task_return_int(task, status);
    else if (error != NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        wait_anew(task);
    return G_SOURCE_REMOVE;
}

static void
wait_on(GTask *task)
{
    HfProcess *self = g_task_get_source_object(task);
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    int exit_fd = hf_process_get_exit_fd(self, &error);
    int fd = exit_fd >= 0 ? duplicate(exit_fd, &error) : -1;
    g_autoptr(GSource) source = NULL;

    if (fd < 0) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    g_task_set_task_data(task, GINT_TO_POINTER(fd), close_copy);
    source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP);
    if (cancellable != NULL) {
        g_autoptr(GSource) cancelled = g_cancellable_source_new(cancellable);
        g_source_set_dummy_callback(cancelled);
        g_source_add_child_source(source, cancelled);
    }
    g_source_set_name(source, "process exit");
    g_source_set_callback(source, G_SOURCE_FUNC(on_exit_fd), g_object_ref(task), g_object_unref);
    g_source_attach(source, g_task_get_context(task));
}

void
hf_process_wait_async(HfProcess *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(HF_IS_PROCESS(self));

    task = g_task_new(self, cancellable, callback, user_data);
    g_task_set_source_tag(task, hf_process_wait_async);
    wait_on(task);
}

gboolean
hf_process_wait_finish(HfProcess *self, GAsyncResult *result, int *out_status, GError **error)
{
    g_autoptr(GError) failure = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    g_return_val_if_fail(out_status != NULL, FALSE);

    gssize status = g_task_propagate_int(G_TASK(result), &failure);
    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    *out_status = (int)status;
    return TRUE;
}
