/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"
#include "cli/text.h"

/* What a limit's option takes. */
typedef enum {
    LIMIT_NUMBER,
    LIMIT_SIZE,
    LIMIT_TEXT,
} LimitKind;

/* The options are named as the properties of HfResources are. */
static const struct {
    const char *name;
    LimitKind kind;
    const char *description;
} limits[] = {
    {"blkio-weight", LIMIT_NUMBER, "Weight of block I/O, 10 to 1000"},
    {"cpu-shares", LIMIT_NUMBER, "Relative weight of the CPU"},
    {"cpu-period", LIMIT_NUMBER, "Length of a period of CPU time, in microseconds"},
    {"cpu-quota", LIMIT_NUMBER, "CPU time in each period, in microseconds; -1: unlimited"},
    {"cpuset-cpus", LIMIT_TEXT, "Which CPUs, as 0-3,7"},
    {"cpuset-mems", LIMIT_TEXT, "Which memory nodes"},
    {"memory-limit", LIMIT_SIZE, "Memory"},
    {"memory-swap", LIMIT_SIZE, "Memory and swap together"},
    {"memory-reservation", LIMIT_SIZE, "Memory that it may always have"},
    {"kernel-memory", LIMIT_SIZE, "Memory of the kernel"},
    {"kernel-tcp-memory", LIMIT_SIZE, "Memory of the kernel for TCP"},
    {"pids-limit", LIMIT_NUMBER, "Number of processes and threads; -1: unlimited"},
};

static gboolean
set_limit(HfResources *resources, gsize index, const char *text, GError **error)
{
    gint64 value = 0;

    switch (limits[index].kind) {
    case LIMIT_TEXT:
        g_object_set(resources, limits[index].name, text, NULL);
        return TRUE;
    case LIMIT_NUMBER:
        if (!g_ascii_string_to_signed(text, 10, -1, G_MAXINT64, &value, error)) {
            g_prefix_error(error, "--%s: ", limits[index].name);
            return FALSE;
        }
        break;
    case LIMIT_SIZE:
        if (!hf_text_parse_size(text, &value, error)) {
            g_prefix_error(error, "--%s: ", limits[index].name);
            return FALSE;
        }
        break;
    }
    g_object_set(resources, limits[index].name, value, NULL);
    return TRUE;
}

static gboolean
update(HfContainer *container, gpointer user_data, GError **error)
{
    return hf_container_update_resources(container, user_data, NULL, error);
}

static HfResources *
make_resources(char *const *values, GError **error)
{
    g_autoptr(HfResources) resources = hf_resources_new();
    gboolean has_any = FALSE;

    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        if (values[i] == NULL)
            continue;
        has_any = TRUE;
        if (!set_limit(resources, i, values[i], error))
            return NULL;
    }
    if (has_any)
        return g_steal_pointer(&resources);
    g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                "no limit was given: see holdfast update --help");
    return NULL;
}

int
hf_cmd_update(HfCli *cli, int argc, char **argv, GError **error)
{
    char *values[G_N_ELEMENTS(limits)] = {NULL};
    GOptionEntry entries[G_N_ELEMENTS(limits) + 1] = {{0}};
    g_autoptr(HfResources) resources = NULL;
    int status = -1;

    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        entries[i].long_name = limits[i].name;
        entries[i].arg = G_OPTION_ARG_STRING;
        entries[i].arg_data = &values[i];
        entries[i].description = limits[i].description;
        entries[i].arg_description = limits[i].kind == LIMIT_SIZE ? "SIZE" : "N";
    }
    if (hf_cli_parse_operands(cli, entries, "ID...", 1, -1, &argc, &argv, error))
        resources = make_resources(values, error);
    if (resources != NULL)
        status = hf_cli_for_each(cli, argc, argv, update, resources);
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++)
        g_free(values[i]);
    return status;
}
