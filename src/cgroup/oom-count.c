/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "cgroup/cgroup-text.h"
#include "cgroup/cgroup-tree.h"
#include "cgroup/oom-count.h"

/* Both files have fewer than 200 bytes; what fills the buffer is none of them. */
#define COUNTER_FILE_MAX 1024

/* A bound on the time a look takes. With more cgroups in a container, kills in them are not told.
 */
#define CGROUPS_MAX 1024

HfOomCountResult
hf_oom_count_parse(const char *text, size_t length, guint64 *out_count)
{
    HfCgroupText rest = {text, length};
    HfCgroupText line;
    HfCgroupText key;

    /* Only what has its newline is whole. */
    while (hf_cgroup_text_cut(&rest, '\n', &line)) {
        if (hf_cgroup_text_is(line, "oom_kill"))
            return HF_OOM_COUNT_GARBAGE;
        if (!hf_cgroup_text_cut(&line, ' ', &key) || !hf_cgroup_text_is(key, "oom_kill"))
            continue;
        if (line.length == 0 || *line.at == '-' || !hf_cgroup_text_to_number(line, out_count))
            return HF_OOM_COUNT_GARBAGE;
        return HF_OOM_COUNT_FOUND;
    }
    if (hf_cgroup_text_cut(&rest, ' ', &key) && hf_cgroup_text_is(key, "oom_kill"))
        return HF_OOM_COUNT_GARBAGE;
    return HF_OOM_COUNT_MISSING;
}

gboolean
hf_oom_count_throw_removed(GError **error)
{
    /* These words are looked for by conmon's own test suite. */
    return hf_throw(error, HF_ERROR_NOT_FOUND, "Cgroup appears to have been removed");
}

gboolean
hf_oom_count_read(int counter_fd, HfOomCountResult *out_result, guint64 *out_count, GError **error)
{
    char text[COUNTER_FILE_MAX];
    HfOomCountResult result;
    ssize_t n;

    do {
        n = pread(counter_fd, text, sizeof text, 0);
    } while (n < 0 && errno == EINTR);

    if (n < 0 && (errno == ENODEV || errno == ENOENT))
        return hf_oom_count_throw_removed(error);
    if (n < 0)
        return hf_throw_errno(error, "read the cgroup's count of OOM kills");
    result = hf_oom_count_parse(text, (size_t)n, out_count);
    if (result == HF_OOM_COUNT_GARBAGE || (size_t)n == sizeof text)
        return hf_throw(error, HF_ERROR_PROTOCOL, "the cgroup's count of OOM kills is no number");
    *out_result = result;
    return TRUE;
}

typedef struct {
    guint64 sum;
    bool is_past_top;
} Sum;

static gboolean
add_count(int dir_fd, gpointer user_data, GError **error)
{
    Sum *self = user_data;
    HfOomCountResult result = HF_OOM_COUNT_MISSING;
    g_autoptr(GError) local_error = NULL;
    guint64 count = 0;
    hf_autofd fd = -1;

    if (!self->is_past_top) {
        self->is_past_top = true;
        return TRUE;
    }
    fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT && errno != ENODEV)
        return hf_throw_errno(error, "open 'memory.oom_control'");
    if (fd < 0)
        return TRUE;
    if (!hf_oom_count_read(fd, &result, &count, &local_error)) {
        if (g_error_matches(local_error, HF_ERROR, HF_ERROR_NOT_FOUND))
            return TRUE;
        return g_propagate_error(error, g_steal_pointer(&local_error)), FALSE;
    }
    if (!g_uint64_checked_add(&self->sum, self->sum, count))
        return hf_throw(error, HF_ERROR_PROTOCOL, "the counts of OOM kills are too large");
    return TRUE;
}

bool
hf_oom_count_try_sum_below(int dir_fd, guint64 *out_sum)
{
    Sum sum = {0, false};

    if (!hf_cgroup_tree_walk(dir_fd, CGROUPS_MAX, add_count, &sum, NULL))
        return false;
    *out_sum = sum.sum;
    return true;
}
