/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Members of JSON objects for scripts. A NULL text is null; what is no UTF-8 is replaced. */

#pragma once

#include <holdfast/holdfast.h>
#include <json-glib/json-glib.h>

void hf_json_add_string(JsonBuilder *builder, const char *name, const char *value);
void hf_json_add_int(JsonBuilder *builder, const char *name, gint64 value);
void hf_json_add_bool(JsonBuilder *builder, const char *name, gboolean value);
void hf_json_add_strings(JsonBuilder *builder, const char *name, const char *const *values);
void hf_json_add_time(JsonBuilder *builder, const char *name, GDateTime *time);

/* "NAME=VALUE" each becomes a member of an object. */
void hf_json_add_labels(JsonBuilder *builder, const char *name, const char *const *labels);

/* @text is JSON; null if it is none. */
void hf_json_add_raw(JsonBuilder *builder, const char *name, const char *text);

/* The whole, on one line without a newline or indented. Nothing in it acts on a terminal. (transfer
 * full) */
char *hf_json_to_text(JsonBuilder *builder, gboolean is_indented);

/* The whole on stdout, indented, with a newline. */
void hf_json_print(JsonBuilder *builder);
