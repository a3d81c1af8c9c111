/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The process of an exec as today's runtimes take it. */

#pragma once

#include <json-glib/json-glib.h>

#include <glib.h>

/* containerd 0.2 knew capabilities as one list; OCI 1.0 has an object of lists. An object that is
 * OCI's already gives NULL, else what to give the runtime instead. (transfer full) (nullable) */
char *hf_shim_spec_convert(JsonObject *process);
