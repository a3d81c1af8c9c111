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

/* The cgroup directory for @controller ("memory") that the texts of /proc/PID/cgroup and
 * /proc/self/mountinfo together name: the v1 hierarchy that has the controller, else the unified
 * one. A pure function. HF_ERROR_NOT_FOUND if neither is there, HF_ERROR_PROTOCOL for garbage.
 * (transfer full) */
char *hf_cgroup_path_resolve(const char *proc_cgroup, const char *mountinfo, const char *controller,
                             HfCgroupVersion *out_version,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a live process. (transfer full) */
char *hf_cgroup_path_of_process(pid_t pid, const char *controller, HfCgroupVersion *out_version,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
