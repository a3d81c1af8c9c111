/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Reads a process's log for as long as there is something to come.
 *
 * The reader (logging/log-reader.h) works in a main context, here a private one that is run until
 * the reader has ended. It does not know of processes, so the end of following is found here: the
 * monitor has written everything before the exit descriptor hangs up, and each write has left an
 * event for the reader by then. So after the hang-up the context is run until nothing is ready.
 *
 * Without following, parts of a long line are joined. With it, they are handed out as they come:
 * who looks on wants to see a prompt, which has no newline. */

#include <string.h>

#include <glib-unix.h>

#include "base/error.h"
#include "library/log-private.h"
#include "library/process-private.h"
#include "logging/log-reader.h"
#include "protocol/log-spec.h"
#include "protocol/time-stamp.h"

#define LOG_PATH_OPTION "--log-path="

typedef struct {
    HfLogFunc on_entry;
    gpointer user_data;
    gboolean has_ended;     /* the reader, or the caller has had enough */
    gboolean has_caught_up; /* all that was there when it began has been handed out */
    gboolean has_process_ended;
    GError *error;
} Reading;

char *
hf_process_dup_log_path(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);

    for (gsize i = 0; self->file->monitor_args[i] != NULL; i++) {
        const char *argument = self->file->monitor_args[i];
        HfLogSpec spec = {0};
        g_autofree char *path = NULL;

        if (!g_str_has_prefix(argument, LOG_PATH_OPTION))
            continue;
        if (!hf_log_spec_parse(argument + strlen(LOG_PATH_OPTION), &spec, NULL))
            continue;
        path = g_strdup(spec.path);
        hf_log_spec_clear(&spec);
        if (spec.driver == HF_LOG_DRIVER_K8S_FILE || spec.driver == HF_LOG_DRIVER_JSON_FILE)
            return g_steal_pointer(&path);
    }
    return NULL;
}

static void
on_message(const HfLogMessage *message, gpointer user_data)
{
    Reading *reading = user_data;
    HfLogEntry entry = {
        .time_ns = hf_time_stamp_to_ns(&message->time),
        .stream = message->stream == HF_STREAM_STDERR ? HF_LOG_STREAM_STDERR : HF_LOG_STREAM_STDOUT,
        .is_partial = message->is_partial,
        .bytes = message->bytes,
        .length = message->length,
    };

    if (!reading->has_ended && !reading->on_entry(&entry, reading->user_data))
        reading->has_ended = TRUE;
}

static void
on_caught_up(gpointer user_data)
{
    Reading *reading = user_data;

    reading->has_caught_up = TRUE;
}

static void
on_end(const GError *error, gpointer user_data)
{
    Reading *reading = user_data;

    reading->has_ended = TRUE;
    if (error != NULL && reading->error == NULL)
        reading->error = g_error_copy(error);
}

static gboolean
on_process_end(int fd, GIOCondition condition, gpointer user_data)
{
    Reading *reading = user_data;

    reading->has_process_ended = TRUE;
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
    Reading *reading = user_data;

    reading->has_ended = TRUE;
    if (reading->error == NULL)
        g_cancellable_set_error_if_cancelled(cancellable, &reading->error);
    return G_SOURCE_REMOVE;
}

static struct timespec
to_timespec(GDateTime *time)
{
    return (struct timespec){
        .tv_sec = g_date_time_to_unix(time),
        .tv_nsec = g_date_time_get_microsecond(time) * 1000,
    };
}

static HfLogReaderOptions
make_reader_options(const HfLogOptions *options)
{
    HfLogReaderOptions reader = {
        .is_following = options->is_following,
        .tail = options->tail < 0 ? HF_LOG_READER_TAIL_ALL : options->tail,
        .has_since = options->since != NULL,
        .has_until = options->until != NULL,
        .has_stream = options->stream != HF_LOG_STREAM_ALL,
        .stream = options->stream == HF_LOG_STREAM_STDERR ? HF_STREAM_STDERR : HF_STREAM_STDOUT,
        .is_joining = !options->is_following,
    };

    if (reader.has_since)
        reader.since = to_timespec(options->since);
    if (reader.has_until)
        reader.until = to_timespec(options->until);
    return reader;
}

static void
run(Reading *reading, GMainContext *context)
{
    while (!reading->has_ended && !(reading->has_process_ended && reading->has_caught_up))
        g_main_context_iteration(context, TRUE);
    while (!reading->has_ended && g_main_context_iteration(context, FALSE))
        continue;
}

/* The sources that end the reading: the process's end, when following, and @cancellable. */
static gboolean
watch_ends(HfProcess *self, gboolean is_following, GMainContext *context, GCancellable *cancellable,
           Reading *reading, GError **error)
{
    if (is_following) {
        int exit_fd = hf_process_get_exit_fd(self, error);
        g_autoptr(GSource) source = NULL;

        if (exit_fd < 0)
            return FALSE;
        source = g_unix_fd_source_new(exit_fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
        g_source_set_callback(source, G_SOURCE_FUNC(on_process_end), reading, NULL);
        g_source_attach(source, context);
    }
    if (cancellable != NULL) {
        g_autoptr(GSource) source = g_cancellable_source_new(cancellable);

        g_source_set_callback(source, G_SOURCE_FUNC(on_cancelled), reading, NULL);
        g_source_attach(source, context);
    }
    return TRUE;
}

gboolean
hf_process_read_log(HfProcess *self, HfLogOptions *options, GCancellable *cancellable,
                    HfLogFunc on_entry, gpointer user_data, GError **error)
{
    static const HfLogReaderHandlers handlers = {
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .on_end = on_end,
    };
    g_autoptr(HfLogOptions) used = options != NULL ? g_object_ref(options) : hf_log_options_new();
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autofree char *path = hf_process_dup_log_path(self);
    Reading reading = {.on_entry = on_entry, .user_data = user_data};
    HfLogReaderOptions reader_options;
    g_autoptr(HfLogReader) reader = NULL;

    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);
    g_return_val_if_fail(on_entry != NULL, FALSE);

    if (path == NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND,
                        "process '%s' of container '%s' has no log that can be read", self->id,
                        hf_container_get_id(self->container));
    reader_options = make_reader_options(used);
    reader = hf_log_reader_new(context, path, &reader_options, &handlers, &reading, error);
    if (reader == NULL)
        return FALSE;
    if (!watch_ends(self, used->is_following, context, cancellable, &reading, error))
        return FALSE;
    run(&reading, context);
    if (reading.error != NULL) {
        g_propagate_error(error, g_steal_pointer(&reading.error));
        return FALSE;
    }
    return TRUE;
}
