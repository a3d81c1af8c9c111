/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/holdfast.h>

#include "cli/seccomp-bundle.h"
#include "cli/seccomp-names.h"

static JsonObject *
get_object(JsonObject *parent, const char *name)
{
    JsonNode *node = json_object_get_member(parent, name);

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *
get_array(JsonObject *parent, const char *name)
{
    JsonNode *node = json_object_get_member(parent, name);

    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static void
make_absolute(JsonObject *object, const char *name, const char *bundle)
{
    JsonNode *node = json_object_get_member(object, name);
    const char *path =
        node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
    g_autofree char *absolute = path != NULL ? g_canonicalize_filename(path, bundle) : NULL;

    if (absolute != NULL)
        json_object_set_string_member(object, name, absolute);
}

static gboolean
is_bind(JsonObject *mount)
{
    JsonArray *options = get_array(mount, "options");
    gboolean is_found =
        g_strcmp0(json_object_get_string_member_with_default(mount, "type", ""), "bind") == 0;

    for (guint i = 0; options != NULL && i < json_array_get_length(options); i++) {
        const char *option = json_array_get_string_element(options, i);

        is_found = is_found || g_strcmp0(option, "bind") == 0 || g_strcmp0(option, "rbind") == 0;
    }
    return is_found;
}

static void
make_mounts_absolute(JsonObject *config, const char *bundle)
{
    JsonArray *mounts = get_array(config, "mounts");

    for (guint i = 0; mounts != NULL && i < json_array_get_length(mounts); i++) {
        JsonNode *mount = json_array_get_element(mounts, i);

        if (JSON_NODE_HOLDS_OBJECT(mount) && is_bind(json_node_get_object(mount)))
            make_absolute(json_node_get_object(mount), "source", bundle);
    }
}

/* The parser turns what is above 2^63, as "unlimited" is, into a negative number, which no limit of
 * a process can be. */
static void
bound_limits(JsonObject *config)
{
    JsonObject *process = get_object(config, "process");
    JsonArray *limits = process != NULL ? get_array(process, "rlimits") : NULL;
    static const char *const names[] = {"soft", "hard"};

    for (guint i = 0; limits != NULL && i < json_array_get_length(limits); i++) {
        JsonNode *limit = json_array_get_element(limits, i);

        for (gsize j = 0; JSON_NODE_HOLDS_OBJECT(limit) && j < G_N_ELEMENTS(names); j++) {
            JsonObject *object = json_node_get_object(limit);

            if (json_object_get_int_member_with_default(object, names[j], 0) < 0)
                json_object_set_int_member(object, names[j], G_MAXINT64);
        }
    }
}

static JsonArray *
make_array(const char *const *names, const char *const *but)
{
    JsonArray *array = json_array_new();

    for (; *names != NULL; names++) {
        if (but == NULL || !g_strv_contains(but, *names))
            json_array_add_string_element(array, *names);
    }
    return array;
}

JsonObject *
hf_seccomp_bundle_make_filter(const char *default_action, const char *action, JsonArray *take_names,
                              JsonArray *take_architectures)
{
    JsonObject *seccomp = json_object_new();
    JsonObject *rule = json_object_new();
    JsonArray *rules = json_array_new();

    json_object_set_string_member(seccomp, "defaultAction", default_action);
    json_object_set_array_member(seccomp, "architectures", take_architectures);
    json_object_set_array_member(rule, "names", take_names);
    json_object_set_string_member(rule, "action", action);
    json_array_add_object_element(rules, rule);
    json_object_set_array_member(seccomp, "syscalls", rules);
    return seccomp;
}

static gboolean
set_filter(JsonObject *config, const char *socket, const char *const *untraced, GError **error)
{
    g_auto(GStrv) names = hf_seccomp_names_list(error);
    JsonObject *container = get_object(config, "linux");
    JsonObject *seccomp;

    if (names == NULL)
        return FALSE;
    if (container == NULL) {
        container = json_object_new();
        json_object_set_object_member(config, "linux", container);
    }
    seccomp = hf_seccomp_bundle_make_filter("SCMP_ACT_ALLOW", "SCMP_ACT_NOTIFY",
                                            make_array((const char *const *)names, untraced),
                                            make_array(hf_seccomp_names_architectures(), NULL));
    json_object_set_string_member(seccomp, "listenerPath", socket);
    json_object_set_object_member(container, "seccomp", seccomp);
    return TRUE;
}

gboolean
hf_seccomp_bundle_write(const char *dir, const char *bundle, const char *socket,
                        const char *const *untraced, GError **error)
{
    g_autofree char *absolute = g_canonicalize_filename(bundle, NULL);
    g_autofree char *from = g_build_filename(absolute, "config.json", NULL);
    g_autofree char *to = g_build_filename(dir, "config.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;
    JsonObject *config;

    if (!json_parser_load_from_file(parser, from, error))
        return FALSE;
    root = json_node_copy(json_parser_get_root(parser));
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, HF_ERROR, HF_ERROR_PROTOCOL, "'%s' is no object", from);
        return FALSE;
    }
    config = json_node_get_object(root);
    if (get_object(config, "root") != NULL)
        make_absolute(get_object(config, "root"), "path", absolute);
    make_mounts_absolute(config, absolute);
    bound_limits(config);
    if (!set_filter(config, socket, untraced, error))
        return FALSE;
    text = json_to_string(root, FALSE);
    return g_file_set_contents(to, text, -1, error);
}
