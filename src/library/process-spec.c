/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "library/spec-private.h"
#include "state/json-text.h"
#include "state/process-object.h"

G_DEFINE_FINAL_TYPE(HfProcessSpec, hf_process_spec, G_TYPE_OBJECT)

static void
hf_process_spec_init(HfProcessSpec *self)
{
}

static void
hf_process_spec_finalize(GObject *object)
{
    HfProcessSpec *self = HF_PROCESS_SPEC(object);

    g_clear_pointer(&self->process, json_object_unref);
    G_OBJECT_CLASS(hf_process_spec_parent_class)->finalize(object);
}

static void
hf_process_spec_class_init(HfProcessSpecClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_process_spec_finalize;
}

static HfProcessSpec *
new_taking(JsonObject *process)
{
    HfProcessSpec *self = g_object_new(HF_TYPE_PROCESS_SPEC, NULL);

    self->process = process;
    return self;
}

/* json-glib's own copies share what is nested. */
static JsonObject *
copy_object(JsonObject *object)
{
    g_autofree char *json = hf_json_text_print(object);
    g_autoptr(GError) error = NULL;
    JsonObject *copy = hf_json_text_parse(json, strlen(json), &error);

    g_assert_no_error(error);
    return copy;
}

/* JSON has no form for other text. */
static bool
are_utf8(const char *const *texts)
{
    for (gsize i = 0; texts[i] != NULL; i++) {
        if (!g_utf8_validate(texts[i], -1, NULL))
            return false;
    }
    return true;
}

HfProcessSpec *
hf_process_spec_new(const char *const *args)
{
    g_return_val_if_fail(args != NULL && args[0] != NULL && are_utf8(args), NULL);

    HfProcessSpec *self = new_taking(json_object_new());
    hf_process_spec_set_user(self, 0, 0);
    hf_process_spec_set_args(self, args);
    json_object_set_array_member(self->process, "env", json_array_new());
    hf_process_spec_set_cwd(self, "/");
    return self;
}

HfProcessSpec *
hf_process_spec_new_for_object(JsonObject *process)
{
    return new_taking(copy_object(process));
}

JsonObject *
hf_process_spec_dup_object(HfProcessSpec *self)
{
    return copy_object(self->process);
}

HfProcessSpec *
hf_process_spec_new_from_json(const char *json, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(JsonObject) process = NULL;

    g_return_val_if_fail(json != NULL, NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    process = hf_json_text_parse(json, strlen(json), &local);
    if (process != NULL && hf_process_object_check(process, "", &local))
        return new_taking(g_steal_pointer(&process));
    local->code = HF_ERROR_INVALID_ARGUMENT;
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "process: ");
    return NULL;
}

char *
hf_process_spec_to_json(HfProcessSpec *self)
{
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(self), NULL);
    return hf_json_text_print(self->process);
}

HfProcessSpec *
hf_process_spec_copy(HfProcessSpec *self)
{
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(self), NULL);
    return new_taking(copy_object(self->process));
}

/* The list was checked when the object was made. */
static char **
dup_list(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    JsonArray *array =
        node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint length = array != NULL ? json_array_get_length(array) : 0;
    char **list = g_new0(char *, length + 1);

    for (guint i = 0; i < length; i++)
        list[i] = g_strdup(json_array_get_string_element(array, i));
    return list;
}

char **
hf_process_spec_dup_args(HfProcessSpec *self)
{
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(self), NULL);
    return dup_list(self->process, "args");
}

static void
set_list(JsonObject *object, const char *name, const char *const *values)
{
    JsonArray *array = json_array_new();

    for (gsize i = 0; values[i] != NULL; i++)
        json_array_add_string_element(array, values[i]);
    json_object_set_array_member(object, name, array);
}

void
hf_process_spec_set_args(HfProcessSpec *self, const char *const *args)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));
    g_return_if_fail(args != NULL && args[0] != NULL && are_utf8(args));
    set_list(self->process, "args", args);
}

char **
hf_process_spec_dup_env(HfProcessSpec *self)
{
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(self), NULL);
    return dup_list(self->process, "env");
}

void
hf_process_spec_set_env(HfProcessSpec *self, const char *name, const char *value)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));
    g_return_if_fail(name != NULL && *name != '\0' && strchr(name, '=') == NULL);
    g_return_if_fail(value != NULL);
    g_return_if_fail(are_utf8((const char *const[]){name, value, NULL}));

    g_auto(GStrv) old = dup_list(self->process, "env");
    char **changed = g_environ_setenv(g_steal_pointer(&old), name, value, TRUE);
    set_list(self->process, "env", (const char *const *)changed);
    g_strfreev(changed);
}

gboolean
hf_process_spec_get_terminal(HfProcessSpec *self)
{
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(self), FALSE);
    return json_object_get_boolean_member_with_default(self->process, "terminal", FALSE);
}

void
hf_process_spec_set_terminal(HfProcessSpec *self, gboolean has_terminal)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));

    if (has_terminal) {
        json_object_set_boolean_member(self->process, "terminal", TRUE);
    } else {
        json_object_remove_member(self->process, "terminal");
        json_object_remove_member(self->process, "consoleSize");
    }
}

void
hf_process_spec_set_console_size(HfProcessSpec *self, guint width, guint height)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));

    JsonObject *size = json_object_new();
    json_object_set_int_member(size, "height", height);
    json_object_set_int_member(size, "width", width);
    json_object_set_object_member(self->process, "consoleSize", size);
}

char *
hf_process_spec_dup_cwd(HfProcessSpec *self)
{
    g_return_val_if_fail(HF_IS_PROCESS_SPEC(self), NULL);
    return g_strdup(json_object_get_string_member_with_default(self->process, "cwd", "/"));
}

void
hf_process_spec_set_cwd(HfProcessSpec *self, const char *cwd)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));
    g_return_if_fail(cwd != NULL && g_utf8_validate(cwd, -1, NULL));
    json_object_set_string_member(self->process, "cwd", cwd);
}

static JsonObject *
find_user(HfProcessSpec *self)
{
    JsonNode *node = json_object_get_member(self->process, "user");

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

void
hf_process_spec_get_user(HfProcessSpec *self, guint32 *out_uid, guint32 *out_gid)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));

    JsonObject *user = find_user(self);
    gint64 uid = user == NULL ? 0 : json_object_get_int_member_with_default(user, "uid", 0);
    gint64 gid = user == NULL ? 0 : json_object_get_int_member_with_default(user, "gid", 0);
    if (out_uid != NULL)
        *out_uid = (guint32)uid;
    if (out_gid != NULL)
        *out_gid = (guint32)gid;
}

void
hf_process_spec_set_user(HfProcessSpec *self, guint32 uid, guint32 gid)
{
    g_return_if_fail(HF_IS_PROCESS_SPEC(self));

    JsonObject *user = find_user(self);
    if (user == NULL) {
        user = json_object_new();
        json_object_set_object_member(self->process, "user", user);
    }
    json_object_set_int_member(user, "uid", uid);
    json_object_set_int_member(user, "gid", gid);
}
