/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A table that is drawn again every second, in place on a terminal. The share of the CPU needs two
 * looks; the first table comes after a short time. */

#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"

#define FIRST_LOOK_US (200 * 1000)
#define INTERVAL_US G_USEC_PER_SEC

#define REDRAW "\033[H\033[J"

typedef struct {
    HfContainer *container;
    HfStats *before; /* NULL: it did not run */
    HfStats *now;
} Sample;

static void
sample_free(gpointer data)
{
    Sample *sample = data;

    g_clear_object(&sample->container);
    g_clear_object(&sample->before);
    g_clear_object(&sample->now);
    g_free(sample);
}

static GPtrArray *
load_containers(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) containers = NULL;

    if (argc < 2)
        return hf_container_load_all(cli->root, NULL, error);
    containers = g_ptr_array_new_with_free_func(g_object_unref);
    for (int i = 1; i < argc; i++) {
        HfContainer *container = hf_cli_load(cli, argv[i], error);

        if (container == NULL)
            return NULL;
        g_ptr_array_add(containers, container);
    }
    return g_steal_pointer(&containers);
}

/* Those that run, looked at twice. */
static GPtrArray *
take_samples(GPtrArray *containers, gulong interval_us)
{
    g_autoptr(GPtrArray) samples = g_ptr_array_new_with_free_func(sample_free);

    for (guint i = 0; i < containers->len; i++) {
        HfContainer *container = g_ptr_array_index(containers, i);
        HfStats *stats = hf_container_get_stats(container, NULL);
        Sample *sample = NULL;

        if (stats == NULL)
            continue;
        sample = g_new0(Sample, 1);
        sample->container = g_object_ref(container);
        sample->before = stats;
        g_ptr_array_add(samples, sample);
    }
    g_usleep(interval_us);
    for (guint i = samples->len; i > 0; i--) {
        Sample *sample = g_ptr_array_index(samples, i - 1);

        sample->now = hf_container_get_stats(sample->container, NULL);
        if (sample->now == NULL)
            g_ptr_array_remove_index(samples, i - 1);
    }
    return g_steal_pointer(&samples);
}

/* Of one CPU. */
static double
get_cpu_percent(const Sample *sample)
{
    double used_ns =
        (double)hf_stats_get_cpu_ns(sample->now) - (double)hf_stats_get_cpu_ns(sample->before);
    double passed_ns =
        1000.0 * (double)(hf_stats_get_time_us(sample->now) - hf_stats_get_time_us(sample->before));

    return passed_ns > 0 && used_ns > 0 ? 100 * used_ns / passed_ns : 0;
}

static char *
join_sizes(guint64 first, guint64 second)
{
    g_autofree char *first_text = hf_text_size(first);
    g_autofree char *second_text = hf_text_size(second);

    return g_strdup_printf("%s / %s", first_text, second_text);
}

static char **
make_row(const Sample *sample)
{
    char **row = g_new0(char *, 7);

    row[0] = g_strdup(hf_container_get_id(sample->container));
    row[1] = g_strdup_printf("%.1f%%", get_cpu_percent(sample));
    row[2] =
        join_sizes(hf_stats_get_memory_usage(sample->now), hf_stats_get_memory_limit(sample->now));
    row[3] = g_strdup_printf("%" G_GUINT64_FORMAT, hf_stats_get_pids(sample->now));
    row[4] =
        join_sizes(hf_stats_get_block_read(sample->now), hf_stats_get_block_written(sample->now));
    row[5] = g_strdup_printf("%.1f s", (double)hf_stats_get_throttled_ns(sample->now) / 1e9);
    return row;
}

static void
print_table(GPtrArray *samples)
{
    static const char *const headings[] = {
        "ID", "CPU", "MEMORY / LIMIT", "PIDS", "READ / WRITE", "THROTTLED", NULL};
    g_autoptr(HfTable) table = hf_table_new(headings);
    g_autofree char *text = NULL;

    for (guint i = 0; i < samples->len; i++)
        hf_table_take_row(table, make_row(g_ptr_array_index(samples, i)));
    text = hf_table_to_string(table);
    fputs(text, stdout);
}

static void
print_json(GPtrArray *samples)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < samples->len; i++) {
        const Sample *sample = g_ptr_array_index(samples, i);
        g_autofree char *stats = hf_stats_to_json(sample->now);

        json_builder_begin_object(builder);
        hf_json_add_string(builder, "id", hf_container_get_id(sample->container));
        json_builder_set_member_name(builder, "cpuPercent");
        json_builder_add_double_value(builder, get_cpu_percent(sample));
        hf_json_add_raw(builder, "stats", stats);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    hf_json_print(builder);
}

static int
show_once(HfCli *cli, int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) containers = load_containers(cli, argc, argv, error);
    g_autoptr(GPtrArray) samples = NULL;

    if (containers == NULL)
        return -1;
    samples = take_samples(containers, FIRST_LOOK_US);
    if (cli->format == HF_CLI_JSON)
        print_json(samples);
    else
        print_table(samples);
    return 0;
}

/* Until a signal, or until nobody reads. */
static int
show_live(HfCli *cli, int argc, char **argv, GError **error)
{
    gulong interval_us = FIRST_LOOK_US;
    gboolean is_terminal = isatty(STDOUT_FILENO);

    for (;;) {
        g_autoptr(GPtrArray) containers = load_containers(cli, argc, argv, error);
        g_autoptr(GPtrArray) samples = NULL;

        if (containers == NULL)
            return -1;
        samples = take_samples(containers, interval_us);
        if (is_terminal)
            fputs(REDRAW, stdout);
        print_table(samples);
        if (fflush(stdout) != 0)
            return 0;
        interval_us = INTERVAL_US;
    }
}

int
hf_cmd_stats(HfCli *cli, int argc, char **argv, GError **error)
{
    gboolean is_once = FALSE;
    const GOptionEntry entries[] = {
        {"no-stream", 0, 0, G_OPTION_ARG_NONE, &is_once, "Look once, and end", NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "[ID...]", 0, -1, &argc, &argv, error))
        return -1;
    if (is_once || cli->format == HF_CLI_JSON)
        return show_once(cli, argc, argv, error);
    return show_live(cli, argc, argv, error);
}
