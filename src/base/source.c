/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <sys/timerfd.h>

#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"

typedef struct {
    GSourceFunc callback;
    gpointer user_data; /* borrowed */
    int fd;             /* owned */
} Timer;

static GSource *
attach(GSource *source, GMainContext *context, int priority, const char *name)
{
    g_source_set_priority(source, priority);
    g_source_set_static_name(source, name);
    /* No callback of ours iterates the context. GLib, not knowing that, would take the source's
     * descriptor out of the poll set for each call of it, and wake itself up twice for it. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, context);
    return source;
}

GSource *
hf_source_watch_fd(GMainContext *context, int fd, GIOCondition condition, int priority,
                   const char *name, GUnixFDSourceFunc callback, gpointer user_data)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(callback), user_data, NULL);
    return attach(source, context, priority, name);
}

GSource *
hf_source_after(GMainContext *context, guint delay_ms, int priority, const char *name,
                GSourceFunc callback, gpointer user_data)
{
    GSource *source = g_timeout_source_new(delay_ms);

    g_source_set_callback(source, callback, user_data, NULL);
    return attach(source, context, priority, name);
}

static gboolean
on_timer_expired(int fd, GIOCondition condition, gpointer user_data)
{
    const Timer *timer = user_data;
    guint64 expirations;
    size_t length;

    if (hf_io_read(fd, &expirations, sizeof expirations, &length, NULL) != HF_IO_DATA)
        return G_SOURCE_CONTINUE;
    return timer->callback(timer->user_data);
}

static void
free_timer(gpointer data)
{
    Timer *timer = data;

    hf_close_fd(&timer->fd);
    g_free(timer);
}

GSource *
hf_source_after_busy(GMainContext *context, guint delay_ms, int priority, const char *name,
                     GSourceFunc callback, gpointer user_data)
{
    const struct timespec delay = {delay_ms / 1000, (long)(delay_ms % 1000) * 1000000};
    const struct itimerspec times = {delay, delay};
    hf_autofd fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    GSource *source;
    Timer *timer;

    if (delay_ms == 0 || fd < 0 || timerfd_settime(fd, 0, &times, NULL) < 0)
        return hf_source_after(context, delay_ms, priority, name, callback, user_data);
    timer = g_new(Timer, 1);
    *timer = (Timer){callback, user_data, hf_steal_fd(&fd)};
    source = g_unix_fd_source_new(timer->fd, G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(on_timer_expired), timer, free_timer);
    return attach(source, context, priority, name);
}

void
hf_source_clear(GSource **source)
{
    GSource *old = g_steal_pointer(source);

    if (old == NULL)
        return;
    g_source_destroy(old);
    g_source_unref(old);
}
