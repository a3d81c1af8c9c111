/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/checkpoint.h>

/* Where a checkpoint's options are, in its directory. */
#define HF_CHECKPOINT_CONFIG "config.json"
/* Where CRIU works, in the same. */
#define HF_CHECKPOINT_WORK "criu.work"

struct _HfCheckpoint {
    GObject parent_instance;

    char *name;
    GDateTime *created; /* NULL: it is not on disk */
    gboolean exits;
    gboolean has_tcp;
    gboolean has_unix_sockets;
    gboolean is_shell_job;
    char **empty_ns; /* NULL: none */
};

/* config.json in containerd 0.2's keys, with @created. (transfer full) */
char *hf_checkpoint_to_json(HfCheckpoint *self, GDateTime *created);

/* HF_ERROR_PROTOCOL names the JSON path of what is wrong. (transfer full) */
HfCheckpoint *hf_checkpoint_parse(const char *text, gsize length,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
