/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include "cgroup/cgroup-stats.h"

/* @stats as the "data" object of `runc events --stats`, nothing left out. (transfer full) */
char *hf_cgroup_stats_to_json(const HfCgroupStats *stats);
