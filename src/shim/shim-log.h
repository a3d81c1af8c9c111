/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Where the shim says why it did not become a monitor. */

#pragma once

#include <glib.h>

/* Makes shim-log.json in the working directory if it is missing: who looks for errors expects it.
 */
gboolean hf_shim_log_make(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @error as a line of shim-log.json, as a message on the pipe that _OCI_SYNCPIPE names, and on
 * stderr. What of it is not possible is left out. */
void hf_shim_log_tell(const GError *error);
