/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Where programs are. */

#pragma once

#include <glib.h>

/* The absolute path of the OCI runtime @name, which is a path if it has a slash in it, and else is
 * looked for in PATH. HF_ERROR_NOT_FOUND. (transfer full) */
char *hf_shim_find_runtime(const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* $HOLDFAST_MONITOR, or holdfast-monitor beside this program, where it is installed, or in PATH.
 * HF_ERROR_NOT_FOUND. (transfer full) */
char *hf_shim_find_monitor(GError **error) G_GNUC_WARN_UNUSED_RESULT;
