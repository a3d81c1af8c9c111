/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <gio/gio.h>
#include <holdfast/adoption.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/container-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: the directory of a session holds how its monitor was started, and a lock that the
 * living monitor holds. `holdfast-monitor --adopt DIR` does all the rest; its first process ends
 * when the new monitor is in the background, or says on stderr why there is none. Whoever is second
 * finds the lock held, and that is as good. */

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

char **
hf_adoption_list(const char *root, GError **error)
{
    g_autoptr(GStrvBuilder) ids = g_strv_builder_new();
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(GError) local = NULL;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

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

        if (dir_fd >= 0 && !has_monitor(dir_fd))
            g_strv_builder_add(ids, name);
    }
    return g_strv_builder_end(ids);
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

gboolean
hf_adoption_run(const char *root, const char *id, GCancellable *cancellable, GError **error)
{
    g_autofree char *whole_root = hf_container_dup_root(root);
    g_autofree char *directory = g_build_filename(whole_root, MONITORS_DIR, id, NULL);
    g_autoptr(GError) local = NULL;

    g_return_val_if_fail(id != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (!hf_state_check_id("session", id, error))
        return FALSE;
    hf_autofd monitors_fd = open_monitors(root, error);
    hf_autofd dir_fd = monitors_fd >= 0 ? hf_state_open_dir(monitors_fd, id, directory, error) : -1;
    if (dir_fd < 0)
        return g_prefix_error(error, "session '%s': ", id), FALSE;
    if (has_monitor(dir_fd) || run_monitor(directory, cancellable, &local) || has_monitor(dir_fd))
        return TRUE;
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "session '%s': ", id);
    return FALSE;
}
