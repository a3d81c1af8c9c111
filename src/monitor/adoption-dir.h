/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The directory by which a later monitor takes over a container of an engine, which has no process
 * directory (--adoptable without --process-dir). */

#pragma once

#include <glib.h>

#include "monitor/options.h"
#include "monitor/process-dir.h"

/* Makes and locks the directory of this session, and writes down how this program was started. What
 * an earlier session of that id left there is removed; HF_ERROR_EXISTS if it has a monitor. */
HfProcessDir *hf_adoption_dir_make(const HfOptions *options,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the directory, whose lock is held. */
void hf_adoption_dir_remove(HfProcessDir *dir);

/* Executes this program as the one was that wrote @path, with --adopt. Returns only if that fails,
 * or with TRUE if there is nothing to take over: then what was left of the directory is gone. */
gboolean hf_adoption_dir_execute(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
