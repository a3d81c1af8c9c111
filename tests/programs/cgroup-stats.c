/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What src/cgroup knows of a container, for the integration tests and the benchmark.
 *
 *      cgroup-stats dirs PID               its cgroups, as they can be stored
 *      cgroup-stats stats PID|@FILE        the data of `runc events --stats`, nothing left out
 *      cgroup-stats pids PID|@FILE         one pid a line
 *      cgroup-stats freezer PID|@FILE      the freezer's state
 *      cgroup-stats time PID|@FILE COUNT   the nanoseconds of each of COUNT readings
 *
 * @FILE has what `dirs` printed. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include "cgroup/cgroup-freezer.h"
#include "cgroup/cgroup-procs.h"
#include "cgroup/cgroup-stats-json.h"
#include "cgroup/cgroup-stats.h"

#define PIDS_MAX 100000

static gboolean
run_stats(const HfCgroupDirs *dirs, GError **error)
{
    g_autoptr(HfCgroupStats) stats = hf_cgroup_stats_read(dirs, error);

    g_autofree char *json = stats == NULL ? NULL : hf_cgroup_stats_to_json(stats);

    return json != NULL && puts(json) >= 0;
}

static gboolean
run_pids(const HfCgroupDirs *dirs, GError **error)
{
    g_autoptr(GArray) pids = hf_cgroup_procs_read(dirs, PIDS_MAX, error);

    if (pids == NULL)
        return FALSE;
    for (guint i = 0; i < pids->len; i++)
        printf("%u\n", g_array_index(pids, guint32, i));
    return TRUE;
}

static gboolean
run_freezer(const HfCgroupDirs *dirs, GError **error)
{
    HfCgroupFreezerState state = HF_CGROUP_THAWED;

    if (!hf_cgroup_freezer_read(dirs, &state, error))
        return FALSE;
    puts(hf_cgroup_freezer_state_to_string(state));
    return TRUE;
}

static gint64
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

static gboolean
run_time(const HfCgroupDirs *dirs, int count, GError **error)
{
    for (int i = 0; i < count; i++) {
        gint64 begin = now_ns();
        g_autoptr(HfCgroupStats) stats = hf_cgroup_stats_read(dirs, error);

        if (stats == NULL)
            return FALSE;
        printf("%" PRId64 "\n", now_ns() - begin);
    }
    return TRUE;
}

static HfCgroupDirs *
find_dirs(const char *where, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    if (*where != '@')
        return hf_cgroup_dirs_new_for_process(atoi(where), error);
    if (!g_file_get_contents(where + 1, &text, &length, error))
        return NULL;
    return hf_cgroup_dirs_new_from_text(text, length, error);
}

static gboolean
run(int argc, char **argv, GError **error)
{
    g_autoptr(HfCgroupDirs) dirs = find_dirs(argv[2], error);

    if (dirs == NULL)
        return FALSE;
    if (strcmp(argv[1], "dirs") == 0) {
        g_autofree char *text = hf_cgroup_dirs_to_text(dirs);

        return fputs(text, stdout) >= 0;
    }
    if (strcmp(argv[1], "pids") == 0)
        return run_pids(dirs, error);
    if (strcmp(argv[1], "freezer") == 0)
        return run_freezer(dirs, error);
    if (strcmp(argv[1], "time") == 0)
        return run_time(dirs, argc > 3 ? atoi(argv[3]) : 1, error);
    return run_stats(dirs, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (argc < 3) {
        g_printerr("usage: %s dirs|stats|pids|freezer|time PID|@FILE [COUNT]\n", argv[0]);
        return 2;
    }
    if (run(argc, argv, &error))
        return 0;
    g_printerr("%s\n", error == NULL ? "cannot write" : error->message);
    return 1;
}
