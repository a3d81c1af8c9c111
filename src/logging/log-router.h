/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Takes a container's bytes, makes records of them, and hands each to every sink.
 *
 * A sink that cannot take more holds the container's output up (is_congested) until it can; one
 * with a lossy policy drops whole records instead, and later says how many. A sink whose target
 * fails is told of once, tried again each second while records wait, and, once its buffer is full,
 * drops whole records and later says how many. The router never blocks. */

#pragma once

#include "logging/log-sink.h"

typedef struct HfLogRouter HfLogRouter;

/* Either may be NULL. Neither may free the router. */
typedef struct {
    /* The router takes output again after is_congested() was true. From the main loop only. */
    void (*on_ready)(gpointer user_data);
    /* A sink's target fails (error set), or works again (error NULL); once for each change. Also
     * from within write, flush_partial and reopen. */
    void (*on_sink_state)(const char *sink_name, const GError *error, gpointer user_data);
} HfLogRouterHandlers;

/* @line_max: the longest record. @handlers must outlive the router. */
HfLogRouter *hf_log_router_new(GMainContext *context, size_t line_max,
                               const HfLogRouterHandlers *handlers, gpointer user_data);
void hf_log_router_free(HfLogRouter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogRouter, hf_log_router_free)

/* What becomes of records that a sink's target does not take in time. Zeroed: they wait, and the
 * container with them. */
typedef struct {
    bool is_lossy;
    size_t buffer_max; /* is_lossy: how many bytes may wait; at least one record may */
} HfLogPolicy;

void hf_log_router_take_sink(HfLogRouter *self, HfLogSink *sink);
void hf_log_router_take_sink_with_policy(HfLogRouter *self, HfLogSink *sink,
                                         const HfLogPolicy *policy);

/* One read's worth of output. @more_ready: the next read will bring more at once, so that a line
 * without its newline is kept for it; otherwise it is written as a partial record. */
void hf_log_router_write(HfLogRouter *self, HfStream stream, const char *bytes, size_t length,
                         bool more_ready);

/* What is kept of @stream for more output, borrowed until the next call. */
const char *hf_log_router_peek_partial(const HfLogRouter *self, HfStream stream,
                                       size_t *out_length);

/* How many bytes of @stream the sinks were given as records, newlines included. */
guint64 hf_log_router_get_handed(const HfLogRouter *self, HfStream stream);

/* Counts from there: for a router that goes on where that of a killed program was. */
void hf_log_router_set_handed(HfLogRouter *self, HfStream stream, guint64 handed);

/* What was kept for more output is written as partial records. */
void hf_log_router_flush_partial(HfLogRouter *self);

/* A sink has records it could not write, and takes no more now: the caller should not read on until
 * on_ready. What is written all the same is taken. Never true for a file, a FIFO, or a target that
 * fails. */
bool hf_log_router_is_congested(const HfLogRouter *self);

/* Reopens every sink's target; the first error is returned, and the others are tried all the same.
 */
gboolean hf_log_router_reopen(HfLogRouter *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The bytes that wait in all sinks. At a container's end the caller may give them a while. */
size_t hf_log_router_get_pending(const HfLogRouter *self);

/* The descriptors to fsync(). Borrowed; (element-type int) (transfer full) */
GArray *hf_log_router_get_sync_fds(const HfLogRouter *self);

void hf_log_router_release_memory(HfLogRouter *self);

/* For a router in another program that has the same sinks, each made with what was saved of it
 * (open_saved_sink(), borrowed from @reader), and nothing written to it yet. */
void hf_log_router_save(const HfLogRouter *self, HfStateWriter *writer);
HfStateReader *hf_log_router_open_saved_sink(HfStateReader *reader, guint i);
void hf_log_router_restore(HfLogRouter *self, HfStateReader *reader);
