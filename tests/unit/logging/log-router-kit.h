/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A router with sinks that the test plays. */

#pragma once

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "logging/log-router.h"

/* A sink whose target the test plays. Records are "STREAM TAG MESSAGE|", o or e, F or P. */
typedef struct {
    HfLogSink sink;
    GString *records;
    GArray *times; /* (element-type struct timespec) of all records, ever */
    HfIoResult next_result;
    bool is_lossy;
    bool reopen_fails;
    size_t extra_pending; /* as if so many bytes more waited */
    guint flushes;
    guint drops;
    guint reopens;
    guint releases;
    int fd;
    int wait_fd; /* 0: none */
} PlayedSink;

static inline void
played_append(HfLogSink *sink, const HfLogRecord *record)
{
    PlayedSink *self = (PlayedSink *)sink;

    g_string_append_printf(self->records, "%c%c ", record->stream == HF_STREAM_STDOUT ? 'o' : 'e',
                           record->is_partial ? 'P' : 'F');
    g_string_append_len(self->records, record->bytes, (gssize)record->length);
    g_string_append_c(self->records, '|');
    g_array_append_val(self->times, record->time);
}

static inline size_t
played_get_pending(const HfLogSink *sink)
{
    const PlayedSink *self = (const PlayedSink *)sink;

    return self->next_result == HF_IO_DATA ? 0 : self->records->len + self->extra_pending;
}

static inline HfIoResult
played_flush(HfLogSink *sink, GError **error)
{
    PlayedSink *self = (PlayedSink *)sink;

    self->flushes++;
    if (self->next_result == HF_IO_FAILED)
        hf_throw(error, HF_ERROR_FAILED, "played");
    return self->next_result;
}

static inline void
played_drop_pending(HfLogSink *sink)
{
    PlayedSink *self = (PlayedSink *)sink;

    self->drops++;
    self->extra_pending = 0;
}

static inline bool
played_is_lossy(const HfLogSink *sink)
{
    return ((const PlayedSink *)sink)->is_lossy;
}

static inline int
played_get_wait_fd(const HfLogSink *sink)
{
    const PlayedSink *self = (const PlayedSink *)sink;

    return self->wait_fd > 0 ? self->wait_fd : -1;
}

static inline gboolean
played_reopen(HfLogSink *sink, GError **error)
{
    PlayedSink *self = (PlayedSink *)sink;

    self->reopens++;
    return self->reopen_fails ? hf_throw(error, HF_ERROR_NOT_FOUND, "played") : TRUE;
}

static inline int
played_get_sync_fd(const HfLogSink *sink)
{
    return ((const PlayedSink *)sink)->fd;
}

static inline void
played_release_memory(HfLogSink *sink)
{
    ((PlayedSink *)sink)->releases++;
}

static inline void
played_free(HfLogSink *sink)
{
    PlayedSink *self = (PlayedSink *)sink;

    g_string_free(self->records, TRUE);
    g_array_unref(self->times);
    g_free(self);
}

static const HfLogSinkClass played_class = {
    .name = "played",
    .append = played_append,
    .flush = played_flush,
    .get_pending = played_get_pending,
    .is_lossy = played_is_lossy,
    .get_wait_fd = played_get_wait_fd,
    .drop_pending = played_drop_pending,
    .reopen = played_reopen,
    .get_sync_fd = played_get_sync_fd,
    .release_memory = played_release_memory,
    .free = played_free,
};

typedef struct {
    GMainContext *context;
    HfLogRouter *router;
    guint ready;
    GString *states; /* "fails|" and "works|" */
} Fixture;

static inline void
on_ready(gpointer user_data)
{
    ((Fixture *)user_data)->ready++;
}

static inline void
on_sink_state(const char *sink_name, const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_string_append_printf(fixture->states, "%s %s|", sink_name, error != NULL ? "fails" : "works");
}

static const HfLogRouterHandlers handlers = {
    .on_ready = on_ready,
    .on_sink_state = on_sink_state,
};

static inline Fixture *
set_up(size_t line_max)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->context = g_main_context_new();
    fixture->states = g_string_new(NULL);
    fixture->router = hf_log_router_new(fixture->context, line_max, &handlers, fixture);
    return fixture;
}

static inline void
tear_down(Fixture *fixture)
{
    hf_log_router_free(fixture->router);
    g_string_free(fixture->states, TRUE);
    g_main_context_unref(fixture->context);
    g_free(fixture);
}

static inline PlayedSink *
add_played_with_policy(Fixture *fixture, const HfLogPolicy *policy)
{
    PlayedSink *sink = g_new0(PlayedSink, 1);

    sink->sink.klass = &played_class;
    sink->records = g_string_new(NULL);
    sink->times = g_array_new(FALSE, FALSE, sizeof(struct timespec));
    sink->next_result = HF_IO_DATA;
    sink->fd = -1;
    hf_log_router_take_sink_with_policy(fixture->router, &sink->sink, policy);
    return sink;
}

static inline PlayedSink *
add_played(Fixture *fixture)
{
    return add_played_with_policy(fixture, &(const HfLogPolicy){0});
}

static inline void
write_out(Fixture *fixture, const char *text)
{
    hf_log_router_write(fixture->router, HF_STREAM_STDOUT, text, strlen(text), false);
}

/* Whether anything would wake the main loop: a timer or a descriptor of ours. */
static inline bool
would_wake(Fixture *fixture)
{
    int priority;
    int timeout_ms = -1;
    GPollFD fds[4];

    g_assert_true(g_main_context_acquire(fixture->context));
    (void)g_main_context_prepare(fixture->context, &priority);
    (void)g_main_context_query(fixture->context, G_MAXINT, &timeout_ms, fds, G_N_ELEMENTS(fds));
    g_main_context_release(fixture->context);
    return timeout_ms != -1;
}
