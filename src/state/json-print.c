/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "protocol/json-string.h"
#include "state/json-text.h"

bool
hf_json_text_is_other_number(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING &&
           g_str_has_prefix(json_node_get_string(node), HF_JSON_NUMBER_MARK);
}

void
hf_json_text_append_string(GString *json, const char *text)
{
    g_string_append_c(json, '"');
    hf_json_string_append(json, text, strlen(text));
    g_string_append_c(json, '"');
}

static void
append_value(GString *json, JsonNode *node)
{
    if (hf_json_text_is_other_number(node)) {
        g_string_append(json, json_node_get_string(node) + strlen(HF_JSON_NUMBER_MARK));
        return;
    }
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        hf_json_text_append_string(json, json_node_get_string(node));
        break;
    case G_TYPE_INT64:
        g_string_append_printf(json, "%" G_GINT64_FORMAT, json_node_get_int(node));
        break;
    case G_TYPE_BOOLEAN:
        g_string_append(json, json_node_get_boolean(node) ? "true" : "false");
        break;
    default:
        g_assert_not_reached();
    }
}

static void
append_object(GString *json, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    const char *separator = "";

    g_string_append_c(json, '{');
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_string_append(json, separator);
        hf_json_text_append_string(json, name);
        g_string_append_c(json, ':');
        hf_json_text_append(json, value);
        separator = ",";
    }
    g_string_append_c(json, '}');
}

static void
append_array(GString *json, JsonArray *array)
{
    g_string_append_c(json, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (i > 0)
            g_string_append_c(json, ',');
        hf_json_text_append(json, json_array_get_element(array, i));
    }
    g_string_append_c(json, ']');
}

void
hf_json_text_append(GString *json, JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        append_object(json, json_node_get_object(node));
        break;
    case JSON_NODE_ARRAY:
        append_array(json, json_node_get_array(node));
        break;
    case JSON_NODE_VALUE:
        append_value(json, node);
        break;
    case JSON_NODE_NULL:
        g_string_append(json, "null");
        break;
    }
}

char *
hf_json_text_print(JsonObject *object)
{
    GString *json = g_string_new(NULL);

    append_object(json, object);
    return g_string_free(json, FALSE);
}
