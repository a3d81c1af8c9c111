/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* bench-load-all ROOT RUNS: how long hf_container_load_all() takes, RUNS times over, one line of
 * nanoseconds for each; then a blank and how long the containers' states took after it. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <stdlib.h>

static gint64
measure_load(const char *root, GPtrArray **out_containers)
{
    g_autoptr(GError) error = NULL;
    gint64 begin_us = g_get_monotonic_time();

    *out_containers = hf_container_load_all(root, NULL, &error);
    if (*out_containers == NULL)
        g_error("%s", error->message);
    return (g_get_monotonic_time() - begin_us) * 1000;
}

static gint64
measure_states(GPtrArray *containers)
{
    gint64 begin_us = g_get_monotonic_time();

    for (guint i = 0; i < containers->len; i++)
        (void)hf_container_get_state(g_ptr_array_index(containers, i));
    return (g_get_monotonic_time() - begin_us) * 1000;
}

int
main(int argc, char **argv)
{
    guint64 runs = argc == 3 ? g_ascii_strtoull(argv[2], NULL, 10) : 0;

    if (runs == 0) {
        (void)fprintf(stderr, "usage: bench-load-all ROOT RUNS\n");
        return EXIT_FAILURE;
    }
    for (guint64 i = 0; i < runs; i++) {
        g_autoptr(GPtrArray) containers = NULL;
        gint64 load_ns = measure_load(argv[1], &containers);

        g_print("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", load_ns, measure_states(containers));
    }
    return EXIT_SUCCESS;
}
