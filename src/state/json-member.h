/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Members of an object that was read from a file, with errors that name the place:
 * "process.args[1]: a string is expected, this is a number". @where is the object's own place with
 * a dot behind it,
 * "" for the outermost.
 *
 * A member that is missing or null leaves *@out as it is; what is there replaces it, and what was
 * there before is freed. Errors are HF_ERROR_PROTOCOL. */

#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

#include <glib.h>

gboolean hf_json_member_read_string(JsonObject *object, const char *where, const char *name,
                                    char **out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_json_member_read_strings(JsonObject *object, const char *where, const char *name,
                                     char ***out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_json_member_read_bool(JsonObject *object, const char *where, const char *name,
                                  bool *out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_json_member_read_uint32(JsonObject *object, const char *where, const char *name,
                                    guint32 *out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Borrowed from @object. */
gboolean hf_json_member_read_object(JsonObject *object, const char *where, const char *name,
                                    JsonObject **out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A list of objects, borrowed from @object. */
gboolean hf_json_member_read_objects(JsonObject *object, const char *where, const char *name,
                                     JsonArray **out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "WHERE NAME: @expected is expected, this is a ...". Always FALSE. */
gboolean hf_json_member_throw(JsonNode *node, const char *where, const char *name,
                              const char *expected, GError **error);
