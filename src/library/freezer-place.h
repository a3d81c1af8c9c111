/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Where a process's freezer is, without looking through all mounts: there is one mount for each
 * container, and the state of each container is asked for. */

#pragma once

#include <sys/types.h>

#include "cgroup/cgroup-dirs.h"

/* With the freezer's directory only. NULL where cgroups are not mounted in their usual places, or
 * the process has ended: hf_cgroup_dirs_new_for_process() knows more then. (transfer full) */
HfCgroupDirs *hf_freezer_place_find(pid_t pid);

/* The path of the freezer's cgroup in the text of /proc/PID/cgroup, and which kind it is; NULL if
 * there is none, or it is out of this program's sight. Pure. (transfer full) */
char *hf_freezer_place_parse(const char *proc_cgroup, HfCgroupVersion *out_version);
