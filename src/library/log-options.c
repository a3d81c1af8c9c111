/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "library/log-private.h"

enum {
    PROP_0,
    PROP_FOLLOW,
    PROP_TAIL,
    PROP_SINCE,
    PROP_UNTIL,
    PROP_STREAM,
    PROP_COUNT,
};

G_DEFINE_FINAL_TYPE(HfLogOptions, hf_log_options, G_TYPE_OBJECT)
G_DEFINE_ENUM_TYPE(HfLogStream, hf_log_stream, G_DEFINE_ENUM_VALUE(HF_LOG_STREAM_ALL, "all"),
                   G_DEFINE_ENUM_VALUE(HF_LOG_STREAM_STDOUT, "stdout"),
                   G_DEFINE_ENUM_VALUE(HF_LOG_STREAM_STDERR, "stderr"))

static void
set_time(GDateTime **time, const GValue *value)
{
    g_clear_pointer(time, g_date_time_unref);
    *time = g_value_dup_boxed(value);
}

static void
hf_log_options_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    HfLogOptions *self = HF_LOG_OPTIONS(object);

    switch (id) {
    case PROP_FOLLOW:
        self->is_following = g_value_get_boolean(value);
        break;
    case PROP_TAIL:
        self->tail = g_value_get_int64(value);
        break;
    case PROP_SINCE:
        set_time(&self->since, value);
        break;
    case PROP_UNTIL:
        set_time(&self->until, value);
        break;
    case PROP_STREAM:
        self->stream = (HfLogStream)g_value_get_enum(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
hf_log_options_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    HfLogOptions *self = HF_LOG_OPTIONS(object);

    switch (id) {
    case PROP_FOLLOW:
        g_value_set_boolean(value, self->is_following);
        break;
    case PROP_TAIL:
        g_value_set_int64(value, self->tail);
        break;
    case PROP_SINCE:
        g_value_set_boxed(value, self->since);
        break;
    case PROP_UNTIL:
        g_value_set_boxed(value, self->until);
        break;
    case PROP_STREAM:
        g_value_set_enum(value, (int)self->stream);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void
hf_log_options_finalize(GObject *object)
{
    HfLogOptions *self = HF_LOG_OPTIONS(object);

    g_clear_pointer(&self->since, g_date_time_unref);
    g_clear_pointer(&self->until, g_date_time_unref);
    G_OBJECT_CLASS(hf_log_options_parent_class)->finalize(object);
}

static void
hf_log_options_class_init(HfLogOptionsClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
    GParamSpec *properties[PROP_COUNT] = {
        [PROP_FOLLOW] = g_param_spec_boolean("follow", NULL, NULL, FALSE, flags),
        [PROP_TAIL] = g_param_spec_int64("tail", NULL, NULL, -1, G_MAXINT64, -1, flags),
        [PROP_SINCE] = g_param_spec_boxed("since", NULL, NULL, G_TYPE_DATE_TIME, flags),
        [PROP_UNTIL] = g_param_spec_boxed("until", NULL, NULL, G_TYPE_DATE_TIME, flags),
        [PROP_STREAM] =
            g_param_spec_enum("stream", NULL, NULL, HF_TYPE_LOG_STREAM, HF_LOG_STREAM_ALL, flags),
    };

    object_class->set_property = hf_log_options_set_property;
    object_class->get_property = hf_log_options_get_property;
    object_class->finalize = hf_log_options_finalize;
    g_object_class_install_properties(object_class, PROP_COUNT, properties);
}

static void
hf_log_options_init(HfLogOptions *self)
{
    self->tail = -1;
}

HfLogOptions *
hf_log_options_new(void)
{
    return g_object_new(HF_TYPE_LOG_OPTIONS, NULL);
}
