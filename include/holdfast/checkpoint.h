/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

#define HF_TYPE_CHECKPOINT (hf_checkpoint_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfCheckpoint, hf_checkpoint, HF, CHECKPOINT, GObject)

/**
 * HfCheckpoint:
 *
 * A checkpoint's name and options, as containerd 0.2 has them and its config.json keeps them.
 */

/**
 * HfCheckpoint:name:
 *
 * Its directory's name; as a container's id.
 */

/**
 * HfCheckpoint:exit:
 *
 * The container is ended by it.
 */

/**
 * HfCheckpoint:tcp:
 *
 * With established TCP connections.
 */

/**
 * HfCheckpoint:unix-sockets:
 *
 * With connected unix sockets.
 */

/**
 * HfCheckpoint:shell:
 *
 * A shell job: the session's leader and terminal are outside.
 */

/**
 * HfCheckpoint:empty-ns:
 *
 * Namespaces to make but not to fill: "network", ...; may be %NULL.
 */

/**
 * hf_checkpoint_new:
 *
 * Returns: (transfer full): with all options off
 */
HF_PUBLIC
HfCheckpoint *hf_checkpoint_new(const char *name);

/**
 * hf_checkpoint_get_name:
 *
 * Returns: its directory's name
 */
HF_PUBLIC
const char *hf_checkpoint_get_name(HfCheckpoint *self);

/**
 * hf_checkpoint_dup_created:
 *
 * Returns: (transfer full) (nullable): when it was made; %NULL for one that is not on disk
 */
HF_PUBLIC
GDateTime *hf_checkpoint_dup_created(HfCheckpoint *self);

G_END_DECLS
