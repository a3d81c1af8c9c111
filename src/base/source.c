/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/source.h"

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

void
hf_source_clear(GSource **source)
{
    GSource *old = g_steal_pointer(source);

    if (old == NULL)
        return;
    g_source_destroy(old);
    g_source_unref(old);
}
