/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A cgroup and all cgroups below it. */

#pragma once

#include <glib.h>

/* @dir_fd is one cgroup's directory, opened with O_PATH. FALSE ends the walk. */
typedef gboolean (*HfCgroupVisitFunc)(int dir_fd, gpointer user_data, GError **error);

/* Calls @visit for the cgroup @top_fd and for each below it, a parent before its children. Cgroups
 * that are removed in the meantime are passed over. HF_ERROR_LIMIT after @max of them, or where
 * they are nested deeper than a path can be long. */
gboolean hf_cgroup_tree_walk(int top_fd, guint max, HfCgroupVisitFunc visit, gpointer user_data,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
