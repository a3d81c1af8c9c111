/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A bundle whose container has every system call handed over, made from another one. */

#pragma once

#include <json-glib/json-glib.h>

#include <glib.h>

/* linux.seccomp with one rule for @take_names. (transfer full) */
JsonObject *hf_seccomp_bundle_make_filter(const char *default_action, const char *action,
                                          JsonArray *take_names, JsonArray *take_architectures);

/* Writes @dir/config.json: that of @bundle with absolute paths and with a filter that hands all but
 * @untraced over to @socket. */
gboolean hf_seccomp_bundle_write(const char *dir, const char *bundle, const char *socket,
                                 const char *const *untraced, GError **error);
