/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "library/container-private.h"

G_DEFINE_FINAL_TYPE(HfContainerOptions, hf_container_options, G_TYPE_OBJECT)

enum {
    PROP_RUNTIME = 1,
    PROP_RUNTIME_ARGS,
    PROP_SHIM,
    PROP_LABELS,
    PROP_NO_PIVOT_ROOT,
    PROP_START_TIMEOUT_MS,
};

static void
hf_container_options_init(HfContainerOptions *self)
{
    self->runtime = g_strdup(HF_CONTAINER_DEFAULT_RUNTIME);
    self->start_timeout_ms = HF_CONTAINER_DEFAULT_START_TIMEOUT_MS;
}

static void
hf_container_options_finalize(GObject *object)
{
    HfContainerOptions *self = HF_CONTAINER_OPTIONS(object);

    g_free(self->runtime);
    g_strfreev(self->runtime_args);
    g_free(self->shim);
    g_strfreev(self->labels);
    G_OBJECT_CLASS(hf_container_options_parent_class)->finalize(object);
}

static void
hf_container_options_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    HfContainerOptions *self = HF_CONTAINER_OPTIONS(object);

    switch (id) {
    case PROP_RUNTIME:
        g_value_set_string(value, self->runtime);
        break;
    case PROP_RUNTIME_ARGS:
        g_value_set_boxed(value, self->runtime_args);
        break;
    case PROP_SHIM:
        g_value_set_string(value, self->shim);
        break;
    case PROP_LABELS:
        g_value_set_boxed(value, self->labels);
        break;
    case PROP_NO_PIVOT_ROOT:
        g_value_set_boolean(value, self->no_pivot_root);
        break;
    case PROP_START_TIMEOUT_MS:
        g_value_set_uint(value, self->start_timeout_ms);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
take_string(char **field, const GValue *value)
{
    g_free(*field);
    *field = g_value_dup_string(value);
}

static void
take_strings(char ***field, const GValue *value)
{
    g_strfreev(*field);
    *field = g_value_dup_boxed(value);
}

static void
hf_container_options_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    HfContainerOptions *self = HF_CONTAINER_OPTIONS(object);

    switch (id) {
    case PROP_RUNTIME:
        take_string(&self->runtime, value);
        break;
    case PROP_RUNTIME_ARGS:
        take_strings(&self->runtime_args, value);
        break;
    case PROP_SHIM:
        take_string(&self->shim, value);
        break;
    case PROP_LABELS:
        take_strings(&self->labels, value);
        break;
    case PROP_NO_PIVOT_ROOT:
        self->no_pivot_root = g_value_get_boolean(value);
        break;
    case PROP_START_TIMEOUT_MS:
        self->start_timeout_ms = g_value_get_uint(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
hf_container_options_class_init(HfContainerOptionsClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    object_class->finalize = hf_container_options_finalize;
    object_class->get_property = hf_container_options_get_property;
    object_class->set_property = hf_container_options_set_property;
    g_object_class_install_property(
        object_class, PROP_RUNTIME,
        g_param_spec_string("runtime", NULL, NULL, HF_CONTAINER_DEFAULT_RUNTIME, flags));
    g_object_class_install_property(
        object_class, PROP_RUNTIME_ARGS,
        g_param_spec_boxed("runtime-args", NULL, NULL, G_TYPE_STRV, flags));
    g_object_class_install_property(object_class, PROP_SHIM,
                                    g_param_spec_string("shim", NULL, NULL, NULL, flags));
    g_object_class_install_property(object_class, PROP_LABELS,
                                    g_param_spec_boxed("labels", NULL, NULL, G_TYPE_STRV, flags));
    g_object_class_install_property(
        object_class, PROP_NO_PIVOT_ROOT,
        g_param_spec_boolean("no-pivot-root", NULL, NULL, FALSE, flags));
    g_object_class_install_property(object_class, PROP_START_TIMEOUT_MS,
                                    g_param_spec_uint("start-timeout-ms", NULL, NULL, 1, G_MAXUINT,
                                                      HF_CONTAINER_DEFAULT_START_TIMEOUT_MS,
                                                      flags));
}

HfContainerOptions *
hf_container_options_new(void)
{
    return g_object_new(HF_TYPE_CONTAINER_OPTIONS, NULL);
}
