/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Where a process's cgroup is in the file system: cgroup v1, v2 and hybrids of both. */

#pragma once

#include <sys/types.h>

#include <glib.h>

typedef enum {
    HF_CGROUP_V1,
    HF_CGROUP_V2,
} HfCgroupVersion;

/* The cgroup directory for @controller ("memory", or "name=systemd" for a named v1 hierarchy; NULL
 * is the unified hierarchy) that the texts of /proc/PID/cgroup and /proc/self/mountinfo together
 * name: the v1 hierarchy that has the controller, else the unified one. A pure function.
 * HF_ERROR_NOT_FOUND if neither is there, or if no mount reaches the cgroup. HF_ERROR_PROTOCOL for
 * garbage in @proc_cgroup; lines of
 * @mountinfo that make no sense are passed over, as they belong to other file systems.
 *
 * The kernel appends " (deleted)" to a removed v2 cgroup's path, which a living one may be called
 * as well: the path is returned as it stands, and opening it tells. (transfer full) */
char *hf_cgroup_path_resolve(const char *proc_cgroup, const char *mountinfo, const char *controller,
                             HfCgroupVersion *out_version,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a live process. (transfer full) */
char *hf_cgroup_path_of_process(pid_t pid, const char *controller, HfCgroupVersion *out_version,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The text of /proc/PID/cgroup. (transfer full) */
char *hf_cgroup_path_read_process(pid_t pid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The lines of this process's mountinfo that may be cgroup mounts. (transfer full) */
char *hf_cgroup_path_read_mounts(GError **error) G_GNUC_WARN_UNUSED_RESULT;
