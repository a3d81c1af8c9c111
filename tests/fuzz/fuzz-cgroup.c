/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the kernel says, with names in it that a container chose: cgroup paths, /proc/PID/stat. */

#include <string.h>

#include "base/process-ref.h"
#include "cgroup/cgroup-dirs.h"
#include "cgroup/cgroup-parse-io.h"
#include "cgroup/cgroup-parse.h"
#include "cgroup/cgroup-path.h"
#include "cgroup/cgroup-procs.h"
#include "fuzz.h"

/* A directory that is found begins with a mount point and never leaves it by "..". */
void
fuzz_cgroup_path(const char *bytes, size_t length)
{
    static const char *const controllers[] = {NULL, "memory", "cpu", "name=systemd"};
    HfFuzzInput input = {bytes, length};
    g_autofree char *proc_cgroup = hf_fuzz_take_text(&input);
    g_autofree char *rest = hf_fuzz_take_text(&input);
    g_autofree char *mountinfo = g_strconcat(
        "30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "31 25 0:27 /part /sys/fs/cgroup/memory rw,nosuid shared:7 - cgroup cgroup rw,memory\n",
        rest, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(controllers); i++) {
        HfCgroupVersion version = HF_CGROUP_V1;
        g_autofree char *path =
            hf_cgroup_path_resolve(proc_cgroup, mountinfo, controllers[i], &version, NULL);

        if (path == NULL || *rest != '\0')
            continue;
        g_assert_true(g_str_has_prefix(path, version == HF_CGROUP_V2 ? "/sys/fs/cgroup/unified"
                                                                     : "/sys/fs/cgroup/memory"));
        g_assert_null(strstr(path, "/../"));
        g_assert_false(g_str_has_suffix(path, "/.."));
    }
}

/* What is written down of them is what was read. */
void
fuzz_cgroup_dirs(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autoptr(HfCgroupDirs) dirs = hf_cgroup_dirs_new_from_text(bytes, length, NULL);

    if (dirs == NULL) {
        g_autofree char *proc_cgroup = hf_fuzz_take_text(&input);
        g_autofree char *mountinfo = hf_fuzz_take_text(&input);

        dirs = hf_cgroup_dirs_new_from_texts(proc_cgroup, mountinfo, NULL);
    }
    if (dirs == NULL)
        return;
    g_autofree char *text = hf_cgroup_dirs_to_text(dirs);
    g_autoptr(HfCgroupDirs) same = hf_cgroup_dirs_new_from_text(text, strlen(text), NULL);
    g_assert_nonnull(same);
    for (int i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        g_assert_cmpstr(same->v1[i], ==, dirs->v1[i]);
    g_assert_cmpstr(same->unified, ==, dirs->unified);
}

static void
parse_ranges(const char *bytes, size_t length)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(guint16));
    g_autoptr(GArray) again = g_array_new(FALSE, FALSE, sizeof(guint16));
    g_autoptr(GString) text = g_string_new(NULL);

    if (!hf_cgroup_parse_ranges(bytes, length, ranges, NULL))
        return;
    for (guint i = 0; i < ranges->len; i++)
        g_string_append_printf(text, "%s%d", i == 0 ? "" : ",", g_array_index(ranges, guint16, i));
    g_assert_true(hf_cgroup_parse_ranges(text->str, text->len, again, NULL));
    hf_fuzz_assert_same(again->data, again->len * sizeof(guint16), ranges->data,
                        ranges->len * sizeof(guint16));
}

void
fuzz_cgroup_parse(const char *bytes, size_t length)
{
    guint64 number = 0;
    gint64 signed_number = 0;
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();
    g_autoptr(GArray) user = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GArray) kernel = g_array_new(FALSE, FALSE, sizeof(guint64));
    HfCgroupCpuModes modes = {user, kernel};

    (void)!hf_cgroup_parse_number(bytes, length, &number, NULL);
    (void)!hf_cgroup_parse_signed(bytes, length, &signed_number, NULL);
    (void)!hf_cgroup_parse_numbers(bytes, length, numbers, NULL);
    g_assert_cmpuint(numbers->len, <=, length);
    (void)!hf_cgroup_procs_parse(bytes, length, pids, NULL);
    for (guint i = 0; i < pids->len; i++)
        g_assert_cmpuint(g_array_index(pids, guint32, i), >, 0);
    (void)!hf_cgroup_parse_pairs(bytes, length, pairs, NULL);
    for (guint i = 0; i < pairs->len; i++)
        g_assert_nonnull(g_array_index(pairs, HfCgroupPair, i).key);
    (void)!hf_cgroup_parse_usage_all(bytes, length, &modes, NULL);
    parse_ranges(bytes, length);
}

static void
check_operations(const GArray *entries)
{
    for (guint i = 0; i < entries->len; i++) {
        const char *op = g_array_index(entries, HfCgroupBlkioEntry, i).op;

        g_assert_nonnull(memchr(op, '\0', HF_CGROUP_OP_SIZE));
        for (; *op != '\0'; op++)
            g_assert_true(g_ascii_isalpha(*op));
    }
}

void
fuzz_cgroup_parse_io(const char *bytes, size_t length)
{
    g_autoptr(GArray) blkio = g_array_new(FALSE, FALSE, sizeof(HfCgroupBlkioEntry));
    g_autoptr(GArray) sizes = g_array_new(FALSE, FALSE, sizeof(HfCgroupBlkioEntry));
    g_autoptr(GArray) operations = g_array_new(FALSE, FALSE, sizeof(HfCgroupBlkioEntry));
    HfCgroupIoStat stat = {sizes, operations};
    HfCgroupPressure pressure = {0};

    (void)!hf_cgroup_parse_blkio(bytes, length, blkio, NULL);
    (void)!hf_cgroup_parse_io_stat(bytes, length, &stat, NULL);
    (void)!hf_cgroup_parse_pressure(bytes, length, &pressure, NULL);
    check_operations(blkio);
    check_operations(sizes);
    check_operations(operations);
}

/* A process's name may hold anything; its start time is still found. */
void
fuzz_process_stat(const char *bytes, size_t length)
{
    static const char fields[] =
        "1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 7 8 9 18446744073709551615";
    HfFuzzInput input = {bytes, length};
    guint64 ticks = 0;
    g_autofree char *raw = hf_fuzz_take_text(&input);
    g_autofree char *name = g_strndup(raw, 64);
    g_autofree char *text = g_strdup_printf("77 (%s) S %s\n", name, fields);

    (void)hf_process_parse_start_time(raw, &ticks);
    g_assert_true(hf_process_parse_start_time(text, &ticks));
    g_assert_cmpuint(ticks, ==, 123456);
}
