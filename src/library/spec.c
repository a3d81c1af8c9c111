/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "library/spec-private.h"
#include "state/json-member.h"
#include "state/json-text.h"
#include "state/process-object.h"

#define CONFIG "config.json"
#define CONFIG_MAX (16 * 1024 * 1024)

G_DEFINE_FINAL_TYPE(HfSpec, hf_spec, G_TYPE_OBJECT)

static void
hf_spec_init(HfSpec *self)
{
}

static void
hf_spec_finalize(GObject *object)
{
    HfSpec *self = HF_SPEC(object);

    g_clear_pointer(&self->config, json_object_unref);
    G_OBJECT_CLASS(hf_spec_parent_class)->finalize(object);
}

static void
hf_spec_class_init(HfSpecClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_spec_finalize;
}

/* A file that a caller names is his argument. */
static gboolean
blame_argument(GError *take_local, GError **error)
{
    if (take_local->domain == HF_ERROR && take_local->code == HF_ERROR_PROTOCOL)
        take_local->code = HF_ERROR_INVALID_ARGUMENT;
    g_propagate_error(error, take_local);
    return FALSE;
}

/* What is read of it later has the right types. */
static gboolean
check_config(JsonObject *config, GError **error)
{
    g_autofree char *path = NULL;
    JsonObject *process = NULL;
    JsonObject *root = NULL;
    JsonObject *platform = NULL;
    JsonArray *list = NULL;

    return hf_json_member_read_object(config, "", "process", &process, error) &&
           (process == NULL || hf_process_object_check(process, "process.", error)) &&
           hf_json_member_read_object(config, "", "root", &root, error) &&
           (root == NULL || hf_json_member_read_string(root, "root.", "path", &path, error)) &&
           hf_json_member_read_object(config, "", "linux", &platform, error) &&
           (platform == NULL ||
            (hf_json_member_read_objects(platform, "linux.", "namespaces", &list, error) &&
             hf_json_member_read_objects(platform, "linux.", "uidMappings", &list, error) &&
             hf_json_member_read_objects(platform, "linux.", "gidMappings", &list, error)));
}

static HfSpec *
parse(const char *json, gsize length, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(JsonObject) config = hf_json_text_parse(json, length, &local);

    if (config == NULL || !check_config(config, &local))
        return blame_argument(g_steal_pointer(&local), error), NULL;
    HfSpec *self = g_object_new(HF_TYPE_SPEC, NULL);
    self->config = g_steal_pointer(&config);
    return self;
}

static HfSpec *
read_bundle(const char *bundle, GError **error)
{
    hf_autofd bundle_fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GError) local = NULL;
    g_autofree char *json = NULL;
    gsize length = 0;

    if (bundle_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no such directory"), NULL;
    if (bundle_fd < 0)
        return hf_throw_errno(error, "open"), NULL;
    json = hf_io_read_file_at(bundle_fd, CONFIG, CONFIG_MAX, &length, &local);
    if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no %s", CONFIG), NULL;
    if (json == NULL)
        return g_propagate_error(error, g_steal_pointer(&local)), NULL;
    HfSpec *self = parse(json, length, error);
    if (self == NULL)
        g_prefix_error(error, "%s: ", CONFIG);
    return self;
}

HfSpec *
hf_spec_new_from_bundle(const char *bundle, GError **error)
{
    g_return_val_if_fail(bundle != NULL, NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    HfSpec *self = read_bundle(bundle, error);
    if (self == NULL)
        g_prefix_error(error, "bundle '%s': ", bundle);
    return self;
}

HfSpec *
hf_spec_new_from_json(const char *json, GError **error)
{
    g_return_val_if_fail(json != NULL, NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);
    return parse(json, strlen(json), error);
}

char *
hf_spec_to_json(HfSpec *self)
{
    g_return_val_if_fail(HF_IS_SPEC(self), NULL);
    return hf_json_text_print(self->config);
}

/* Members whose types were checked when the object was made. */
static JsonObject *
find_object(JsonObject *object, const char *name)
{
    JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *
find_list(JsonObject *object, const char *name)
{
    JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;

    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

HfProcessSpec *
hf_spec_dup_process(HfSpec *self)
{
    g_return_val_if_fail(HF_IS_SPEC(self), NULL);

    JsonObject *process = find_object(self->config, "process");
    return process != NULL ? hf_process_spec_new_for_object(process) : NULL;
}

char *
hf_spec_dup_rootfs(HfSpec *self)
{
    g_return_val_if_fail(HF_IS_SPEC(self), NULL);

    JsonObject *root = find_object(self->config, "root");
    return root == NULL ? NULL
                        : g_strdup(json_object_get_string_member_with_default(root, "path", NULL));
}

static bool
has_user_namespace(JsonObject *platform)
{
    JsonArray *namespaces = find_list(platform, "namespaces");

    for (guint i = 0; namespaces != NULL && i < json_array_get_length(namespaces); i++) {
        JsonNode *type =
            json_object_get_member(json_array_get_object_element(namespaces, i), "type");

        if (type != NULL && JSON_NODE_HOLDS_VALUE(type) &&
            g_strcmp0(json_node_get_string(type), "user") == 0)
            return true;
    }
    return false;
}

/* One mapping: the id outside, if id 0 inside is in it. */
static gboolean
read_mapping(JsonObject *mapping, const char *where, bool *out_is_found, guint32 *out_id,
             GError **error)
{
    guint32 inside = 0;
    guint32 outside = 0;
    guint32 size = 0;

    if (!hf_json_member_read_uint32(mapping, where, "containerID", &inside, error) ||
        !hf_json_member_read_uint32(mapping, where, "hostID", &outside, error) ||
        !hf_json_member_read_uint32(mapping, where, "size", &size, error))
        return FALSE;
    *out_is_found = inside == 0 && size > 0;
    *out_id = outside;
    return TRUE;
}

static gboolean
map_root(JsonObject *platform, const char *name, guint32 *out_id, GError **error)
{
    JsonArray *mappings = find_list(platform, name);
    guint length = mappings != NULL ? json_array_get_length(mappings) : 0;

    /* A namespace that is joined brings its own; the runtime refuses a new one without any. */
    if (length == 0)
        return TRUE;
    for (guint i = 0; i < length; i++) {
        g_autofree char *where = g_strdup_printf("linux.%s[%u].", name, i);
        bool is_found = false;
        guint32 id = 0;

        if (!read_mapping(json_array_get_object_element(mappings, i), where, &is_found, &id, error))
            return FALSE;
        if (is_found) {
            *out_id = id;
            return TRUE;
        }
    }
    return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "linux.%s: there is none for id 0", name);
}

gboolean
hf_spec_get_root_ids(HfSpec *self, guint32 *out_uid, guint32 *out_gid, GError **error)
{
    guint32 uid = 0;
    guint32 gid = 0;

    g_return_val_if_fail(HF_IS_SPEC(self), FALSE);
    g_return_val_if_fail(out_uid != NULL && out_gid != NULL, FALSE);
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    JsonObject *platform = find_object(self->config, "linux");
    if (has_user_namespace(platform)) {
        g_autoptr(GError) local = NULL;

        if (!map_root(platform, "uidMappings", &uid, &local) ||
            !map_root(platform, "gidMappings", &gid, &local))
            return blame_argument(g_steal_pointer(&local), error);
    }
    *out_uid = uid;
    *out_gid = gid;
    return TRUE;
}
