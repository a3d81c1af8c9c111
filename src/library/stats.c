/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/container.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "cgroup/cgroup-stats-json.h"
#include "library/container-change.h"
#include "library/process-private.h"

struct _HfStats {
    GObject parent_instance;

    gint64 time_us;
    HfCgroupStats *stats;
};

G_DEFINE_FINAL_TYPE(HfStats, hf_stats, G_TYPE_OBJECT)

static void
hf_stats_finalize(GObject *object)
{
    HfStats *self = HF_STATS(object);

    hf_cgroup_stats_free(self->stats);
    G_OBJECT_CLASS(hf_stats_parent_class)->finalize(object);
}

static void
hf_stats_class_init(HfStatsClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_stats_finalize;
}

static void
hf_stats_init(HfStats *self)
{
}

static gboolean
has_ended(const HfProcessRef *ref)
{
    struct pollfd fd = {.fd = hf_process_ref_get_fd(ref), .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

static HfCgroupDirs *
find_cgroups(HfContainer *container, GError **error)
{
    g_autoptr(HfProcess) init = hf_container_get_process(container, HF_INIT_PROCESS_ID, error);
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(HfCgroupDirs) dirs = NULL;

    if (init == NULL)
        return NULL;
    ref = hf_process_find(init, NULL, error);
    if (ref != NULL)
        dirs = hf_cgroup_dirs_new_for_process(hf_process_ref_get_pid(ref), error);
    /* Of one that has ended the kernel tells the root's, or a later process's with its pid. */
    if (ref != NULL && !has_ended(ref))
        return g_steal_pointer(&dirs);
    if (ref != NULL)
        g_clear_error(error);
    if (error == NULL || *error == NULL)
        hf_throw(error, HF_ERROR_CONTAINER_EXITED, "its first process has ended");
    return NULL;
}

static HfStats *
read_stats(HfContainer *container, GError **error)
{
    g_autoptr(HfCgroupDirs) dirs = find_cgroups(container, error);
    g_autoptr(HfCgroupStats) stats = dirs != NULL ? hf_cgroup_stats_read(dirs, error) : NULL;
    HfStats *self = NULL;

    if (stats == NULL)
        return NULL;
    self = g_object_new(HF_TYPE_STATS, NULL);
    self->time_us = g_get_monotonic_time();
    self->stats = g_steal_pointer(&stats);
    return self;
}

HfStats *
hf_container_get_stats(HfContainer *container, GError **error)
{
    HfStats *self = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(container), NULL);

    self = read_stats(container, error);
    if (self == NULL)
        (void)hf_container_prefix_error(container, error);
    return self;
}

char *
hf_stats_to_json(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), NULL);

    return hf_cgroup_stats_to_json(self->stats);
}

gint64
hf_stats_get_time_us(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return self->time_us;
}

guint64
hf_stats_get_cpu_ns(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return self->stats->cpu.total_ns;
}

guint64
hf_stats_get_throttled_ns(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return self->stats->cpu.throttled_ns;
}

guint64
hf_stats_get_memory_usage(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return self->stats->memory.usage.usage_bytes;
}

guint64
hf_stats_get_memory_limit(HfStats *self)
{
    /* cgroup v1 has the largest multiple of a page for "none". */
    const guint64 v1_unlimited = (guint64)G_MAXINT64 & ~(guint64)0xffff;

    g_return_val_if_fail(HF_IS_STATS(self), 0);

    if (self->stats->memory.usage.limit_bytes >= v1_unlimited)
        return G_MAXUINT64;
    return self->stats->memory.usage.limit_bytes;
}

guint64
hf_stats_get_pids(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return self->stats->pids.current;
}

static guint64
sum_of_op(GArray *entries, const char *op)
{
    guint64 sum = 0;

    for (guint i = 0; i < entries->len; i++) {
        const HfCgroupBlkioEntry *entry = &g_array_index(entries, HfCgroupBlkioEntry, i);

        if (g_ascii_strcasecmp(entry->op, op) == 0)
            sum += entry->value;
    }
    return sum;
}

guint64
hf_stats_get_block_read(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return sum_of_op(self->stats->blkio.service_bytes, "Read");
}

guint64
hf_stats_get_block_written(HfStats *self)
{
    g_return_val_if_fail(HF_IS_STATS(self), 0);

    return sum_of_op(self->stats->blkio.service_bytes, "Write");
}
