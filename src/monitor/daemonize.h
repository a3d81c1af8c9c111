/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How the monitor leaves its engine: into the background, and into a session of its own. */

#pragma once

#include <glib.h>

/* Forks. The first process writes the child's pid to @pid_file (nullable), whole, and ends with
 * status 0, so that the file is there when the engine's wait returns; this call returns in the
 * child. If the file cannot be written the first process says so and ends with status 1, and the
 * child ends too, before this call returns in it. */
gboolean hf_daemonize(const char *pid_file, GError **error) G_GNUC_WARN_UNUSED_RESULT;
