/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A process that has ended is moved to the root of each v1 hierarchy while it is still there as a
 * zombie, and the root's numbers are those of the whole machine. So the state of the process is
 * looked at after /proc/PID/cgroup was read: if it was alive then, the text was true. */

#include <fcntl.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "base/io.h"
#include "cgroup/cgroup-dirs.h"
#include "cgroup/cgroup-text.h"

#define PROC_STAT_MAX 4096
#define UNIFIED "unified"

const char *
hf_cgroup_controller_to_string(HfCgroupController controller)
{
    static const char *const names[] = {
        [HF_CGROUP_CPU] = "cpu",         [HF_CGROUP_CPUACCT] = "cpuacct",
        [HF_CGROUP_CPUSET] = "cpuset",   [HF_CGROUP_MEMORY] = "memory",
        [HF_CGROUP_PIDS] = "pids",       [HF_CGROUP_BLKIO] = "blkio",
        [HF_CGROUP_HUGETLB] = "hugetlb", [HF_CGROUP_DEVICES] = "devices",
        [HF_CGROUP_FREEZER] = "freezer",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == HF_CGROUP_N_CONTROLLERS);
    g_return_val_if_fail((guint)controller < HF_CGROUP_N_CONTROLLERS, "?");
    return names[controller];
}

static gboolean
check_alive(pid_t pid, GError **error)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *stat = hf_io_read_file_at(AT_FDCWD, name, PROC_STAT_MAX, NULL, NULL);
    const char *state = stat == NULL ? NULL : strrchr(stat, ')');

    /* "PID (COMM) STATE ...", and COMM may be anything */
    if (state == NULL || strlen(state) < 3 || strchr("ZXx", state[2]) != NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "process %d has ended", (int)pid);
    return TRUE;
}

HfCgroupDirs *
hf_cgroup_dirs_new_for_process(pid_t pid, GError **error)
{
    g_autofree char *proc_cgroup = NULL;
    g_autofree char *mountinfo = NULL;
    g_autoptr(GError) local_error = NULL;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    proc_cgroup = hf_cgroup_path_read_process(pid, &local_error);
    if (!check_alive(pid, error))
        return NULL;
    if (proc_cgroup == NULL)
        return g_propagate_error(error, g_steal_pointer(&local_error)), NULL;
    mountinfo = hf_cgroup_path_read_mounts(error);
    if (mountinfo == NULL)
        return NULL;
    return hf_cgroup_dirs_new_from_texts(proc_cgroup, mountinfo, error);
}

/* *@out stays NULL if the controller is nowhere, or only on the unified hierarchy. */
static gboolean
resolve(const char *proc_cgroup, const char *mountinfo, const char *controller, char **out,
        GError **error)
{
    g_autoptr(GError) local_error = NULL;
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *path =
        hf_cgroup_path_resolve(proc_cgroup, mountinfo, controller, &version, &local_error);

    if (path == NULL && !g_error_matches(local_error, HF_ERROR, HF_ERROR_NOT_FOUND))
        return g_propagate_error(error, g_steal_pointer(&local_error)), FALSE;
    if (path != NULL && (controller == NULL || version == HF_CGROUP_V1))
        *out = g_steal_pointer(&path);
    return TRUE;
}

static bool
is_empty(const HfCgroupDirs *self)
{
    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        if (self->v1[i] != NULL)
            return false;
    return self->unified == NULL;
}

HfCgroupDirs *
hf_cgroup_dirs_new_from_texts(const char *proc_cgroup, const char *mountinfo, GError **error)
{
    g_autoptr(HfCgroupDirs) self = g_new0(HfCgroupDirs, 1);

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        if (!resolve(proc_cgroup, mountinfo, hf_cgroup_controller_to_string(i), &self->v1[i],
                     error))
            return NULL;
    if (!resolve(proc_cgroup, mountinfo, NULL, &self->unified, error))
        return NULL;
    if (is_empty(self))
        return hf_throw(error, HF_ERROR_NOT_FOUND, "no cgroup of the process can be reached"), NULL;
    return g_steal_pointer(&self);
}

static void
append_dir(GString *text, const char *name, const char *path)
{
    g_autofree char *escaped = path == NULL ? NULL : g_strescape(path, NULL);

    if (escaped != NULL)
        g_string_append_printf(text, "%s %s\n", name, escaped);
}

char *
hf_cgroup_dirs_to_text(const HfCgroupDirs *self)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        append_dir(text, hf_cgroup_controller_to_string(i), self->v1[i]);
    append_dir(text, UNIFIED, self->unified);
    return g_string_free(text, FALSE);
}

/* The place of the directory called @name, NULL if there is no such name. */
static char **
find_place(HfCgroupDirs *self, HfCgroupText name)
{
    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        if (hf_cgroup_text_is(name, hf_cgroup_controller_to_string(i)))
            return &self->v1[i];
    return hf_cgroup_text_is(name, UNIFIED) ? &self->unified : NULL;
}

/* g_strcompress() complains about it. */
static bool
ends_within_escape(HfCgroupText text)
{
    size_t count = 0;

    while (count < text.length && text.at[text.length - 1 - count] == '\\')
        count++;
    return count % 2 == 1;
}

static bool
parse_dir(HfCgroupDirs *self, HfCgroupText line)
{
    HfCgroupText name;
    char **place;

    if (!hf_cgroup_text_cut(&line, ' ', &name) || line.length == 0 || *line.at != '/' ||
        memchr(line.at, '\0', line.length) != NULL || ends_within_escape(line))
        return false;
    place = find_place(self, name);
    if (place == NULL)
        return true;
    if (*place != NULL)
        return false;
    g_autofree char *escaped = g_strndup(line.at, line.length);
    *place = g_strcompress(escaped);
    return true;
}

HfCgroupDirs *
hf_cgroup_dirs_new_from_text(const char *text, size_t length, GError **error)
{
    g_autoptr(HfCgroupDirs) self = g_new0(HfCgroupDirs, 1);
    HfCgroupText rest = {text, length};
    HfCgroupText line;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    for (guint number = 1; hf_cgroup_text_next_line(&rest, &line); number++)
        if (!parse_dir(self, line))
            return hf_cgroup_text_throw_line(error, number, "cgroup with its directory"), NULL;
    if (is_empty(self))
        return hf_throw(error, HF_ERROR_PROTOCOL, "it names no cgroup"), NULL;
    return g_steal_pointer(&self);
}

const char *
hf_cgroup_dirs_find(const HfCgroupDirs *self, HfCgroupController controller,
                    HfCgroupVersion *out_version)
{
    g_return_val_if_fail((guint)controller < HF_CGROUP_N_CONTROLLERS, NULL);

    *out_version = self->v1[controller] != NULL ? HF_CGROUP_V1 : HF_CGROUP_V2;
    return self->v1[controller] != NULL ? self->v1[controller] : self->unified;
}

void
hf_cgroup_dirs_free(HfCgroupDirs *self)
{
    if (self == NULL)
        return;
    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        g_free(self->v1[i]);
    g_free(self->unified);
    g_free(self);
}
