/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "state/json-member.h"
#include "state/json-text.h"
#include "state/json-write.h"
#include "state/process-file.h"
#include "state/process-object.h"

/* The keys beside the OCI ones, in the order in which they are written. */
static const char *const own_keys[] = {
    "exec",        "containerdStdin", "containerdStdout", "containerdStderr", "runtimeArgs",
    "noPivotRoot", "checkpoint",      "rootUID",          "rootGID",          "monitorArgs",
};

HfProcessFile *
hf_process_file_new(void)
{
    HfProcessFile *self = g_new0(HfProcessFile, 1);

    self->process = json_object_new();
    self->stdin_path = g_strdup("");
    self->stdout_path = g_strdup("");
    self->stderr_path = g_strdup("");
    self->runtime_args = g_new0(char *, 1);
    self->checkpoint = g_strdup("");
    self->monitor_args = g_new0(char *, 1);
    return self;
}

void
hf_process_file_free(HfProcessFile *self)
{
    if (self == NULL)
        return;
    json_object_unref(self->process);
    g_free(self->stdin_path);
    g_free(self->stdout_path);
    g_free(self->stderr_path);
    g_strfreev(self->runtime_args);
    g_free(self->checkpoint);
    g_strfreev(self->monitor_args);
    g_free(self);
}

static gboolean
read_own_keys(HfProcessFile *self, JsonObject *object, GError **error)
{
    return hf_json_member_read_bool(object, "", "terminal", &self->has_terminal, error) &&
           hf_json_member_read_bool(object, "", "exec", &self->is_exec, error) &&
           hf_json_member_read_string(object, "", "containerdStdin", &self->stdin_path, error) &&
           hf_json_member_read_string(object, "", "containerdStdout", &self->stdout_path, error) &&
           hf_json_member_read_string(object, "", "containerdStderr", &self->stderr_path, error) &&
           hf_json_member_read_strings(object, "", "runtimeArgs", &self->runtime_args, error) &&
           hf_json_member_read_bool(object, "", "noPivotRoot", &self->no_pivot_root, error) &&
           hf_json_member_read_string(object, "", "checkpoint", &self->checkpoint, error) &&
           hf_json_member_read_uint32(object, "", "rootUID", &self->root_uid, error) &&
           hf_json_member_read_uint32(object, "", "rootGID", &self->root_gid, error) &&
           hf_json_member_read_strings(object, "", "monitorArgs", &self->monitor_args, error);
}

HfProcessFile *
hf_process_file_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonObject) object = hf_json_text_parse(text, length, error);
    g_autoptr(HfProcessFile) self = hf_process_file_new();

    if (object == NULL || !hf_process_object_check(object, "", error) ||
        !read_own_keys(self, object, error))
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(own_keys); i++)
        json_object_remove_member(object, own_keys[i]);
    json_object_unref(self->process);
    self->process = g_steal_pointer(&object);
    return g_steal_pointer(&self);
}

static bool
is_own_key(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(own_keys); i++) {
        if (g_str_equal(name, own_keys[i]))
            return true;
    }
    return false;
}

static void
write_process(GString *json, const HfProcessFile *self)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    /* The two may differ where a caller set only has_terminal. */
    if (self->has_terminal)
        hf_json_write_bool(json, "terminal", true);
    json_object_iter_init_ordered(&iter, self->process);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (is_own_key(name) || g_str_equal(name, "terminal"))
            continue;
        hf_json_write_name(json, name);
        hf_json_text_append(json, value);
    }
}

char *
hf_process_file_to_json(const HfProcessFile *self)
{
    GString *json = g_string_new("{");

    write_process(json, self);
    hf_json_write_bool(json, "exec", self->is_exec);
    hf_json_write_string(json, "containerdStdin", self->stdin_path);
    hf_json_write_string(json, "containerdStdout", self->stdout_path);
    hf_json_write_string(json, "containerdStderr", self->stderr_path);
    hf_json_write_strings(json, "runtimeArgs", self->runtime_args);
    hf_json_write_bool(json, "noPivotRoot", self->no_pivot_root);
    hf_json_write_string(json, "checkpoint", self->checkpoint);
    hf_json_write_uint(json, "rootUID", self->root_uid);
    hf_json_write_uint(json, "rootGID", self->root_gid);
    if (self->monitor_args[0] != NULL)
        hf_json_write_strings(json, "monitorArgs", self->monitor_args);
    g_string_append(json, "}\n");
    return g_string_free(json, FALSE);
}
