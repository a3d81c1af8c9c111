/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The OCI "process" object: what Holdfast reads of it has the right types. */

#pragma once

#include <json-glib/json-glib.h>

#include <glib.h>

/* args, env, cwd, user, terminal and capabilities; the others are the runtime's to judge.
 * capabilities may be an object (OCI 1.0) or a list of strings (containerd 0.2). @where stands
 * before the places in errors, HF_ERROR_PROTOCOL. */
gboolean hf_process_object_check(JsonObject *process, const char *where,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
