/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "library/checkpoint-private.h"

enum {
    PROP_0,
    PROP_NAME,
    PROP_EXIT,
    PROP_TCP,
    PROP_UNIX_SOCKETS,
    PROP_SHELL,
    PROP_EMPTY_NS,
    PROP_COUNT,
};

G_DEFINE_FINAL_TYPE(HfCheckpoint, hf_checkpoint, G_TYPE_OBJECT)

static void
hf_checkpoint_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    HfCheckpoint *self = HF_CHECKPOINT(object);

    switch (id) {
    case PROP_NAME:
        self->name = g_value_dup_string(value);
        break;
    case PROP_EXIT:
        self->exits = g_value_get_boolean(value);
        break;
    case PROP_TCP:
        self->has_tcp = g_value_get_boolean(value);
        break;
    case PROP_UNIX_SOCKETS:
        self->has_unix_sockets = g_value_get_boolean(value);
        break;
    case PROP_SHELL:
        self->is_shell_job = g_value_get_boolean(value);
        break;
    case PROP_EMPTY_NS:
        g_strfreev(self->empty_ns);
        self->empty_ns = g_value_dup_boxed(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
hf_checkpoint_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    HfCheckpoint *self = HF_CHECKPOINT(object);

    switch (id) {
    case PROP_NAME:
        g_value_set_string(value, self->name);
        break;
    case PROP_EXIT:
        g_value_set_boolean(value, self->exits);
        break;
    case PROP_TCP:
        g_value_set_boolean(value, self->has_tcp);
        break;
    case PROP_UNIX_SOCKETS:
        g_value_set_boolean(value, self->has_unix_sockets);
        break;
    case PROP_SHELL:
        g_value_set_boolean(value, self->is_shell_job);
        break;
    case PROP_EMPTY_NS:
        g_value_set_boxed(value, self->empty_ns);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
hf_checkpoint_finalize(GObject *object)
{
    HfCheckpoint *self = HF_CHECKPOINT(object);

    g_free(self->name);
    g_clear_pointer(&self->created, g_date_time_unref);
    g_strfreev(self->empty_ns);
    G_OBJECT_CLASS(hf_checkpoint_parent_class)->finalize(object);
}

static void
hf_checkpoint_class_init(HfCheckpointClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
    GParamSpec *properties[PROP_COUNT] = {
        [PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags | G_PARAM_CONSTRUCT_ONLY),
        [PROP_EXIT] = g_param_spec_boolean("exit", NULL, NULL, FALSE, flags),
        [PROP_TCP] = g_param_spec_boolean("tcp", NULL, NULL, FALSE, flags),
        [PROP_UNIX_SOCKETS] = g_param_spec_boolean("unix-sockets", NULL, NULL, FALSE, flags),
        [PROP_SHELL] = g_param_spec_boolean("shell", NULL, NULL, FALSE, flags),
        [PROP_EMPTY_NS] = g_param_spec_boxed("empty-ns", NULL, NULL, G_TYPE_STRV, flags),
    };

    object_class->set_property = hf_checkpoint_set_property;
    object_class->get_property = hf_checkpoint_get_property;
    object_class->finalize = hf_checkpoint_finalize;
    g_object_class_install_properties(object_class, PROP_COUNT, properties);
}

static void
hf_checkpoint_init(HfCheckpoint *self)
{
}

HfCheckpoint *
hf_checkpoint_new(const char *name)
{
    g_return_val_if_fail(name != NULL, NULL);

    return g_object_new(HF_TYPE_CHECKPOINT, "name", name, NULL);
}

const char *
hf_checkpoint_get_name(HfCheckpoint *self)
{
    g_return_val_if_fail(HF_IS_CHECKPOINT(self), NULL);

    return self->name;
}

GDateTime *
hf_checkpoint_dup_created(HfCheckpoint *self)
{
    g_return_val_if_fail(HF_IS_CHECKPOINT(self), NULL);

    return self->created != NULL ? g_date_time_ref(self->created) : NULL;
}
