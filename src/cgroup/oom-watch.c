/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * One file has the count of OOM kills and is kept open: memory.events (v2) or memory.oom_control
 * (v1). look() reads it from its start; what is above the last count goes to on_oom. A look can be
 * taken at any time, so that events only say when: one too many, or one too few, harms nothing as
 * long as hf_oom_watch_check() comes before the process is reaped. The kernel counts a kill before
 * it sends the SIGKILL, so the count is up to date once the victim has ended.
 *
 * v2: the kernel marks the open file POLLPRI when it has changed since it was last read, until it
 * is read again. inotify would tell the same, but costs a second descriptor, and of inotify
 * instances a user has 128 by default, less than one host has containers. memory.events counts what
 * happened below the cgroup as well (unless the host mounted the hierarchy with
 * memory_localevents). Of a group kill (memory.oom.group) each process counts, and the kernel may
 * count the one it picked first twice.
 *
 * v1: "EVENTFD FILE" written to cgroup.event_control makes the kernel add to the eventfd each time
 * the cgroup hits its limit. Three oddities:
 *   - It does so before it picks a victim, so a look at that moment is often too early. A few more
 *     follow at growing distances, and then none: with the OOM killer off (oom_kill_disable) no
 *     kill will come.
 *   - It adds to the eventfd when the cgroup is removed, too. Then reading the file fails with
 *     ENODEV, and the watch is over.
 *   - A kill counts in the cgroup that the victim was in, and in none above it. So a look adds up
 *     the cgroups below, if there are any. What one of them had counted when it was removed is
 *     kept; what it counted after the last look is not known. The event comes when this cgroup
 *     hits its limit, not when one below hits its own: such a kill is found by the next look, at
 *     the latest by hf_oom_watch_check().
 * Kernels before 4.13 have no `oom_kill` in memory.oom_control: there each event counts as one kill
 * if the cgroup still exists, which reading the file tells.
 *
 * The removed cgroup's file is for ever POLLPRI on v2, and any file that cannot be read would wake
 * us again and again: whatever error a look in a callback meets ends the waking. A later check
 * meets the same error, and its caller gets it. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"
#include "cgroup/oom-count.h"
#include "cgroup/oom-watch.h"

#define FIRST_LOOK_AGAIN_MS 10
#define LAST_LOOK_AGAIN_MS 1000
#define LOOK_AGAIN_FACTOR 10

struct HfOomWatch {
    GMainContext *context; /* borrowed */
    HfOomFunc on_oom;
    gpointer user_data;
    int counter_fd;
    int event_fd;        /* v1, else -1 */
    GSource *wake_up;    /* NULL when there is nothing to wait for */
    GSource *look_again; /* v1, for a moment after an event */
    guint look_again_ms;
    int directory_fd; /* v1, else -1 */
    bool has_count;   /* the file has `oom_kill` */
    guint64 nested;   /* v1: what cgroups below said last */
    guint64 seen;     /* the sum of all files when last read */
    guint64 lost;     /* what cgroups that are gone had counted */
    guint64 first;    /* the count when the watch was made */
    guint64 last;     /* the count last told of */
};

/* How often the kernel signalled since this was last asked. */
static guint64
take_events(HfOomWatch *self)
{
    guint64 events = 0;
    size_t n = 0;

    if (self->event_fd < 0 ||
        hf_io_read(self->event_fd, &events, sizeof events, &n, NULL) != HF_IO_DATA)
        return 0;
    return events;
}

/* The kernel's count, with that of nested cgroups, as it never falls: what a removed cgroup had
 * counted is kept. */
static gboolean
read_count(HfOomWatch *self, HfOomCountResult *out_result, guint64 *out_count, GError **error)
{
    guint64 count = 0;

    if (!hf_oom_count_read(self->counter_fd, out_result, &count, error))
        return FALSE;
    if (*out_result == HF_OOM_COUNT_MISSING)
        return TRUE;
    if (self->directory_fd >= 0)
        (void)hf_oom_count_try_sum_below(self->directory_fd, &self->nested);
    if (!g_uint64_checked_add(&count, count, self->nested))
        count = G_MAXUINT64;
    if (count < self->seen)
        self->lost += self->seen - count;
    self->seen = count;
    if (!g_uint64_checked_add(out_count, count, self->lost))
        *out_count = G_MAXUINT64;
    return TRUE;
}

/* May call on_oom, as the last thing it does. */
static gboolean
look(HfOomWatch *self, GError **error)
{
    guint64 events = take_events(self);
    guint64 count = 0;
    HfOomCountResult result = HF_OOM_COUNT_MISSING;

    if (!read_count(self, &result, &count, error))
        return FALSE;
    if (!self->has_count)
        count = self->last + events;
    else if (result == HF_OOM_COUNT_MISSING)
        return hf_throw(error, HF_ERROR_PROTOCOL, "the cgroup's count of OOM kills has vanished");
    if (count <= self->last)
        return TRUE;
    self->last = count;
    self->on_oom(count - self->first, self->user_data);
    return TRUE;
}

static void
stop_waiting(HfOomWatch *self)
{
    hf_source_clear(&self->look_again);
    hf_source_clear(&self->wake_up);
}

static gboolean on_look_again(gpointer user_data);

static void
schedule_look_again(HfOomWatch *self, guint delay_ms)
{
    hf_source_clear(&self->look_again);
    self->look_again_ms = delay_ms;
    if (delay_ms <= LAST_LOOK_AGAIN_MS)
        self->look_again = hf_source_after(self->context, delay_ms, HF_PRIORITY_CONTROL,
                                           "oom-watch-again", on_look_again, self);
}

static gboolean
on_look_again(gpointer user_data)
{
    HfOomWatch *self = user_data;

    schedule_look_again(self, self->look_again_ms * LOOK_AGAIN_FACTOR);
    if (!look(self, NULL))
        stop_waiting(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_event(int fd, GIOCondition condition, gpointer user_data)
{
    HfOomWatch *self = user_data;

    if (self->event_fd >= 0 && self->has_count)
        schedule_look_again(self, FIRST_LOOK_AGAIN_MS);
    if (!look(self, NULL))
        stop_waiting(self);
    return G_SOURCE_CONTINUE;
}

/* FALSE, without an error, where the kernel has no such event. */
static bool
register_v1_event(HfOomWatch *self, int directory_fd)
{
    hf_autofd control_fd = openat(directory_fd, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
    hf_autofd event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_autofree char *request = g_strdup_printf("%d %d", event_fd, self->counter_fd);
    size_t written = 0;

    if (control_fd < 0 || event_fd < 0 ||
        hf_io_write(control_fd, request, strlen(request), &written, NULL) != HF_IO_DATA)
        return false;
    self->event_fd = hf_steal_fd(&event_fd);
    return true;
}

static gboolean
open_counter(HfOomWatch *self, int directory_fd, HfCgroupVersion version, GError **error)
{
    const char *name = version == HF_CGROUP_V2 ? "memory.events" : "memory.oom_control";

    /* Only the root of a v1 hierarchy has this file. The root of v2 has no memory.events. */
    if (version == HF_CGROUP_V1 && faccessat(directory_fd, "release_agent", F_OK, 0) == 0)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "the process is in the root cgroup");
    self->counter_fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (self->counter_fd < 0 && errno == ENODEV)
        return hf_oom_count_throw_removed(error);
    if (self->counter_fd < 0 && errno == ENOENT)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "the cgroup has no '%s'", name);
    if (self->counter_fd < 0)
        return hf_throw_errno(error, "open '%s'", name);
    return TRUE;
}

/* Waiting starts before the first count is taken, so that nothing happens in between unseen. */
static gboolean
start(HfOomWatch *self, HfCgroupVersion version, GError **error)
{
    HfOomCountResult result = HF_OOM_COUNT_MISSING;
    bool has_event = version == HF_CGROUP_V2;

    if (!open_counter(self, self->directory_fd, version, error))
        return FALSE;
    if (version == HF_CGROUP_V1)
        has_event = register_v1_event(self, self->directory_fd);
    else
        hf_close_fd(&self->directory_fd);
    if (!read_count(self, &result, &self->first, error))
        return FALSE;
    self->last = self->first;
    self->has_count = result == HF_OOM_COUNT_FOUND;
    if (!self->has_count && (version == HF_CGROUP_V2 || !has_event))
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "the kernel does not count OOM kills");
    if (version == HF_CGROUP_V2)
        self->wake_up = hf_source_watch_fd(self->context, self->counter_fd, G_IO_PRI,
                                           HF_PRIORITY_CONTROL, "oom-watch", on_event, self);
    else if (has_event)
        self->wake_up = hf_source_watch_fd(self->context, self->event_fd, G_IO_IN,
                                           HF_PRIORITY_CONTROL, "oom-watch", on_event, self);
    return TRUE;
}

HfOomWatch *
hf_oom_watch_new_for_path(GMainContext *context, const char *directory, HfCgroupVersion version,
                          HfOomFunc on_oom, gpointer user_data, GError **error)
{
    g_autoptr(HfOomWatch) self = NULL;
    hf_autofd directory_fd = -1;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0 && errno == ENOENT)
        return hf_oom_count_throw_removed(error), g_prefix_error(error, "'%s': ", directory), NULL;
    if (directory_fd < 0)
        return hf_throw_errno(error, "open '%s'", directory), NULL;

    self = g_new0(HfOomWatch, 1);
    self->context = context;
    self->on_oom = on_oom;
    self->user_data = user_data;
    self->counter_fd = -1;
    self->event_fd = -1;
    self->directory_fd = hf_steal_fd(&directory_fd);
    if (!start(self, version, error))
        return g_prefix_error(error, "'%s': ", directory), NULL;
    return g_steal_pointer(&self);
}

HfOomWatch *
hf_oom_watch_new(GMainContext *context, pid_t pid, HfOomFunc on_oom, gpointer user_data,
                 GError **error)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autoptr(GError) local_error = NULL;
    g_autofree char *directory = NULL;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    directory = hf_cgroup_path_of_process(pid, "memory", &version, &local_error);
    if (g_error_matches(local_error, HF_ERROR, HF_ERROR_NOT_FOUND))
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "%s", local_error->message), NULL;
    if (directory == NULL)
        return g_propagate_error(error, g_steal_pointer(&local_error)), NULL;
    return hf_oom_watch_new_for_path(context, directory, version, on_oom, user_data, error);
}

gboolean
hf_oom_watch_check(HfOomWatch *self, GError **error)
{
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    return look(self, error);
}

int
hf_oom_watch_get_directory_fd(const HfOomWatch *self)
{
    return self->directory_fd;
}

guint64
hf_oom_watch_get_base(const HfOomWatch *self)
{
    return self->first;
}

void
hf_oom_watch_resume(HfOomWatch *self, guint64 base, guint64 told)
{
    /* A count that is lower than it was belongs to another cgroup of that name. */
    if (!self->has_count || base > self->first)
        return;
    self->first = base;
    self->last = base + MIN(told, G_MAXUINT64 - base);
}

void
hf_oom_watch_free(HfOomWatch *self)
{
    if (self == NULL)
        return;
    stop_waiting(self);
    hf_close_fd(&self->event_fd);
    hf_close_fd(&self->counter_fd);
    hf_close_fd(&self->directory_fd);
    g_free(self);
}

static void
save_count(HfStateWriter *writer, const char *name, guint64 count)
{
    hf_state_put_number(writer, name, (gint64)MIN(count, G_MAXINT64));
}

static guint64
restore_count(HfStateReader *reader, const char *name)
{
    return (guint64)hf_state_get_number(reader, name, 0, G_MAXINT64, 0);
}

void
hf_oom_watch_save(const HfOomWatch *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "counter", self->counter_fd);
    hf_state_put_fd(writer, "event", self->event_fd);
    hf_state_put_fd(writer, "directory", self->directory_fd);
    hf_state_put_bool(writer, "has-count", self->has_count);
    hf_state_put_bool(writer, "is-waiting", self->wake_up != NULL);
    hf_state_put_bool(writer, "looks-again", self->look_again != NULL);
    save_count(writer, "nested", self->nested);
    save_count(writer, "seen", self->seen);
    save_count(writer, "lost", self->lost);
    save_count(writer, "first", self->first);
    save_count(writer, "last", self->last);
}

static void
wait_again(HfOomWatch *self)
{
    int fd = self->event_fd >= 0 ? self->event_fd : self->counter_fd;
    GIOCondition condition = self->event_fd >= 0 ? G_IO_IN : G_IO_PRI;

    self->wake_up = hf_source_watch_fd(self->context, fd, condition, HF_PRIORITY_CONTROL,
                                       "oom-watch", on_event, self);
}

HfOomWatch *
hf_oom_watch_new_saved(GMainContext *context, HfStateReader *reader, HfOomFunc on_oom,
                       gpointer user_data)
{
    HfOomWatch *self = g_new0(HfOomWatch, 1);

    self->context = context;
    self->on_oom = on_oom;
    self->user_data = user_data;
    self->counter_fd = hf_state_take_needed_fd(reader, "counter");
    self->event_fd = hf_state_take_fd(reader, "event");
    self->directory_fd = hf_state_take_fd(reader, "directory");
    self->has_count = hf_state_get_bool(reader, "has-count");
    self->nested = restore_count(reader, "nested");
    self->seen = restore_count(reader, "seen");
    self->lost = restore_count(reader, "lost");
    self->first = restore_count(reader, "first");
    self->last = restore_count(reader, "last");
    if (self->counter_fd >= 0 && hf_state_get_bool(reader, "is-waiting"))
        wait_again(self);
    if (hf_state_get_bool(reader, "looks-again"))
        schedule_look_again(self, FIRST_LOOK_AGAIN_MS);
    return self;
}
