/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A value of --log-label: NAME=VALUE, a field of its own in each record of the journal. */

#pragma once

#include <glib.h>

/* HF_ERROR_INVALID_ARGUMENT unless it is one '=' between a name of A-Z, 0-9 and '_' and a value. */
gboolean hf_log_label_check(const char *label, GError **error) G_GNUC_WARN_UNUSED_RESULT;
