/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The directories of one container's cgroups: one for each v1 hierarchy, one for the unified one.
 *
 * They are found once, from a living process, and can be written down: a process may move to a
 * cgroup below (an init system does), and when it has ended nobody can tell where it was. A process
 * that was never given a cgroup of its own shares the engine's, or the root's, with others. */

#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <glib.h>

#include "cgroup/cgroup-path.h"

typedef enum {
    HF_CGROUP_CPU,
    HF_CGROUP_CPUACCT,
    HF_CGROUP_CPUSET,
    HF_CGROUP_MEMORY,
    HF_CGROUP_PIDS,
    HF_CGROUP_BLKIO, /* "io" in v2 */
    HF_CGROUP_HUGETLB,
    HF_CGROUP_DEVICES,
    HF_CGROUP_FREEZER,
    HF_CGROUP_N_CONTROLLERS,
} HfCgroupController;

/* The name of the v1 controller. */
const char *hf_cgroup_controller_to_string(HfCgroupController controller);

typedef struct {
    char *v1[HF_CGROUP_N_CONTROLLERS]; /* NULL where the controller is on no v1 hierarchy */
    char *unified;                     /* NULL where no unified hierarchy is mounted */
} HfCgroupDirs;

/* HF_ERROR_NOT_FOUND if process @pid has ended (also while it is a zombie) or no cgroup of it can
 * be reached. (transfer full) */
HfCgroupDirs *hf_cgroup_dirs_new_for_process(pid_t pid, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from the texts of /proc/PID/cgroup and /proc/self/mountinfo. (transfer full) */
HfCgroupDirs *hf_cgroup_dirs_new_from_texts(const char *proc_cgroup, const char *mountinfo,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One line "NAME PATH" for each directory, NAME a v1 controller's or "unified", PATH in octal where
 * it is not printable ASCII. (transfer full) */
char *hf_cgroup_dirs_to_text(const HfCgroupDirs *self);

/* What hf_cgroup_dirs_to_text() wrote. Names that are not known are passed over, so that an older
 * program can read a newer text. HF_ERROR_PROTOCOL for garbage. (transfer full) */
HfCgroupDirs *hf_cgroup_dirs_new_from_text(const char *text, size_t length,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where @controller is for the container: its v1 hierarchy, else the unified one, else NULL.
 * Borrowed. */
const char *hf_cgroup_dirs_find(const HfCgroupDirs *self, HfCgroupController controller,
                                HfCgroupVersion *out_version);

void hf_cgroup_dirs_free(HfCgroupDirs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfCgroupDirs, hf_cgroup_dirs_free)
