/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "shim/shim-spec.h"
#include "state/json-text.h"

/* Not the inheritable ones: a process gets none of its capabilities from them, and a program with
 * file capabilities would get more than it should (CVE-2022-24769). */
static JsonNode *
make_sets(JsonNode *list)
{
    static const char *const sets[] = {"bounding", "effective", "permitted"};
    g_autoptr(JsonObject) object = json_object_new();
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    for (gsize i = 0; i < G_N_ELEMENTS(sets); i++)
        json_object_set_member(object, sets[i], json_node_copy(list));
    json_node_set_object(node, object);
    return node;
}

char *
hf_shim_spec_convert(JsonObject *process)
{
    static const char key[] = "capabilities";
    JsonNode *list = json_object_get_member(process, key);
    g_autoptr(JsonObject) converted = NULL;

    if (list == NULL || !JSON_NODE_HOLDS_ARRAY(list))
        return NULL;
    converted = json_object_new();
    g_autoptr(GList) names = json_object_get_members(process);
    for (GList *name = names; name != NULL; name = name->next) {
        JsonNode *value = json_object_get_member(process, name->data);

        json_object_set_member(converted, name->data,
                               g_str_equal(name->data, key) ? make_sets(list)
                                                            : json_node_copy(value));
    }
    return hf_json_text_print(converted);
}
