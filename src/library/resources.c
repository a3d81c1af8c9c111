/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The limits are properties and nothing else: one table says for each its name, its kind and its
 * place in the OCI "linux.resources" object. */

#include <holdfast/resources.h>
#include <json-glib/json-glib.h>

typedef struct {
    const char *property;
    const char *blurb;
    const char *section; /* of linux.resources */
    const char *key;
    GType type;
} Limit;

/* The property with id N is row N-1. */
static const Limit limits[] = {
    {"blkio-weight", "10 to 1000", "blockIO", "weight", G_TYPE_INT64},
    {"cpu-shares", "relative weight", "cpu", "shares", G_TYPE_INT64},
    {"cpu-period", "microseconds", "cpu", "period", G_TYPE_INT64},
    {"cpu-quota", "microseconds in each period, -1: none", "cpu", "quota", G_TYPE_INT64},
    {"cpuset-cpus", "a list of CPUs", "cpu", "cpus", G_TYPE_STRING},
    {"cpuset-mems", "a list of memory nodes", "cpu", "mems", G_TYPE_STRING},
    {"memory-limit", "bytes, -1: none", "memory", "limit", G_TYPE_INT64},
    {"memory-swap", "bytes with memory, -1: none", "memory", "swap", G_TYPE_INT64},
    {"memory-reservation", "bytes", "memory", "reservation", G_TYPE_INT64},
    {"kernel-memory", "bytes", "memory", "kernel", G_TYPE_INT64},
    {"kernel-tcp-memory", "bytes", "memory", "kernelTCP", G_TYPE_INT64},
    {"pids-limit", "number, -1: none", "pids", "limit", G_TYPE_INT64},
};

struct _HfResources {
    GObject parent_instance;

    gint64 numbers[G_N_ELEMENTS(limits)]; /* by row; 0 is not set */
    char *texts[G_N_ELEMENTS(limits)];    /* by row; NULL is not set */
};

G_DEFINE_FINAL_TYPE(HfResources, hf_resources, G_TYPE_OBJECT)

static void
hf_resources_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    HfResources *self = HF_RESOURCES(object);

    if (limits[id - 1].type == G_TYPE_INT64) {
        self->numbers[id - 1] = g_value_get_int64(value);
        return;
    }
    g_free(self->texts[id - 1]);
    self->texts[id - 1] = g_value_dup_string(value);
}

static void
hf_resources_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    HfResources *self = HF_RESOURCES(object);

    if (limits[id - 1].type == G_TYPE_INT64)
        g_value_set_int64(value, self->numbers[id - 1]);
    else
        g_value_set_string(value, self->texts[id - 1]);
}

static void
hf_resources_finalize(GObject *object)
{
    HfResources *self = HF_RESOURCES(object);

    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++)
        g_free(self->texts[i]);
    G_OBJECT_CLASS(hf_resources_parent_class)->finalize(object);
}

static void
hf_resources_class_init(HfResourcesClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->set_property = hf_resources_set_property;
    object_class->get_property = hf_resources_get_property;
    object_class->finalize = hf_resources_finalize;

    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
        const Limit *limit = &limits[i];

        g_object_class_install_property(
            object_class, (guint)i + 1,
            limit->type == G_TYPE_INT64
                ? g_param_spec_int64(limit->property, NULL, limit->blurb, -1, G_MAXINT64, 0, flags)
                : g_param_spec_string(limit->property, NULL, limit->blurb, NULL, flags));
    }
}

static void
hf_resources_init(HfResources *self)
{
}

HfResources *
hf_resources_new(void)
{
    return g_object_new(HF_TYPE_RESOURCES, NULL);
}

/* The object @name in @parent, made if it is not there. */
static JsonObject *
ensure_object(JsonObject *parent, const char *name)
{
    if (!json_object_has_member(parent, name))
        json_object_set_object_member(parent, name, json_object_new());
    return json_object_get_object_member(parent, name);
}

char *
hf_resources_to_json(HfResources *self)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *root = json_object_new();

    g_return_val_if_fail(HF_IS_RESOURCES(self), NULL);

    json_node_take_object(node, root);
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        if (self->numbers[i] != 0)
            json_object_set_int_member(ensure_object(root, limits[i].section), limits[i].key,
                                       self->numbers[i]);
        if (self->texts[i] != NULL)
            json_object_set_string_member(ensure_object(root, limits[i].section), limits[i].key,
                                          self->texts[i]);
    }
    return json_to_string(node, FALSE);
}
