/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the specifications hold: objects as hf_json_text_parse() makes them (state/json-text.h). */

#pragma once

#include <holdfast/spec.h>
#include <json-glib/json-glib.h>

struct _HfProcessSpec {
    GObject parent_instance;

    JsonObject *process; /* owned, and nobody else's */
};

struct _HfSpec {
    GObject parent_instance;

    JsonObject *config; /* owned; never changed */
};

/* Of a copy of @process, which has passed hf_process_object_check(). (transfer full) */
HfProcessSpec *hf_process_spec_new_for_object(JsonObject *process);

/* A copy that shares nothing with the original. (transfer full) */
JsonObject *hf_process_spec_dup_object(HfProcessSpec *self);
