/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * Each controller of a container is on a v1 hierarchy or on the unified one, and a table has the
 * reader for either. A hybrid is nothing special: some rows take the one, some the other.
 *
 * A cgroup may be removed at any moment. Its directory is looked at again after all its files were
 * read (cgroup-read.c tells why), so that a container that is gone never looks like one that uses
 * nothing. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "cgroup/cgroup-stats-private.h"
#include "cgroup/cgroup-stats.h"

static GArray *
numbers_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(guint64));
}

static GArray *
places_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(guint16));
}

static GArray *
entries_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(HfCgroupBlkioEntry));
}

static void
hugetlb_clear(gpointer hugetlb)
{
    g_free(((HfCgroupHugetlbStats *)hugetlb)->page_size);
}

static HfCgroupStats *
stats_new(void)
{
    HfCgroupStats *self = g_new0(HfCgroupStats, 1);

    self->cpu.percpu_ns = numbers_new();
    self->cpu.percpu_kernel_ns = numbers_new();
    self->cpu.percpu_user_ns = numbers_new();
    self->cpuset.cpus = places_new();
    self->cpuset.mems = places_new();
    self->memory.raw = hf_cgroup_pairs_new();
    self->blkio.service_bytes = entries_new();
    self->blkio.serviced = entries_new();
    self->blkio.queued = entries_new();
    self->blkio.service_time = entries_new();
    self->blkio.wait_time = entries_new();
    self->blkio.merged = entries_new();
    self->blkio.time = entries_new();
    self->blkio.sectors = entries_new();
    self->hugetlb = g_array_new(FALSE, FALSE, sizeof(HfCgroupHugetlbStats));
    g_array_set_clear_func(self->hugetlb, hugetlb_clear);
    return self;
}

void
hf_cgroup_stats_free(HfCgroupStats *self)
{
    if (self == NULL)
        return;
    g_array_unref(self->cpu.percpu_ns);
    g_array_unref(self->cpu.percpu_kernel_ns);
    g_array_unref(self->cpu.percpu_user_ns);
    g_array_unref(self->cpuset.cpus);
    g_array_unref(self->cpuset.mems);
    g_array_unref(self->memory.raw);
    g_array_unref(self->blkio.service_bytes);
    g_array_unref(self->blkio.serviced);
    g_array_unref(self->blkio.queued);
    g_array_unref(self->blkio.service_time);
    g_array_unref(self->blkio.wait_time);
    g_array_unref(self->blkio.merged);
    g_array_unref(self->blkio.time);
    g_array_unref(self->blkio.sectors);
    g_array_unref(self->hugetlb);
    g_free(self);
}

guint64
hf_cgroup_stats_scale(guint64 value, guint64 factor)
{
    guint64 product = 0;

    return g_uint64_checked_mul(&product, value, factor) ? product : G_MAXUINT64;
}

/* The SIZE of "hugetlb.SIZE" + @suffix; NULL if the name is none. "hugetlb.2MB.rsvd.current" is of
 * another kind: SIZE is letters and digits. */
static char *
find_page_size(const char *name, const char *suffix)
{
    static const char prefix[] = "hugetlb.";
    size_t length = strlen(name);
    size_t around = strlen(prefix) + strlen(suffix);
    g_autofree char *size = NULL;

    if (length <= around || !g_str_has_prefix(name, prefix) || !g_str_has_suffix(name, suffix))
        return NULL;
    size = g_strndup(name + strlen(prefix), length - around);
    for (const char *at = size; *at != '\0'; at++)
        if (!g_ascii_isalnum(*at))
            return NULL;
    return g_steal_pointer(&size);
}

static int
compare_page_sizes(gconstpointer a, gconstpointer b)
{
    return strcmp(((const HfCgroupHugetlbStats *)a)->page_size,
                  ((const HfCgroupHugetlbStats *)b)->page_size);
}

gboolean
hf_cgroup_stats_find_hugetlb(const HfCgroupDir *dir, const char *suffix, GArray *hugetlb,
                             GError **error)
{
    int list_fd =
        openat(hf_cgroup_dir_get_fd(dir), ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
    DIR *list = list_fd < 0 ? NULL : fdopendir(list_fd);

    if (list == NULL) {
        int list_errno = errno;

        hf_close_fd(&list_fd);
        /* Whether the cgroup is gone is found out at the end. */
        return list_errno == ENOENT || list_errno == ENODEV ||
               hf_throw_errnum(error, list_errno, "list a cgroup");
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        HfCgroupHugetlbStats stats = {find_page_size(entry->d_name, suffix), 0, 0, 0};

        if (stats.page_size != NULL)
            g_array_append_val(hugetlb, stats);
    }
    (void)closedir(list);
    g_array_sort(hugetlb, compare_page_sizes);
    return TRUE;
}

gboolean
hf_cgroup_stats_read_hugetlb(const HfCgroupDir *dir, const HfCgroupHugetlbStats *size,
                             const char *suffix, HfCgroupParser parse, gpointer out, GError **error)
{
    g_autofree char *name = g_strconcat("hugetlb.", size->page_size, suffix, NULL);

    return hf_cgroup_dir_read(dir, name, parse, out, NULL, error);
}

static gboolean
read_directory(const char *path, HfCgroupStatsReader reader, HfCgroupStats *stats, GError **error)
{
    g_autoptr(HfCgroupDir) dir = hf_cgroup_dir_open(path, error);

    return dir != NULL && reader(dir, stats, error) && hf_cgroup_dir_check_exists(dir, error);
}

static gboolean
read_controller(const HfCgroupDirs *dirs, HfCgroupController controller, HfCgroupStats *stats,
                GError **error)
{
    static const HfCgroupStatsReader readers[HF_CGROUP_N_CONTROLLERS][2] = {
        [HF_CGROUP_CPU] = {hf_cgroup_stats_v1_cpu, hf_cgroup_stats_v2_cpu},
        [HF_CGROUP_CPUACCT] = {hf_cgroup_stats_v1_cpuacct, hf_cgroup_stats_v2_cpuacct},
        [HF_CGROUP_CPUSET] = {hf_cgroup_stats_v1_cpuset, NULL},
        [HF_CGROUP_MEMORY] = {hf_cgroup_stats_v1_memory, hf_cgroup_stats_v2_memory},
        [HF_CGROUP_PIDS] = {hf_cgroup_stats_v1_pids, hf_cgroup_stats_v2_pids},
        [HF_CGROUP_BLKIO] = {hf_cgroup_stats_v1_blkio, hf_cgroup_stats_v2_blkio},
        [HF_CGROUP_HUGETLB] = {hf_cgroup_stats_v1_hugetlb, hf_cgroup_stats_v2_hugetlb},
    };
    HfCgroupVersion version = HF_CGROUP_V2;
    const char *path = hf_cgroup_dirs_find(dirs, controller, &version);
    HfCgroupStatsReader reader = readers[controller][version == HF_CGROUP_V1 ? 0 : 1];

    return path == NULL || reader == NULL || read_directory(path, reader, stats, error);
}

HfCgroupStats *
hf_cgroup_stats_read(const HfCgroupDirs *dirs, GError **error)
{
    g_autoptr(HfCgroupStats) stats = stats_new();

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        if (!read_controller(dirs, i, stats, error))
            return NULL;
    if (dirs->unified != NULL &&
        !read_directory(dirs->unified, hf_cgroup_stats_v2_pressure, stats, error))
        return NULL;
    return g_steal_pointer(&stats);
}
