/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Whether a command line makes sense, in the order and words in which conmon says so. */

#pragma once

#include <glib.h>

#include "monitor/options.h"

/* Also fills in what follows from other options (bundle, container_pid_file, log_specs). What is
 * only unwise goes to hf_diag(). */
gboolean hf_options_check(HfOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
