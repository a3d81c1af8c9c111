/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The monitor's own oom_score_adj: the kernel should kill a container before the one who watches
 * it, and a child should not inherit that. */

#pragma once

/* Asks for the lowest score. Refused without CAP_SYS_RESOURCE, which is not told: it changes
 * nothing else. Returns what the score was, as text for HfSpawnOptions, or NULL if it cannot be
 * read. (transfer full) */
char *hf_oom_score_lower(void);
