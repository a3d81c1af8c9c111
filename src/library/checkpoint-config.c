/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A checkpoint's config.json: containerd 0.2's keys. */

#include "base/error.h"
#include "library/checkpoint-private.h"
#include "state/json-member.h"
#include "state/json-text.h"
#include "state/json-write.h"

char *
hf_checkpoint_to_json(HfCheckpoint *self, GDateTime *created)
{
    g_autofree char *time = g_date_time_format_iso8601(created);
    GString *json = g_string_new("{");

    hf_json_write_string(json, "created", time);
    hf_json_write_string(json, "name", self->name);
    hf_json_write_bool(json, "tcp", self->has_tcp);
    hf_json_write_bool(json, "unixSockets", self->has_unix_sockets);
    hf_json_write_bool(json, "shell", self->is_shell_job);
    hf_json_write_bool(json, "exit", self->exits);
    hf_json_write_strings(json, "emptyNS",
                          self->empty_ns != NULL ? self->empty_ns : (char *[]){NULL});
    g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}

static gboolean
read_flag(JsonObject *object, const char *name, gboolean *out, GError **error)
{
    bool value = false;

    if (!hf_json_member_read_bool(object, "", name, &value, error))
        return FALSE;
    *out = value;
    return TRUE;
}

static gboolean
read_created(JsonObject *object, GDateTime **out, GError **error)
{
    g_autofree char *text = NULL;

    if (!hf_json_member_read_string(object, "", "created", &text, error))
        return FALSE;
    if (text == NULL)
        return TRUE;
    *out = g_date_time_new_from_iso8601(text, NULL);
    if (*out == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "created: a time is expected");
    return TRUE;
}

HfCheckpoint *
hf_checkpoint_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonObject) object = hf_json_text_parse(text, length, error);
    g_autoptr(HfCheckpoint) self = NULL;

    if (object == NULL)
        return NULL;
    self = g_object_new(HF_TYPE_CHECKPOINT, NULL);
    if (!hf_json_member_read_string(object, "", "name", &self->name, error) ||
        !read_created(object, &self->created, error) ||
        !read_flag(object, "tcp", &self->has_tcp, error) ||
        !read_flag(object, "unixSockets", &self->has_unix_sockets, error) ||
        !read_flag(object, "shell", &self->is_shell_job, error) ||
        !read_flag(object, "exit", &self->exits, error) ||
        !hf_json_member_read_strings(object, "", "emptyNS", &self->empty_ns, error))
        return NULL;
    return g_steal_pointer(&self);
}
