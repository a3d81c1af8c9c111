/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "library/container-private.h"
#include "library/monitor-launch.h"
#include "library/monitor-reply.h"
#include "library/process-remains.h"
#include "library/runtime-command.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: holdfast-shim is started with the process directory as working directory and the
 * write end of a pipe, and becomes the monitor. The monitor writes one line when the OCI runtime
 * has created the process or failed; the pipe's end without a line is a monitor that is gone.
 *
 * After a failure the monitor still has the runtime delete what there is, so it is given time to
 * end before it is told to. After a timeout or when cancelled it is told at once. Its process and
 * what the runtime knows are for hf_process_remains_clear(), which the callers call, as they do for
 * a starter that was killed.
 *
 * GLib reaps the monitor, in its own thread, for as long as this program lives. */

#define SYNC_FD 3
#define SYNC_VARIABLE "_OCI_SYNCPIPE"
#define SYNC_VALUE "3"
#define SHIM_VARIABLE "HOLDFAST_SHIM"
#define CONTAINERD_SHIM "containerd-shim"
#define OWN_END_TIMEOUT_MS 10000
#define LOG_MAX (1024 * 1024)

/* HF_SHIM_PATH is the installed holdfast-shim. */
static char *
find_shim(HfContainer *container, GError **error)
{
    const char *name = container->file->shim;
    g_autofree char *base_name = NULL;
    g_autofree char *path = NULL;

    /* containerd's own knows of no sync pipe, and ours reads the same files. */
    base_name = name != NULL ? g_path_get_basename(name) : NULL;
    if (name == NULL || *name == '\0' || strcmp(base_name, CONTAINERD_SHIM) == 0) {
        const char *variable = getauxval(AT_SECURE) == 0 ? g_getenv(SHIM_VARIABLE) : NULL;
        name = variable != NULL && *variable != '\0' ? variable : HF_SHIM_PATH;
    }
    path = g_find_program_in_path(name);
    if (path == NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no program '%s'", name), NULL;
    return g_canonicalize_filename(path, NULL);
}

/* *@out_sync_fd becomes the read end of the sync pipe. */
static GSubprocess *
spawn(HfProcess *process, int dir_fd, bool is_adopting, int *out_sync_fd, GError **error)
{
    HfContainer *container = process->container;
    g_autofree char *shim = find_shim(container, error);
    g_autofree char *runtime = shim != NULL ? hf_runtime_command_find(container, error) : NULL;
    g_autofree char *cwd = g_strdup_printf("/proc/self/fd/%d", dir_fd);
    int fds[2];

    if (runtime == NULL)
        return NULL;
    const char *const argv[] = {
        shim, "--adopt", container->id, container->file->bundle, runtime, NULL,
    };
    const char *const new_argv[] = {shim, container->id, container->file->bundle, runtime, NULL};
    if (pipe2(fds, O_CLOEXEC) < 0)
        return hf_throw_errno(error, "make a pipe"), NULL;
    hf_autofd read_fd = fds[0];
    hf_autofd write_fd = fds[1];
    if (!hf_fd_set_nonblocking(read_fd, true, error))
        return NULL;
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_auto(GStrv) environment =
        g_environ_setenv(hf_runtime_command_dup_environment(), SYNC_VARIABLE, SYNC_VALUE, TRUE);
    g_subprocess_launcher_set_environ(launcher, environment);
    g_subprocess_launcher_set_cwd(launcher, cwd);
    g_subprocess_launcher_take_fd(launcher, hf_steal_fd(&write_fd), SYNC_FD);
    GSubprocess *monitor =
        g_subprocess_launcher_spawnv(launcher, is_adopting ? argv : new_argv, error);
    if (monitor != NULL)
        *out_sync_fd = hf_steal_fd(&read_fd);
    return monitor;
}

/* The end of a child, which its pid may name for as long as GLib has not reaped it. */
static bool
wait_for_child(GSubprocess *child, guint timeout_ms)
{
    gint64 deadline_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    const char *identifier = g_subprocess_get_identifier(child);
    g_autoptr(HfProcessRef) ref =
        identifier != NULL ? hf_process_ref_new((pid_t)g_ascii_strtoll(identifier, NULL, 10), NULL)
                           : NULL;

    while (ref != NULL && g_subprocess_get_identifier(child) != NULL) {
        GPollFD poll_fd = {.fd = hf_process_ref_get_fd(ref), .events = G_IO_IN};
        gint64 left_us = deadline_us - g_get_monotonic_time();

        if (left_us <= 0)
            return false;
        if (g_poll(&poll_fd, 1, (int)(left_us / 1000 + 1)) > 0)
            return true;
    }
    return true;
}

static void
end_child(GSubprocess *child, bool is_given_time)
{
    if (is_given_time && wait_for_child(child, OWN_END_TIMEOUT_MS))
        return;
    g_subprocess_send_signal(child, SIGTERM);
    if (wait_for_child(child, OWN_END_TIMEOUT_MS))
        return;
    g_subprocess_force_exit(child);
    (void)wait_for_child(child, OWN_END_TIMEOUT_MS);
}

static char *
read_log(int dir_fd, const char *name)
{
    g_autofree char *text = hf_state_read_file(dir_fd, name, NULL, NULL);

    return g_steal_pointer(&text);
}

static gboolean
throw_failure(const HfMonitorReply *reply, int dir_fd, GError **error)
{
    g_autofree char *runtime_log = read_log(dir_fd, HF_STATE_RUNTIME_LOG);
    g_autofree char *monitor_log = read_log(dir_fd, HF_STATE_MONITOR_LOG);

    return hf_monitor_reply_throw(reply, runtime_log, monitor_log, error);
}

static gboolean
launch(HfProcess *process, bool is_adopting, GCancellable *cancellable, GError **error)
{
    guint timeout_ms = process->container->start_timeout_ms;
    gint64 deadline_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    hf_autofd dir_fd = hf_process_open(process, error);
    hf_autofd sync_fd = -1;

    if (dir_fd < 0)
        return FALSE;
    g_autoptr(GSubprocess) monitor = spawn(process, dir_fd, is_adopting, &sync_fd, error);
    if (monitor == NULL)
        return FALSE;
    if (!hf_monitor_reply_read(sync_fd, deadline_us, cancellable, &reply, error)) {
        end_child(monitor, false);
        return FALSE;
    }
    if (reply.kind == HF_MONITOR_REPLY_STARTED)
        return TRUE;
    end_child(monitor, true);
    return throw_failure(&reply, dir_fd, error);
}

gboolean
hf_monitor_launch(HfProcess *process, GCancellable *cancellable, GError **error)
{
    return launch(process, false, cancellable, error);
}

gboolean
hf_monitor_launch_adopter(HfProcess *process, GCancellable *cancellable, GError **error)
{
    return launch(process, true, cancellable, error);
}
