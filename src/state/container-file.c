/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "state/container-file.h"
#include "state/json-member.h"
#include "state/json-text.h"
#include "state/json-write.h"

void
hf_mount_entry_free(HfMountEntry *self)
{
    if (self == NULL)
        return;
    g_free(self->type);
    g_free(self->source);
    g_strfreev(self->options);
    g_free(self);
}

HfContainerFile *
hf_container_file_new(void)
{
    HfContainerFile *self = g_new0(HfContainerFile, 1);

    self->bundle = g_strdup("");
    self->labels = g_new0(char *, 1);
    self->runtime = g_strdup("");
    self->runtime_args = g_new0(char *, 1);
    self->shim = g_strdup("");
    self->mounts = g_ptr_array_new_with_free_func((GDestroyNotify)hf_mount_entry_free);
    return self;
}

void
hf_container_file_free(HfContainerFile *self)
{
    if (self == NULL)
        return;
    g_free(self->bundle);
    g_strfreev(self->labels);
    g_free(self->runtime);
    g_strfreev(self->runtime_args);
    g_free(self->shim);
    g_free(self->rootfs);
    g_ptr_array_unref(self->mounts);
    g_free(self);
}

static gboolean
read_created(HfContainerFile *self, JsonObject *object, GError **error)
{
    g_autofree char *text = NULL;

    if (!hf_json_member_read_string(object, "", "created", &text, error))
        return FALSE;
    if (text == NULL)
        return TRUE;
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    if (time == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "created: a time is expected");
    self->created_us =
        g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    return TRUE;
}

static gboolean
read_mount(HfContainerFile *self, JsonObject *object, guint index, GError **error)
{
    g_autofree char *where = g_strdup_printf("mounts[%u].", index);
    g_autoptr(HfMountEntry) entry = g_new0(HfMountEntry, 1);

    entry->options = g_new0(char *, 1);
    if (!hf_json_member_read_string(object, where, "type", &entry->type, error) ||
        !hf_json_member_read_string(object, where, "source", &entry->source, error) ||
        !hf_json_member_read_strings(object, where, "options", &entry->options, error))
        return FALSE;
    if (entry->type == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%stype is missing", where);
    g_ptr_array_add(self->mounts, g_steal_pointer(&entry));
    return TRUE;
}

static gboolean
read_mounts(HfContainerFile *self, JsonObject *object, GError **error)
{
    JsonArray *mounts = NULL;

    if (!hf_json_member_read_objects(object, "", "mounts", &mounts, error))
        return FALSE;
    for (guint i = 0; mounts != NULL && i < json_array_get_length(mounts); i++) {
        if (!read_mount(self, json_array_get_object_element(mounts, i), i, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_is_there(const char *name, const char *value, GError **error)
{
    if (*value == '\0')
        return hf_throw(error, HF_ERROR_PROTOCOL, "%s is missing", name);
    return TRUE;
}

/* The kernel has its mounts' numbers in an int. */
static gboolean
read_rootfs(HfContainerFile *self, JsonObject *object, GError **error)
{
    guint32 mount_id = 0;

    if (!hf_json_member_read_string(object, "", "rootfs", &self->rootfs, error) ||
        !hf_json_member_read_uint32(object, "", "rootfsMountID", &mount_id, error))
        return FALSE;
    self->rootfs_mount_id = mount_id;
    return TRUE;
}

HfContainerFile *
hf_container_file_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonObject) object = hf_json_text_parse(text, length, error);
    g_autoptr(HfContainerFile) self = hf_container_file_new();

    if (object == NULL || !hf_json_member_read_string(object, "", "bundle", &self->bundle, error) ||
        !hf_json_member_read_strings(object, "", "labels", &self->labels, error) ||
        !hf_json_member_read_string(object, "", "runtime", &self->runtime, error) ||
        !hf_json_member_read_strings(object, "", "runtimeArgs", &self->runtime_args, error) ||
        !hf_json_member_read_string(object, "", "shim", &self->shim, error) ||
        !hf_json_member_read_bool(object, "", "noPivotRoot", &self->no_pivot_root, error) ||
        !read_created(self, object, error) || !read_rootfs(self, object, error) ||
        !read_mounts(self, object, error) || !check_is_there("bundle", self->bundle, error) ||
        !check_is_there("runtime", self->runtime, error))
        return NULL;
    return g_steal_pointer(&self);
}

static void
write_created(GString *json, gint64 created_us)
{
    g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(created_us / G_USEC_PER_SEC);
    g_autofree char *text = second != NULL ? g_date_time_format(second, "%Y-%m-%dT%H:%M:%S") : NULL;

    if (created_us <= 0 || text == NULL)
        return;
    g_autofree char *whole = g_strdup_printf("%s.%06dZ", text, (int)(created_us % G_USEC_PER_SEC));
    hf_json_write_string(json, "created", whole);
}

static void
write_mounts(GString *json, GPtrArray *mounts)
{
    if (mounts->len == 0)
        return;
    hf_json_write_name(json, "mounts");
    for (guint i = 0; i < mounts->len; i++) {
        const HfMountEntry *entry = g_ptr_array_index(mounts, i);

        g_string_append(json, i == 0 ? "[{" : ",{");
        hf_json_write_string(json, "type", entry->type);
        if (entry->source != NULL)
            hf_json_write_string(json, "source", entry->source);
        hf_json_write_strings(json, "options", entry->options);
        g_string_append_c(json, '}');
    }
    g_string_append_c(json, ']');
}

char *
hf_container_file_to_json(const HfContainerFile *self)
{
    GString *json = g_string_new("{");

    hf_json_write_string(json, "bundle", self->bundle);
    hf_json_write_strings(json, "labels", self->labels);
    /* containerd's own keys for what it attached; it is always empty. */
    hf_json_write_string(json, "stdin", "");
    hf_json_write_string(json, "stdout", "");
    hf_json_write_string(json, "stderr", "");
    hf_json_write_string(json, "runtime", self->runtime);
    hf_json_write_strings(json, "runtimeArgs", self->runtime_args);
    hf_json_write_string(json, "shim", self->shim);
    hf_json_write_bool(json, "noPivotRoot", self->no_pivot_root);
    write_created(json, self->created_us);
    if (self->rootfs != NULL) {
        hf_json_write_string(json, "rootfs", self->rootfs);
        hf_json_write_uint(json, "rootfsMountID", self->rootfs_mount_id);
    }
    write_mounts(json, self->mounts);
    g_string_append(json, "}\n");
    return g_string_free(json, FALSE);
}
