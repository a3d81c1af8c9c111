/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/mount.h>

struct _HfMount {
    GObject parent_instance;

    char *type;
    char *source; /* NULL: none */
    char **options;
};

G_DEFINE_FINAL_TYPE(HfMount, hf_mount, G_TYPE_OBJECT)

static void
hf_mount_init(HfMount *self)
{
}

static void
hf_mount_finalize(GObject *object)
{
    HfMount *self = HF_MOUNT(object);

    g_free(self->type);
    g_free(self->source);
    g_strfreev(self->options);
    G_OBJECT_CLASS(hf_mount_parent_class)->finalize(object);
}

static void
hf_mount_class_init(HfMountClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_mount_finalize;
}

HfMount *
hf_mount_new(const char *type, const char *source, const char *const *options)
{
    g_return_val_if_fail(type != NULL, NULL);

    HfMount *self = g_object_new(HF_TYPE_MOUNT, NULL);
    self->type = g_strdup(type);
    self->source = g_strdup(source);
    self->options = options != NULL ? g_strdupv((char **)options) : g_new0(char *, 1);
    return self;
}

const char *
hf_mount_get_fs_type(HfMount *self)
{
    g_return_val_if_fail(HF_IS_MOUNT(self), NULL);
    return self->type;
}

const char *
hf_mount_get_source(HfMount *self)
{
    g_return_val_if_fail(HF_IS_MOUNT(self), NULL);
    return self->source;
}

const char *const *
hf_mount_get_options(HfMount *self)
{
    g_return_val_if_fail(HF_IS_MOUNT(self), NULL);
    return (const char *const *)self->options;
}
