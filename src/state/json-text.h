/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* JSON text <-> json-glib's objects, strictly and without loss.
 *
 * json-glib's own parser takes more than JSON, has no bound on nesting, and turns a number above
 * 2^63, as the limits of an OCI process have, into another one. Here a number that is no 64-bit
 * integer is kept as a string node: HF_JSON_NUMBER_MARK and the number as it was written. No string
 * of the text can begin so. Such objects are to be printed by hf_json_text_print(). */

#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include <glib.h>

#define HF_JSON_DEPTH_MAX 64

/* U+FDD0, which is no character */
#define HF_JSON_NUMBER_MARK "\xEF\xB7\x90"

/* The one object that @text is, in UTF-8. HF_ERROR_PROTOCOL says where it is wrong. Of members of
 * one name the last counts. (transfer full) */
JsonObject *hf_json_text_parse(const char *text, gsize length,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Without blanks, members in their order. (transfer full) */
char *hf_json_text_print(JsonObject *object);

/* The same for one value, appended to @json. */
void hf_json_text_append(GString *json, JsonNode *node);

/* Appends @text with its quotes. */
void hf_json_text_append_string(GString *json, const char *text);

/* Whether @node is a number that is no 64-bit integer. */
bool hf_json_text_is_other_number(JsonNode *node);
