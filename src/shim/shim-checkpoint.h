/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a checkpoint was made with, and so has to be restored with: DIR/config.json. */

#pragma once

#include <glib.h>

/* The options for the runtime's `restore`, from the text of config.json. HF_ERROR_PROTOCOL names
 * the JSON path of what is wrong. (transfer full) */
char **hf_shim_checkpoint_parse(const char *text, gsize length,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for the checkpoint in @dir, and where CRIU puts its own files, of which the parent is
 * made here. (transfer full) */
char **hf_shim_checkpoint_load(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
