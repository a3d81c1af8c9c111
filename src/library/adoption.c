/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <gio/gio.h>
#include <holdfast/adoption.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/container-private.h"
#include "library/monitor-upgrade.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: the directory of a session holds how its monitor was started, and a lock that the
 * living monitor holds. `holdfast-monitor --adopt DIR` does all the rest; its first process ends
 * when the new monitor is in the background, or says on stderr why there is none. Whoever is second
 * finds the lock held, and that is as good.
 *
 * Such a monitor has no `control`. It is asked for an upgrade by a signal, which goes to the
 * process that monitor.pid and monitor.start name and to no later one. */

#define MONITORS_DIR ".monitors"
#define MONITOR_VARIABLE "HOLDFAST_MONITOR"

static int
open_monitors(const char *root, GError **error)
{
    g_autofree char *whole_root = hf_container_dup_root(root);
    g_autofree char *path = g_build_filename(whole_root, MONITORS_DIR, NULL);
    hf_autofd root_fd = hf_state_open_root(whole_root, false, error);

    return root_fd >= 0 ? hf_state_open_dir(root_fd, MONITORS_DIR, path, error) : -1;
}

static bool
has_monitor(int dir_fd)
{
    bool is_held = false;

    return !hf_lock_file_is_held(dir_fd, HF_STATE_LOCK, &is_held, NULL) || is_held;
}

static char **
list(const char *root, bool is_watched, GError **error)
{
    g_autoptr(GStrvBuilder) ids = g_strv_builder_new();
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(GError) local = NULL;

    hf_autofd monitors_fd = open_monitors(root, &local);
    if (g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        return g_strv_builder_end(ids);
    if (monitors_fd >= 0)
        names = hf_state_list_names(monitors_fd, &local);
    if (names == NULL)
        return g_propagate_error(error, g_steal_pointer(&local)), NULL;
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        hf_autofd dir_fd = hf_state_open_dir(monitors_fd, name, name, NULL);

        if (dir_fd >= 0 && has_monitor(dir_fd) == is_watched)
            g_strv_builder_add(ids, name);
    }
    return g_strv_builder_end(ids);
}

char **
hf_adoption_list(const char *root, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    return list(root, false, error);
}

char **
hf_adoption_list_watched(const char *root, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    return list(root, true, error);
}

/* HF_MONITOR_PATH is the installed holdfast-monitor. */
static const char *
find_monitor(void)
{
    const char *variable = getauxval(AT_SECURE) == 0 ? g_getenv(MONITOR_VARIABLE) : NULL;

    return variable != NULL && *variable != '\0' ? variable : HF_MONITOR_PATH;
}

static gboolean
run_monitor(const char *directory, GCancellable *cancellable, GError **error)
{
    /* Those that were handed to this program keep their numbers. */
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_INHERIT_FDS | G_SUBPROCESS_FLAGS_STDOUT_SILENCE |
        G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autofree char *said = NULL;
    g_autoptr(GSubprocess) monitor =
        g_subprocess_launcher_spawn(launcher, error, find_monitor(), "--adopt", directory, NULL);

    if (monitor == NULL ||
        !g_subprocess_communicate_utf8(monitor, NULL, cancellable, NULL, &said, error))
        return FALSE;
    if (g_subprocess_get_successful(monitor))
        return TRUE;
    return hf_throw(error, HF_ERROR_FAILED, "%s", said != NULL ? g_strstrip(said) : "no monitor");
}

/* The session's directory, whose path *@out_path (optional, transfer full) becomes; or -1. */
static int
open_session(const char *root, const char *id, char **out_path, GError **error)
{
    g_autofree char *whole_root = hf_container_dup_root(root);
    g_autofree char *path = g_build_filename(whole_root, MONITORS_DIR, id, NULL);

    if (!hf_state_check_id("session", id, error))
        return -1;
    hf_autofd monitors_fd = open_monitors(root, error);
    hf_autofd dir_fd = monitors_fd >= 0 ? hf_state_open_dir(monitors_fd, id, path, error) : -1;
    if (dir_fd < 0)
        return g_prefix_error(error, "session '%s': ", id), -1;
    if (out_path != NULL)
        *out_path = g_steal_pointer(&path);
    return hf_steal_fd(&dir_fd);
}

gboolean
hf_adoption_run(const char *root, const char *id, GCancellable *cancellable, GError **error)
{
    g_autofree char *directory = NULL;
    g_autoptr(GError) local = NULL;

    g_return_val_if_fail(id != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    hf_autofd dir_fd = open_session(root, id, &directory, error);
    if (dir_fd < 0)
        return FALSE;
    if (has_monitor(dir_fd) || run_monitor(directory, cancellable, &local) || has_monitor(dir_fd))
        return TRUE;
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "session '%s': ", id);
    return FALSE;
}

static gboolean
ask(const HfProcessRef *monitor, gpointer user_data, GError **error)
{
    (void)user_data;
    return hf_process_ref_signal(monitor, SIGUSR2, error);
}

gboolean
hf_adoption_upgrade_monitor(const char *root, const char *id, gboolean is_forced,
                            gboolean *out_is_upgraded, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(id != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    hf_autofd dir_fd = open_session(root, id, NULL, error);
    if (dir_fd < 0)
        return FALSE;
    if (hf_monitor_upgrade_run(dir_fd, is_forced, ask, NULL, out_is_upgraded, cancellable, error))
        return TRUE;
    g_prefix_error(error, "session '%s': ", id);
    return FALSE;
}

char *
hf_adoption_dup_monitor_version(const char *root, const char *id)
{
    g_return_val_if_fail(id != NULL, NULL);

    hf_autofd dir_fd = open_session(root, id, NULL, NULL);
    return dir_fd >= 0 ? hf_monitor_upgrade_dup_version(dir_fd) : NULL;
}
