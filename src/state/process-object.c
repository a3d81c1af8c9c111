/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "state/json-member.h"
#include "state/process-object.h"

static gboolean
check_args(JsonObject *process, const char *where, GError **error)
{
    g_auto(GStrv) args = NULL;

    if (!hf_json_member_read_strings(process, where, "args", &args, error))
        return FALSE;
    if (args == NULL || args[0] == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%sargs: at least the program is expected",
                        where);
    return TRUE;
}

static gboolean
check_user(JsonObject *process, const char *where, GError **error)
{
    g_autofree char *inside = g_strconcat(where, "user.", NULL);
    JsonObject *user = NULL;
    guint32 id = 0;

    if (!hf_json_member_read_object(process, where, "user", &user, error))
        return FALSE;
    return user == NULL || (hf_json_member_read_uint32(user, inside, "uid", &id, error) &&
                            hf_json_member_read_uint32(user, inside, "gid", &id, error));
}

static gboolean
check_capabilities(JsonObject *process, const char *where, GError **error)
{
    JsonNode *node = json_object_get_member(process, "capabilities");
    g_auto(GStrv) names = NULL;

    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return TRUE;
    if (JSON_NODE_HOLDS_ARRAY(node))
        return hf_json_member_read_strings(process, where, "capabilities", &names, error);
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return hf_json_member_throw(node, where, "capabilities", "an object or a list", error);

    g_autofree char *inside = g_strconcat(where, "capabilities.", NULL);
    g_autoptr(GList) sets = json_object_get_members(json_node_get_object(node));
    for (GList *set = sets; set != NULL; set = set->next) {
        if (!hf_json_member_read_strings(json_node_get_object(node), inside, set->data, &names,
                                         error))
            return FALSE;
    }
    return TRUE;
}

gboolean
hf_process_object_check(JsonObject *process, const char *where, GError **error)
{
    g_autofree char *cwd = NULL;
    g_auto(GStrv) env = NULL;
    bool has_terminal = false;

    return check_args(process, where, error) &&
           hf_json_member_read_strings(process, where, "env", &env, error) &&
           hf_json_member_read_string(process, where, "cwd", &cwd, error) &&
           hf_json_member_read_bool(process, where, "terminal", &has_terminal, error) &&
           check_user(process, where, error) && check_capabilities(process, where, error);
}
