/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "cgroup/cgroup-text.h"
#include "library/freezer-place.h"

/* Where systemd, and everybody after it, mounts them. */
#define UNIFIED_MOUNT "/sys/fs/cgroup"
#define FREEZER_MOUNT "/sys/fs/cgroup/freezer"

static bool
names_freezer(HfCgroupText controllers)
{
    HfCgroupText name;

    while (hf_cgroup_text_cut(&controllers, ',', &name)) {
        if (hf_cgroup_text_is(name, "freezer"))
            return true;
    }
    return hf_cgroup_text_is(controllers, "freezer");
}

char *
hf_freezer_place_parse(const char *proc_cgroup, HfCgroupVersion *out_version)
{
    HfCgroupText rest = {proc_cgroup, strlen(proc_cgroup)};
    HfCgroupText found = {0};
    HfCgroupText line;
    HfCgroupText number;
    HfCgroupText controllers;

    while (hf_cgroup_text_next_line(&rest, &line)) {
        if (!hf_cgroup_text_cut(&line, ':', &number) ||
            !hf_cgroup_text_cut(&line, ':', &controllers))
            continue;
        bool is_v1 = names_freezer(controllers);
        if (!is_v1 && controllers.length > 0)
            continue;
        /* Where v1 has the freezer the unified hierarchy is not asked. */
        found = line;
        *out_version = is_v1 ? HF_CGROUP_V1 : HF_CGROUP_V2;
        if (is_v1)
            break;
    }
    g_autofree char *path = g_strndup(found.at, found.length);
    /* "/.." begins the path of a cgroup outside of the namespace. */
    if (path == NULL || path[0] != '/' || g_str_has_prefix(path, "/.."))
        return NULL;
    return g_steal_pointer(&path);
}

HfCgroupDirs *
hf_freezer_place_find(pid_t pid)
{
    g_autofree char *proc_cgroup = hf_cgroup_path_read_process(pid, NULL);
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *path =
        proc_cgroup != NULL ? hf_freezer_place_parse(proc_cgroup, &version) : NULL;
    bool is_v1 = version == HF_CGROUP_V1;
    struct statfs status;

    if (path == NULL)
        return NULL;
    char *directory = g_strconcat(is_v1 ? FREEZER_MOUNT : UNIFIED_MOUNT, path, NULL);
    if (statfs(directory, &status) < 0 ||
        status.f_type != (is_v1 ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC))
        return g_free(directory), NULL;
    HfCgroupDirs *dirs = g_new0(HfCgroupDirs, 1);
    *(is_v1 ? &dirs->v1[HF_CGROUP_FREEZER] : &dirs->unified) = directory;
    return dirs;
}
