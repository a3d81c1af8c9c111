/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * One splitter for each stream makes lines; they are appended to every sink at once, by the dozen
 * where the sink takes them so, with the one time stamp of this write; at the end of the write
 * every sink is flushed once.
 *
 * A sink is GOOD, BUSY (its flush returned HF_IO_AGAIN) or FAILED. What a flush left behind is
 * tried again, while something waits:
 *
 *      BUSY     when the sink's descriptor is writable, if it has one. Else, and if the descriptor
 *               was writable and the target took nothing all the same (a kernel short of memory),
 *               by the timer: after 20 ms, then doubling up to 1 s; from 20 ms anew when some of it
 *               went. Each write tries too: what is busy now may not be at the next read.
 *      FAILED   by the timer, after 1 s. A write does not try, or a full disk would cost a system
 *               call for each read; what a sink appends meanwhile stays in its buffer. Past
 *               a limit (log-outlet.c) it is told to drop.
 *
 * A sink closes and opens descriptors in flush() and reopen(), so the source that waits for one is
 * cleared before.
 *
 * The router is congested while a sink that is BUSY holds more than a limit allows and is not
 * lossy. The container is then held up by the caller, so nothing comes to try again, and the timer
 * or descriptor does. on_ready() is called from there only, never from within a write. A target
 * that fails does not hold the container up: it may be gone for ever.
 *
 * A lossy policy bounds what waits: past buffer_max a record is counted and not appended, until
 * half of it is free again, or there would be a record of the loss for each one. That record is
 * appended before the next one that is taken, or when nothing waits any more.
 *
 * A change to or from FAILED is told once. A sink may be FAILED with nothing pending (a log file
 * that cannot be rotated): no timer then, the next write tells. */

#include <glib.h>

#include "base/clock.h"
#include "base/source.h"
#include "logging/line-splitter.h"
#include "logging/log-outlet.h"
#include "logging/log-router-private.h"

#define RETRY_MIN_MS 20
#define RETRY_MAX_MS 1000

static HfLogRouterOutlet *
get_outlet(const HfLogRouter *self, guint i)
{
    return g_ptr_array_index(self->outlets, i);
}

static void
free_outlet(gpointer data)
{
    HfLogRouterOutlet *outlet = data;

    hf_source_clear(&outlet->wait);
    hf_log_outlet_clear(&outlet->base);
    g_free(outlet);
}

static void on_line(const char *bytes, size_t length, bool is_partial, gpointer user_data);
static void on_lines(const char *bytes, const size_t *lengths, guint count, gpointer user_data);

static const HfLineHandlers line_handlers = {on_line, on_lines};

HfLogRouter *
hf_log_router_new(GMainContext *context, size_t line_max, const HfLogRouterHandlers *handlers,
                  gpointer user_data)
{
    HfLogRouter *self = g_new0(HfLogRouter, 1);

    self->context = context != NULL ? g_main_context_ref(context) : NULL;
    self->handlers = handlers;
    self->user_data = user_data;
    for (guint i = 0; i < HF_STREAM_COUNT; i++)
        self->splitters[i] = hf_line_splitter_new(line_max, &line_handlers, self);
    self->outlets = g_ptr_array_new_with_free_func(free_outlet);
    self->busy_delay_ms = RETRY_MIN_MS;
    return self;
}

void
hf_log_router_free(HfLogRouter *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->retry);
    for (guint i = 0; i < HF_STREAM_COUNT; i++)
        hf_line_splitter_free(self->splitters[i]);
    g_ptr_array_unref(self->outlets);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self);
}

void
hf_log_router_take_sink(HfLogRouter *self, HfLogSink *sink)
{
    hf_log_router_take_sink_with_policy(self, sink, &(const HfLogPolicy){0});
}

void
hf_log_router_take_sink_with_policy(HfLogRouter *self, HfLogSink *sink, const HfLogPolicy *policy)
{
    HfLogRouterOutlet *outlet = g_new0(HfLogRouterOutlet, 1);

    outlet->router = self;
    outlet->base.sink = sink;
    outlet->base.policy = *policy;
    g_ptr_array_add(self->outlets, outlet);
}

static void
set_state(HfLogRouter *self, HfLogRouterOutlet *outlet, HfLogOutletState state, const GError *error)
{
    bool is_change =
        (outlet->base.state == HF_LOG_OUTLET_FAILED) != (state == HF_LOG_OUTLET_FAILED);

    outlet->base.state = state;
    if (is_change && self->handlers->on_sink_state != NULL)
        self->handlers->on_sink_state(outlet->base.sink->klass->name, error, self->user_data);
}

static void
flush_outlet(HfLogRouter *self, HfLogRouterOutlet *outlet)
{
    g_autoptr(GError) error = NULL;
    bool has_moved = false;
    HfIoResult result;

    hf_source_clear(&outlet->wait);
    result = hf_log_outlet_flush(&outlet->base, &has_moved, &error);
    if (has_moved) {
        self->busy_delay_ms = RETRY_MIN_MS;
        outlet->is_wait_futile = false;
    }
    if (result == HF_IO_DATA) {
        outlet->base.is_dropping = false;
        set_state(self, outlet, HF_LOG_OUTLET_GOOD, NULL);
    } else if (result == HF_IO_AGAIN) {
        if (outlet->base.state != HF_LOG_OUTLET_BUSY)
            self->busy_delay_ms = RETRY_MIN_MS;
        set_state(self, outlet, HF_LOG_OUTLET_BUSY, NULL);
    } else {
        set_state(self, outlet, HF_LOG_OUTLET_FAILED, error);
        hf_log_outlet_drop_excess(&outlet->base);
    }
}

/* Whether the policy lets the record wait. */
static bool
admit(HfLogRouter *self, HfLogRouterOutlet *outlet, size_t length)
{
    HfLogOutlet *base = &outlet->base;

    if (!base->policy.is_lossy)
        return true;
    if (base->state == HF_LOG_OUTLET_GOOD && !hf_log_outlet_has_room(base, length))
        flush_outlet(self, outlet);
    base->is_dropping = !hf_log_outlet_has_room(base, length);
    if (!base->is_dropping)
        hf_log_outlet_report(base);
    return !base->is_dropping;
}

/* Appends the router's record. */
static void
append_record(HfLogRouter *self, HfLogRouterOutlet *outlet)
{
    size_t length = self->record.length;

    if (admit(self, outlet, length))
        outlet->base.sink->klass->append(outlet->base.sink, &self->record);
    else
        hf_log_loss_add(&outlet->base.missing, 1, length);
}

static void
on_line(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    HfLogRouter *self = user_data;

    self->record.bytes = bytes;
    self->record.length = length;
    self->record.is_partial = is_partial;
    self->handed[self->record.stream] += length + (is_partial ? 0 : 1);
    for (guint i = 0; i < self->outlets->len; i++)
        append_record(self, get_outlet(self, i));
}

/* To where each line is admitted or dropped by itself. */
static void
append_each(HfLogRouter *self, HfLogRouterOutlet *outlet, const HfLogLines *lines)
{
    const char *at = lines->bytes;

    self->record.is_partial = false;
    for (guint i = 0; i < lines->count; i++) {
        self->record.bytes = at;
        self->record.length = lines->lengths[i];
        append_record(self, outlet);
        at += lines->lengths[i] + 1;
    }
}

static void
on_lines(const char *bytes, const size_t *lengths, guint count, gpointer user_data)
{
    HfLogRouter *self = user_data;
    HfLogLines lines = {
        .stream = self->record.stream,
        .time = self->record.time,
        .bytes = bytes,
        .size = count, /* of the newlines */
        .lengths = lengths,
        .count = count,
    };

    for (guint i = 0; i < count; i++)
        lines.size += lengths[i];
    self->handed[lines.stream] += lines.size;
    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogRouterOutlet *outlet = get_outlet(self, i);

        if (outlet->base.policy.is_lossy || outlet->base.sink->klass->append_lines == NULL)
            append_each(self, outlet, &lines);
        else
            outlet->base.sink->klass->append_lines(outlet->base.sink, &lines);
    }
}

/* When what waits is to be tried again; 0: nothing waits. */
static guint
get_retry_delay(const HfLogRouter *self)
{
    bool is_ready_owed = self->was_congested && !hf_log_router_is_congested(self);
    guint delay_ms = is_ready_owed ? self->busy_delay_ms : 0;

    for (guint i = 0; i < self->outlets->len; i++) {
        const HfLogRouterOutlet *outlet = get_outlet(self, i);

        if (hf_log_outlet_get_pending(&outlet->base) == 0 ||
            outlet->base.state == HF_LOG_OUTLET_GOOD || outlet->wait != NULL)
            continue;
        if (outlet->base.state == HF_LOG_OUTLET_BUSY)
            return self->busy_delay_ms;
        delay_ms = delay_ms > 0 ? delay_ms : RETRY_MAX_MS;
    }
    return delay_ms;
}

static gboolean on_retry(gpointer user_data);
static gboolean on_writable(int fd, GIOCondition condition, gpointer user_data);

static void
watch_descriptor(HfLogRouter *self, HfLogRouterOutlet *outlet)
{
    const HfLogSinkClass *klass = outlet->base.sink->klass;
    int fd = -1;

    if (outlet->wait != NULL || outlet->base.state != HF_LOG_OUTLET_BUSY ||
        outlet->is_wait_futile || hf_log_outlet_get_pending(&outlet->base) == 0)
        return;
    if (klass->get_wait_fd != NULL)
        fd = klass->get_wait_fd(outlet->base.sink);
    if (fd >= 0)
        outlet->wait = hf_source_watch_fd(self->context, fd, G_IO_OUT, HF_PRIORITY_OUTPUT,
                                          "log-wait", on_writable, outlet);
}

/* Watches descriptors, and starts, stops or hastens the timer. */
void
hf_log_router_update_retry(HfLogRouter *self)
{
    guint delay_ms;

    if (hf_log_router_is_congested(self))
        self->was_congested = true;
    for (guint i = 0; i < self->outlets->len; i++)
        watch_descriptor(self, get_outlet(self, i));
    delay_ms = get_retry_delay(self);
    if (delay_ms == 0)
        self->busy_delay_ms = RETRY_MIN_MS;
    if (self->retry != NULL && delay_ms > 0 && delay_ms >= self->retry_delay_ms)
        return;
    hf_source_clear(&self->retry);
    if (delay_ms == 0)
        return;
    self->retry_delay_ms = delay_ms;
    self->retry =
        hf_source_after(self->context, delay_ms, HF_PRIORITY_OUTPUT, "log-retry", on_retry, self);
}

/* Ends what the main loop called: tells that there is room again. */
static void
finish_retry(HfLogRouter *self)
{
    bool is_owed = self->was_congested && !hf_log_router_is_congested(self);

    if (is_owed)
        self->was_congested = false;
    hf_log_router_update_retry(self);
    if (is_owed && self->handlers->on_ready != NULL)
        self->handlers->on_ready(self->user_data);
}

static gboolean
on_retry(gpointer user_data)
{
    HfLogRouter *self = user_data;

    hf_source_clear(&self->retry);
    self->busy_delay_ms = MIN(2 * self->busy_delay_ms, RETRY_MAX_MS);
    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogRouterOutlet *outlet = get_outlet(self, i);

        if (hf_log_outlet_get_pending(&outlet->base) > 0 && outlet->wait == NULL)
            flush_outlet(self, outlet);
    }
    finish_retry(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    HfLogRouterOutlet *outlet = user_data;
    HfLogRouter *self = outlet->router;

    /* Unless the flush gets something away. */
    outlet->is_wait_futile = true;
    flush_outlet(self, outlet);
    finish_retry(self);
    return G_SOURCE_REMOVE;
}

/* Ends a write: moves what it appended. */
static void
flush_sinks(HfLogRouter *self)
{
    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogRouterOutlet *outlet = get_outlet(self, i);
        size_t pending = hf_log_outlet_get_pending(&outlet->base);

        if (outlet->base.state != HF_LOG_OUTLET_FAILED || (self->retry == NULL && pending > 0))
            flush_outlet(self, outlet);
        else
            hf_log_outlet_drop_excess(&outlet->base);
    }
    hf_log_router_update_retry(self);
}

void
hf_log_router_write(HfLogRouter *self, HfStream stream, const char *bytes, size_t length,
                    bool more_ready)
{
    HfLineSplitter *splitter = self->splitters[stream];

    self->record.stream = stream;
    self->record.time = hf_clock_now();
    if (more_ready)
        hf_line_splitter_push(splitter, bytes, length);
    else
        hf_line_splitter_push_last(splitter, bytes, length);
    flush_sinks(self);
}

const char *
hf_log_router_peek_partial(const HfLogRouter *self, HfStream stream, size_t *out_length)
{
    *out_length = hf_line_splitter_get_pending(self->splitters[stream]);
    return hf_line_splitter_peek(self->splitters[stream]);
}

guint64
hf_log_router_get_handed(const HfLogRouter *self, HfStream stream)
{
    return self->handed[stream];
}

void
hf_log_router_set_handed(HfLogRouter *self, HfStream stream, guint64 handed)
{
    self->handed[stream] = handed;
}

void
hf_log_router_flush_partial(HfLogRouter *self)
{
    self->record.time = hf_clock_now();
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        self->record.stream = (HfStream)i;
        hf_line_splitter_flush(self->splitters[i]);
    }
    flush_sinks(self);
}

bool
hf_log_router_is_congested(const HfLogRouter *self)
{
    for (guint i = 0; i < self->outlets->len; i++) {
        if (hf_log_outlet_is_congested(&get_outlet(self, i)->base))
            return true;
    }
    return false;
}

gboolean
hf_log_router_reopen(HfLogRouter *self, GError **error)
{
    g_autoptr(GError) first_error = NULL;

    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogRouterOutlet *outlet = get_outlet(self, i);
        g_autoptr(GError) local_error = NULL;

        hf_source_clear(&outlet->wait);
        if (!outlet->base.sink->klass->reopen(outlet->base.sink, &local_error) &&
            first_error == NULL)
            first_error = g_steal_pointer(&local_error);
        flush_outlet(self, outlet);
    }
    hf_log_router_update_retry(self);
    if (first_error == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&first_error));
    return FALSE;
}

GArray *
hf_log_router_get_sync_fds(const HfLogRouter *self)
{
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogSink *sink = get_outlet(self, i)->base.sink;
        int fd = sink->klass->get_sync_fd(sink);

        if (fd >= 0)
            g_array_append_val(fds, fd);
    }
    return fds;
}

size_t
hf_log_router_get_pending(const HfLogRouter *self)
{
    size_t pending = 0;

    for (guint i = 0; i < self->outlets->len; i++)
        pending += hf_log_outlet_get_pending(&get_outlet(self, i)->base);
    return pending;
}

void
hf_log_router_release_memory(HfLogRouter *self)
{
    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogSink *sink = get_outlet(self, i)->base.sink;

        sink->klass->release_memory(sink);
    }
}
