/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * One splitter for each stream makes lines; each line is appended to every sink at once, with the
 * one time stamp of this write; at the end of the write every sink is flushed once.
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
 *               PENDING_MAX it is told to drop.
 *
 * A sink closes and opens descriptors in flush() and reopen(), so the source that waits for one is
 * cleared before.
 *
 * The router is congested while a sink that is BUSY holds more than CONGESTED_BYTES and is not
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

#include <string.h>

#include <glib.h>

#include "base/clock.h"
#include "base/source.h"
#include "logging/line-splitter.h"
#include "logging/log-loss.h"
#include "logging/log-router.h"

#define CONGESTED_BYTES (256 * 1024)
/* More than a file sink keeps by itself. */
#define PENDING_MAX (2 * 1024 * 1024)
#define RETRY_MIN_MS 20
#define RETRY_MAX_MS 1000

typedef enum {
    OUTLET_GOOD,
    OUTLET_BUSY,
    OUTLET_FAILED,
} OutletState;

typedef struct {
    HfLogRouter *router; /* borrowed: its owner */
    HfLogSink *sink;     /* owned */
    OutletState state;
    GSource *wait; /* while BUSY: for the sink's descriptor */
    bool is_wait_futile;
    HfLogPolicy policy;
    bool is_dropping;
    HfLogLoss missing;
    char *cause; /* of the loss; NULL: the target took no more */
} Outlet;

struct HfLogRouter {
    GMainContext *context;
    const HfLogRouterHandlers *handlers;
    gpointer user_data;
    HfLineSplitter *splitters[HF_STREAM_COUNT];
    GPtrArray *outlets; /* (element-type Outlet) (transfer full) */
    HfLogRecord record;
    GSource *retry;
    guint retry_delay_ms; /* of the timer that runs */
    guint busy_delay_ms;  /* of the next one, for a sink that is BUSY */
    bool was_congested;   /* on_ready() is owed */
};

static Outlet *
get_outlet(const HfLogRouter *self, guint i)
{
    return g_ptr_array_index(self->outlets, i);
}

static size_t
get_pending(const Outlet *outlet)
{
    return outlet->sink->klass->get_pending(outlet->sink);
}

static void
free_outlet(gpointer data)
{
    Outlet *outlet = data;

    hf_source_clear(&outlet->wait);
    hf_log_sink_free(outlet->sink);
    g_free(outlet->cause);
    g_free(outlet);
}

static void on_line(const char *bytes, size_t length, bool is_partial, gpointer user_data);

HfLogRouter *
hf_log_router_new(GMainContext *context, size_t line_max, const HfLogRouterHandlers *handlers,
                  gpointer user_data)
{
    HfLogRouter *self = g_new0(HfLogRouter, 1);

    self->context = context != NULL ? g_main_context_ref(context) : NULL;
    self->handlers = handlers;
    self->user_data = user_data;
    for (guint i = 0; i < HF_STREAM_COUNT; i++)
        self->splitters[i] = hf_line_splitter_new(line_max, on_line, self);
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
    Outlet *outlet = g_new0(Outlet, 1);

    outlet->router = self;
    outlet->sink = sink;
    outlet->policy = *policy;
    g_ptr_array_add(self->outlets, outlet);
}

static void
set_state(HfLogRouter *self, Outlet *outlet, OutletState state, const GError *error)
{
    bool is_change = (outlet->state == OUTLET_FAILED) != (state == OUTLET_FAILED);

    outlet->state = state;
    if (is_change && self->handlers->on_sink_state != NULL)
        self->handlers->on_sink_state(outlet->sink->klass->name, error, self->user_data);
}

static void
put_report(Outlet *outlet)
{
    g_autofree char *text = hf_log_loss_describe(
        &outlet->missing, outlet->cause != NULL ? outlet->cause : "the log's target is too slow");
    HfLogRecord record = {
        .stream = HF_STREAM_STDERR,
        .bytes = text,
        .length = strlen(text),
        .time = hf_clock_now(),
    };

    outlet->missing = (HfLogLoss){0};
    outlet->sink->klass->append(outlet->sink, &record);
}

static HfIoResult
flush_once(Outlet *outlet, GError **error)
{
    g_autoptr(GError) local_error = NULL;
    size_t pending_before = get_pending(outlet);
    HfIoResult result;

    hf_source_clear(&outlet->wait);
    result = outlet->sink->klass->flush(outlet->sink, &local_error);
    if (get_pending(outlet) < pending_before) {
        outlet->router->busy_delay_ms = RETRY_MIN_MS;
        outlet->is_wait_futile = false;
    }
    if (outlet->missing.records == 0) {
        g_free(outlet->cause);
        outlet->cause = local_error != NULL ? g_strdup(local_error->message) : NULL;
    }
    if (local_error != NULL)
        g_propagate_error(error, g_steal_pointer(&local_error));
    return result;
}

static size_t
get_failed_max(const Outlet *outlet)
{
    return MAX(PENDING_MAX, 2 * outlet->policy.buffer_max);
}

static void
flush_outlet(HfLogRouter *self, Outlet *outlet)
{
    g_autoptr(GError) error = NULL;
    HfIoResult result = flush_once(outlet, &error);

    if (result == HF_IO_DATA && outlet->missing.records > 0) {
        put_report(outlet);
        result = flush_once(outlet, &error);
    }
    if (result == HF_IO_DATA) {
        outlet->is_dropping = false;
        set_state(self, outlet, OUTLET_GOOD, NULL);
    } else if (result == HF_IO_AGAIN) {
        if (outlet->state != OUTLET_BUSY)
            self->busy_delay_ms = RETRY_MIN_MS;
        set_state(self, outlet, OUTLET_BUSY, NULL);
    } else {
        set_state(self, outlet, OUTLET_FAILED, error);
        if (get_pending(outlet) > get_failed_max(outlet))
            outlet->sink->klass->drop_pending(outlet->sink);
    }
}

static bool
has_room(const Outlet *outlet, size_t length)
{
    size_t pending = get_pending(outlet);
    size_t limit = outlet->is_dropping ? outlet->policy.buffer_max / 2 : outlet->policy.buffer_max;

    return pending == 0 || pending + length <= limit;
}

/* Whether the policy lets the record wait. */
static bool
admit(HfLogRouter *self, Outlet *outlet, size_t length)
{
    if (!outlet->policy.is_lossy)
        return true;
    if (outlet->state == OUTLET_GOOD && !has_room(outlet, length))
        flush_outlet(self, outlet);
    outlet->is_dropping = !has_room(outlet, length);
    if (!outlet->is_dropping && outlet->missing.records > 0)
        put_report(outlet);
    return !outlet->is_dropping;
}

static void
on_line(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    HfLogRouter *self = user_data;

    self->record.bytes = bytes;
    self->record.length = length;
    self->record.is_partial = is_partial;
    for (guint i = 0; i < self->outlets->len; i++) {
        Outlet *outlet = get_outlet(self, i);

        if (admit(self, outlet, length))
            outlet->sink->klass->append(outlet->sink, &self->record);
        else
            hf_log_loss_add(&outlet->missing, 1, length);
    }
}

/* When what waits is to be tried again; 0: nothing waits. */
static guint
get_retry_delay(const HfLogRouter *self)
{
    bool is_ready_owed = self->was_congested && !hf_log_router_is_congested(self);
    guint delay_ms = is_ready_owed ? self->busy_delay_ms : 0;

    for (guint i = 0; i < self->outlets->len; i++) {
        const Outlet *outlet = get_outlet(self, i);

        if (get_pending(outlet) == 0 || outlet->state == OUTLET_GOOD || outlet->wait != NULL)
            continue;
        if (outlet->state == OUTLET_BUSY)
            return self->busy_delay_ms;
        delay_ms = delay_ms > 0 ? delay_ms : RETRY_MAX_MS;
    }
    return delay_ms;
}

static gboolean on_retry(gpointer user_data);
static gboolean on_writable(int fd, GIOCondition condition, gpointer user_data);

static void
watch_descriptor(HfLogRouter *self, Outlet *outlet)
{
    const HfLogSinkClass *klass = outlet->sink->klass;
    int fd = -1;

    if (outlet->wait != NULL || outlet->state != OUTLET_BUSY || outlet->is_wait_futile ||
        get_pending(outlet) == 0)
        return;
    if (klass->get_wait_fd != NULL)
        fd = klass->get_wait_fd(outlet->sink);
    if (fd >= 0)
        outlet->wait = hf_source_watch_fd(self->context, fd, G_IO_OUT, HF_PRIORITY_OUTPUT,
                                          "log-wait", on_writable, outlet);
}

/* Watches descriptors, and starts, stops or hastens the timer. */
static void
update_retry(HfLogRouter *self)
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
    update_retry(self);
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
        Outlet *outlet = get_outlet(self, i);

        if (get_pending(outlet) > 0 && outlet->wait == NULL)
            flush_outlet(self, outlet);
    }
    finish_retry(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    Outlet *outlet = user_data;
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
        Outlet *outlet = get_outlet(self, i);
        size_t pending = get_pending(outlet);

        if (outlet->state != OUTLET_FAILED || (self->retry == NULL && pending > 0))
            flush_outlet(self, outlet);
        else if (pending > get_failed_max(outlet))
            outlet->sink->klass->drop_pending(outlet->sink);
    }
    update_retry(self);
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
        const Outlet *outlet = get_outlet(self, i);
        const HfLogSinkClass *klass = outlet->sink->klass;

        if (outlet->state == OUTLET_BUSY && get_pending(outlet) > CONGESTED_BYTES &&
            !outlet->policy.is_lossy && !(klass->is_lossy != NULL && klass->is_lossy(outlet->sink)))
            return true;
    }
    return false;
}

gboolean
hf_log_router_reopen(HfLogRouter *self, GError **error)
{
    g_autoptr(GError) first_error = NULL;

    for (guint i = 0; i < self->outlets->len; i++) {
        Outlet *outlet = get_outlet(self, i);
        g_autoptr(GError) local_error = NULL;

        hf_source_clear(&outlet->wait);
        if (!outlet->sink->klass->reopen(outlet->sink, &local_error) && first_error == NULL)
            first_error = g_steal_pointer(&local_error);
        flush_outlet(self, outlet);
    }
    update_retry(self);
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
        HfLogSink *sink = get_outlet(self, i)->sink;
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
        pending += get_pending(get_outlet(self, i));
    return pending;
}

void
hf_log_router_release_memory(HfLogRouter *self)
{
    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogSink *sink = get_outlet(self, i)->sink;

        sink->klass->release_memory(sink);
    }
}
