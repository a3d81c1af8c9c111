/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Whether a container's cgroup is frozen, as `pause` of an OCI runtime leaves it. Reads only. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "cgroup/cgroup-dirs.h"

typedef enum {
    HF_CGROUP_THAWED,
    HF_CGROUP_FREEZING,           /* asked for; some process still runs */
    HF_CGROUP_FROZEN,             /* asked for, and done */
    HF_CGROUP_FROZEN_BY_ANCESTOR, /* a cgroup above was frozen (a pod's), not this one */
} HfCgroupFreezerState;

const char *hf_cgroup_freezer_state_to_string(HfCgroupFreezerState state);

/* Whether the container itself was paused, which is what runtimes call "paused". */
bool hf_cgroup_freezer_is_paused(HfCgroupFreezerState state);

/* HF_ERROR_NOT_SUPPORTED where the kernel has no freezer for the cgroup, HF_ERROR_NOT_FOUND if the
 * cgroup is gone, HF_ERROR_PROTOCOL for garbage. */
gboolean hf_cgroup_freezer_read(const HfCgroupDirs *dirs, HfCgroupFreezerState *out_state,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
