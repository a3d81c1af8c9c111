/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "state/json-member.h"
#include "state/json-text.h"

static const char *
describe(JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node))
        return "an object";
    if (JSON_NODE_HOLDS_ARRAY(node))
        return "a list";
    if (JSON_NODE_HOLDS_NULL(node))
        return "null";
    if (json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        return "a boolean";
    if (json_node_get_value_type(node) == G_TYPE_STRING && !hf_json_text_is_other_number(node))
        return "a string";
    return "a number";
}

gboolean
hf_json_member_throw(JsonNode *node, const char *where, const char *name, const char *expected,
                     GError **error)
{
    return hf_throw(error, HF_ERROR_PROTOCOL, "%s%s: %s is expected, this is %s", where, name,
                    expected, describe(node));
}

static bool
is_string(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING &&
           !hf_json_text_is_other_number(node);
}

/* The member, or NULL if it is missing or null. */
static JsonNode *
find(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node == NULL || JSON_NODE_HOLDS_NULL(node) ? NULL : node;
}

gboolean
hf_json_member_read_string(JsonObject *object, const char *where, const char *name, char **out,
                           GError **error)
{
    JsonNode *node = find(object, name);

    if (node == NULL)
        return TRUE;
    if (!is_string(node))
        return hf_json_member_throw(node, where, name, "a string", error);
    g_free(*out);
    *out = g_strdup(json_node_get_string(node));
    return TRUE;
}

/* Whether each element of @array passes @is_right. */
static gboolean
check_elements(JsonArray *array, const char *where, const char *name, bool (*is_right)(JsonNode *),
               const char *expected, GError **error)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);

        if (!is_right(element)) {
            g_autofree char *place = g_strdup_printf("%s[%u]", name, i);
            return hf_json_member_throw(element, where, place, expected, error);
        }
    }
    return TRUE;
}

gboolean
hf_json_member_read_strings(JsonObject *object, const char *where, const char *name, char ***out,
                            GError **error)
{
    JsonNode *node = find(object, name);

    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return hf_json_member_throw(node, where, name, "a list of strings", error);
    JsonArray *array = json_node_get_array(node);
    if (!check_elements(array, where, name, is_string, "a string", error))
        return FALSE;

    guint length = json_array_get_length(array);
    char **strings = g_new0(char *, length + 1);
    for (guint i = 0; i < length; i++)
        strings[i] = g_strdup(json_array_get_string_element(array, i));
    g_strfreev(*out);
    *out = strings;
    return TRUE;
}

gboolean
hf_json_member_read_bool(JsonObject *object, const char *where, const char *name, bool *out,
                         GError **error)
{
    JsonNode *node = find(object, name);

    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_BOOLEAN)
        return hf_json_member_throw(node, where, name, "a boolean", error);
    *out = json_node_get_boolean(node);
    return TRUE;
}

gboolean
hf_json_member_read_uint32(JsonObject *object, const char *where, const char *name, guint32 *out,
                           GError **error)
{
    JsonNode *node = find(object, name);

    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_VALUE(node) ||
        (json_node_get_value_type(node) != G_TYPE_INT64 && !hf_json_text_is_other_number(node)))
        return hf_json_member_throw(node, where, name, "a number", error);
    if (hf_json_text_is_other_number(node) || json_node_get_int(node) < 0 ||
        json_node_get_int(node) > G_MAXUINT32)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%s%s: an integer from 0 to %u is expected",
                        where, name, G_MAXUINT32);
    *out = (guint32)json_node_get_int(node);
    return TRUE;
}

gboolean
hf_json_member_read_object(JsonObject *object, const char *where, const char *name,
                           JsonObject **out, GError **error)
{
    JsonNode *node = find(object, name);

    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return hf_json_member_throw(node, where, name, "an object", error);
    *out = json_node_get_object(node);
    return TRUE;
}

static bool
is_object(JsonNode *node)
{
    return JSON_NODE_HOLDS_OBJECT(node);
}

gboolean
hf_json_member_read_objects(JsonObject *object, const char *where, const char *name,
                            JsonArray **out, GError **error)
{
    JsonNode *node = find(object, name);

    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return hf_json_member_throw(node, where, name, "a list of objects", error);
    if (!check_elements(json_node_get_array(node), where, name, is_object, "an object", error))
        return FALSE;
    *out = json_node_get_array(node);
    return TRUE;
}
