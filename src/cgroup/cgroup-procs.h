/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The processes of a container: those in its cgroup and in all cgroups below it. */

#pragma once

#include <stddef.h>

#include <glib.h>

#include "cgroup/cgroup-dirs.h"

/* The pids, ascending, each once. HF_ERROR_LIMIT if there are more than @max or the container has
 * made thousands of cgroups, HF_ERROR_NOT_FOUND if the cgroup is gone, HF_ERROR_NOT_SUPPORTED if it
 * is threaded. A process that forks or moves in the meantime may be missing. GArray of guint32;
 * (transfer full) */
GArray *hf_cgroup_procs_read(const HfCgroupDirs *dirs, guint max,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A HfCgroupParser for cgroup.procs; @out is a GArray of guint32. Processes of another pid
 * namespace, which the kernel shows as 0, are left out. A pure function. */
gboolean hf_cgroup_procs_parse(const char *text, size_t length, gpointer out,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
