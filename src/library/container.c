/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/fd.h"
#include "library/container-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

G_DEFINE_FINAL_TYPE(HfContainer, hf_container, G_TYPE_OBJECT)

static void
hf_container_init(HfContainer *self)
{
    self->problems = g_new0(char *, 1);
    self->start_timeout_ms = HF_CONTAINER_DEFAULT_START_TIMEOUT_MS;
}

static void
hf_container_finalize(GObject *object)
{
    HfContainer *self = HF_CONTAINER(object);

    g_free(self->root);
    g_free(self->id);
    g_free(self->path);
    hf_container_file_free(self->file);
    g_strfreev(self->problems);
    G_OBJECT_CLASS(hf_container_parent_class)->finalize(object);
}

static void
hf_container_class_init(HfContainerClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_container_finalize;
}

HfContainer *
hf_container_new_for_file(const char *root, const char *id, HfContainerFile *take_file)
{
    HfContainer *self = g_object_new(HF_TYPE_CONTAINER, NULL);

    self->root = g_strdup(root);
    self->id = g_strdup(id);
    self->path = g_build_filename(root, id, NULL);
    self->file = take_file;
    return self;
}

char *
hf_default_root(void)
{
    if (geteuid() == 0)
        return g_strdup("/run/holdfast");
    return g_build_filename(g_get_user_runtime_dir(), "holdfast", NULL);
}

const char *
hf_container_state_to_string(HfContainerState state)
{
    switch (state) {
    case HF_CONTAINER_STATE_NEW:
        return "new";
    case HF_CONTAINER_STATE_CREATED:
        return "created";
    case HF_CONTAINER_STATE_RUNNING:
        return "running";
    case HF_CONTAINER_STATE_PAUSED:
        return "paused";
    case HF_CONTAINER_STATE_STOPPED:
        return "stopped";
    }
    g_return_val_if_reached("unknown");
}

int
hf_container_open(HfContainer *self, GError **error)
{
    hf_autofd root_fd = hf_state_open_root(self->root, false, error);

    return root_fd >= 0 ? hf_state_open_dir(root_fd, self->id, self->path, error) : -1;
}

gboolean
hf_container_save(HfContainer *self, GError **error)
{
    g_autofree char *json = hf_container_file_to_json(self->file);
    hf_autofd dir_fd = hf_container_open(self, error);

    return dir_fd >= 0 &&
           hf_atomic_file_write_at(dir_fd, HF_STATE_CONTAINER, json, strlen(json), 0600, error);
}

const char *
hf_container_get_id(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    return self->id;
}

const char *
hf_container_get_path(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    return self->path;
}

const char *
hf_container_get_bundle(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    return self->file->bundle;
}

const char *const *
hf_container_get_labels(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    return (const char *const *)self->file->labels;
}

const char *
hf_container_get_runtime(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    return self->file->runtime;
}

const char *const *
hf_container_get_runtime_args(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    return (const char *const *)self->file->runtime_args;
}

/* containerd's state.json does not say when it was written; the file itself does. */
static gint64
read_modification_time_us(HfContainer *self)
{
    hf_autofd dir_fd = hf_container_open(self, NULL);
    struct stat status;

    if (dir_fd < 0 || fstatat(dir_fd, HF_STATE_CONTAINER, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return status.st_mtim.tv_sec * G_USEC_PER_SEC + status.st_mtim.tv_nsec / 1000;
}

GDateTime *
hf_container_dup_created(HfContainer *self)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);

    gint64 time_us = self->file->created_us;
    if (time_us == 0)
        time_us = read_modification_time_us(self);
    g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
    return g_date_time_add(second, time_us % G_USEC_PER_SEC);
}

HfSpec *
hf_container_load_spec(HfContainer *self, GError **error)
{
    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);

    HfSpec *spec = hf_spec_new_from_bundle(self->file->bundle, error);
    if (spec == NULL)
        g_prefix_error(error, "container '%s': ", self->id);
    return spec;
}
