/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 *   socket --(packets)--> two HfClientOutput (queues) --> the caller's descriptors
 *   the caller's input --> HfClientInput (detach keys, queue) --> socket
 *
 *   CONNECTING  the monitor's backlog is full; connect(2) does not wait for it, a timer tries again
 *   ATTACHED    both directions flow
 *   ENDED       the connection has ended; what waits is written, however long that takes. The
 *               terminal has its modes back, so that control-C ends a client whose output is stuck
 *   LEAVING     the keys were typed: what was typed before them is sent, what was received is
 *               written. Nothing may keep a person from leaving, so GRACE_MS is all it gets
 *   CONCLUDING  it is known how it ends; on_finished follows from a source of its own, because the
 *               reason came from an input or output that is on the stack and has to be freed first
 *   FINISHED    on_finished was called
 *
 * While an output is full the socket is not read. The monitor then makes the container wait, and
 * drops a client that takes nothing for too long (--attach-timeout).
 *
 * An end looks the same whatever its reason: the container's end, a refusal, a monitor that was
 * killed. Who wants to know asks for the exit status. */

#include <unistd.h>

#include <glib.h>

#include "attach/attach-client.h"
#include "attach/client-input.h"
#include "attach/client-output.h"
#include "attach/client-socket.h"
#include "attach/detach-keys.h"
#include "attach/shared-fd.h"
#include "attach/terminal-mode.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "protocol/attach-frame.h"

#define CONNECT_RETRY_MS 20
#define CONNECT_TRIES 500
#define GRACE_MS 2000
/* So much is read before others get their turn. */
#define PACKETS_PER_WAKE_UP 16

typedef enum {
    CLIENT_CONNECTING,
    CLIENT_ATTACHED,
    CLIENT_ENDED,
    CLIENT_LEAVING,
    CLIENT_CONCLUDING,
    CLIENT_FINISHED,
} ClientState;

struct HfAttachClient {
    GMainContext *context;                  /* borrowed */
    const HfAttachClientHandlers *handlers; /* borrowed */
    gpointer user_data;
    char *socket_path;
    bool has_terminal;
    HfDetachKeys keys;
    HfSharedFd *source;   /* the input; NULL: none */
    HfTerminalMode *mode; /* while the input is a raw terminal */
    HfClientInput *input; /* NULL: none, or not connected yet */
    HfClientOutput *outputs[HF_STREAM_COUNT];
    GSource *readable; /* the socket */
    GSource *step;     /* the next try, the first step, the end of the grace, or on_finished */
    GError *failure;
    HfAttachEnd end;
    unsigned short rows;
    unsigned short columns;
    bool has_size; /* rows and columns are what was told */
    guint n_tries;
    int fd; /* -1: not connected */
    ClientState state;
};

const char *
hf_attach_end_to_string(HfAttachEnd end)
{
    static const char *const names[] = {
        [HF_ATTACH_DETACHED] = "detached",
        [HF_ATTACH_ENDED] = "ended",
        [HF_ATTACH_FAILED] = "failed",
    };

    return names[end];
}

/* Everything but what on_finished tells. */
static void
release(HfAttachClient *self)
{
    hf_source_clear(&self->step);
    hf_source_clear(&self->readable);
    g_clear_pointer(&self->input, hf_client_input_free);
    g_clear_pointer(&self->mode, hf_terminal_mode_free);
    for (int i = 0; i < HF_STREAM_COUNT; i++)
        g_clear_pointer(&self->outputs[i], hf_client_output_free);
    g_clear_pointer(&self->source, hf_shared_fd_free);
    hf_close_fd(&self->fd);
}

void
hf_attach_client_free(HfAttachClient *self)
{
    if (self == NULL)
        return;
    release(self);
    g_clear_error(&self->failure);
    g_free(self->socket_path);
    g_free(self);
}

static gboolean
on_finish_due(gpointer user_data)
{
    HfAttachClient *self = user_data;

    release(self);
    self->state = CLIENT_FINISHED;
    self->handlers->on_finished(self->end, self->failure, self->user_data);
    return G_SOURCE_REMOVE;
}

static void
conclude(HfAttachClient *self, HfAttachEnd end, GError *take_failure)
{
    if (self->state == CLIENT_CONCLUDING || self->state == CLIENT_FINISHED) {
        g_clear_error(&take_failure);
        return;
    }
    self->state = CLIENT_CONCLUDING;
    self->end = end;
    self->failure = take_failure;
    hf_source_clear(&self->readable);
    if (self->input != NULL)
        hf_client_input_stop(self->input);
    g_clear_pointer(&self->mode, hf_terminal_mode_free);
    hf_source_clear(&self->step);
    self->step = hf_source_after(self->context, 0, HF_PRIORITY_CONTROL, "attach-client finish",
                                 on_finish_due, self);
}

static gboolean on_socket_readable(int fd, GIOCondition condition, gpointer user_data);

static bool
is_any_full(const HfAttachClient *self)
{
    return hf_client_output_is_full(self->outputs[HF_STREAM_STDOUT]) ||
           hf_client_output_is_full(self->outputs[HF_STREAM_STDERR]);
}

static bool
is_all_written(const HfAttachClient *self)
{
    return hf_client_output_is_empty(self->outputs[HF_STREAM_STDOUT]) &&
           hf_client_output_is_empty(self->outputs[HF_STREAM_STDERR]);
}

/* Brings the state and the socket's source in line with what waits. */
static void
settle(HfAttachClient *self)
{
    bool is_reading = self->state == CLIENT_ATTACHED && !is_any_full(self);

    if (self->state == CLIENT_ENDED && is_all_written(self))
        conclude(self, HF_ATTACH_ENDED, NULL);
    else if (self->state == CLIENT_LEAVING && is_all_written(self) &&
             (self->input == NULL || hf_client_input_is_sent(self->input)))
        conclude(self, HF_ATTACH_DETACHED, NULL);
    if (!is_reading)
        hf_source_clear(&self->readable);
    else if (self->readable == NULL)
        self->readable = hf_source_watch_fd(self->context, self->fd, G_IO_IN, HF_PRIORITY_OUTPUT,
                                            "attach-client readable", on_socket_readable, self);
}

/* False if nothing more is to be read now. */
static bool
take_packet(HfAttachClient *self)
{
    unsigned char packet[HF_ATTACH_PACKET_MAX];
    size_t length = 0;
    GError *error = NULL;
    HfStream stream;

    switch (hf_client_socket_read(self->fd, packet, &length, &error)) {
    case HF_CLIENT_PACKET_DATA:
        stream = packet[0] == HF_ATTACH_STREAM_STDERR ? HF_STREAM_STDERR : HF_STREAM_STDOUT;
        if (hf_client_output_push(self->outputs[stream], packet + 1, length - 1, &error))
            return !is_any_full(self);
        break;
    case HF_CLIENT_PACKET_NONE:
        return false;
    case HF_CLIENT_PACKET_END:
        self->state = CLIENT_ENDED;
        if (self->input != NULL)
            hf_client_input_stop(self->input);
        g_clear_pointer(&self->mode, hf_terminal_mode_free);
        return false;
    case HF_CLIENT_PACKET_FAILED:
        break;
    }
    conclude(self, HF_ATTACH_FAILED, error);
    return false;
}

static gboolean
on_socket_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfAttachClient *self = user_data;

    for (int i = 0; i < PACKETS_PER_WAKE_UP; i++) {
        if (!take_packet(self))
            break;
    }
    settle(self);
    return G_SOURCE_CONTINUE;
}

static void
on_progress(gpointer user_data)
{
    settle(user_data);
}

static void
on_part_failed(const GError *error, gpointer user_data)
{
    conclude(user_data, HF_ATTACH_FAILED, g_error_copy(error));
}

static gboolean
on_grace_over(gpointer user_data)
{
    conclude(user_data, HF_ATTACH_DETACHED, NULL);
    return G_SOURCE_REMOVE;
}

static void
on_detach(gpointer user_data)
{
    HfAttachClient *self = user_data;

    if (self->state != CLIENT_ATTACHED)
        return;
    self->state = CLIENT_LEAVING;
    hf_source_clear(&self->step);
    self->step = hf_source_after(self->context, GRACE_MS, HF_PRIORITY_CONTROL,
                                 "attach-client grace", on_grace_over, self);
    settle(self);
}

void
hf_attach_client_detach(HfAttachClient *self)
{
    if (self->input != NULL)
        hf_client_input_stop_reading(self->input);
    if (self->state == CLIENT_CONNECTING)
        conclude(self, HF_ATTACH_DETACHED, NULL);
    else
        on_detach(self);
}

static void
tell_size(HfAttachClient *self, bool even_if_unchanged)
{
    unsigned short rows, columns;

    if (self->mode == NULL || self->handlers->on_size == NULL ||
        !hf_terminal_mode_read_size(hf_shared_fd_get(self->source), &rows, &columns))
        return;
    if (!even_if_unchanged && self->has_size && rows == self->rows && columns == self->columns)
        return;
    self->has_size = true;
    self->rows = rows;
    self->columns = columns;
    self->handlers->on_size(rows, columns, self->user_data);
}

void
hf_attach_client_update_size(HfAttachClient *self)
{
    if (self->state == CLIENT_ATTACHED)
        tell_size(self, false);
}

void
hf_attach_client_resume(HfAttachClient *self)
{
    GError *error = NULL;

    if (self->mode == NULL)
        return;
    if (!hf_terminal_mode_resume(self->mode, &error))
        conclude(self, HF_ATTACH_FAILED, error);
    else
        hf_attach_client_update_size(self);
}

static gboolean
start_input(HfAttachClient *self, GError **error)
{
    static const HfClientInputHandlers handlers = {on_detach, on_progress, on_part_failed};
    static const HfDetachKeys no_keys;
    bool is_terminal;

    if (self->source == NULL)
        return TRUE;
    is_terminal = isatty(hf_shared_fd_get(self->source)) == 1;
    if (is_terminal && self->has_terminal) {
        self->mode = hf_terminal_mode_new_raw(hf_shared_fd_get(self->source), error);
        if (self->mode == NULL)
            return FALSE;
    }
    self->input = hf_client_input_new(self->context, self->fd, self->source,
                                      is_terminal ? &self->keys : &no_keys, &handlers, self);
    return TRUE;
}

/* The first step once connected, from the main loop: the caller has the client by then. */
static gboolean
on_connected(gpointer user_data)
{
    HfAttachClient *self = user_data;
    GError *error = NULL;

    hf_source_clear(&self->step);
    self->state = CLIENT_ATTACHED;
    if (!start_input(self, &error)) {
        conclude(self, HF_ATTACH_FAILED, error);
        return G_SOURCE_REMOVE;
    }
    settle(self);
    if (self->handlers->on_connected != NULL)
        self->handlers->on_connected(self->user_data);
    hf_attach_client_update_size(self);
    return G_SOURCE_REMOVE;
}

static gboolean on_retry_due(gpointer user_data);

static gboolean
try_to_connect(HfAttachClient *self, GError **error)
{
    switch (hf_client_socket_connect(self->socket_path, &self->fd, error)) {
    case HF_CLIENT_SOCKET_CONNECTED:
        self->step = hf_source_after(self->context, 0, HF_PRIORITY_CONTROL,
                                     "attach-client connected", on_connected, self);
        return TRUE;
    case HF_CLIENT_SOCKET_BUSY:
        break;
    case HF_CLIENT_SOCKET_FAILED:
        return FALSE;
    }
    if (++self->n_tries == CONNECT_TRIES)
        return hf_throw(error, HF_ERROR_TIMED_OUT, "connect to '%s': the monitor does not answer",
                        self->socket_path);
    self->step = hf_source_after(self->context, CONNECT_RETRY_MS, HF_PRIORITY_CONTROL,
                                 "attach-client retry", on_retry_due, self);
    return TRUE;
}

static gboolean
on_retry_due(gpointer user_data)
{
    HfAttachClient *self = user_data;
    GError *error = NULL;

    hf_source_clear(&self->step);
    if (!try_to_connect(self, &error))
        conclude(self, HF_ATTACH_FAILED, error);
    return G_SOURCE_REMOVE;
}

static gboolean
take_streams(HfAttachClient *self, const HfAttachClientOptions *options, GError **error)
{
    static const HfClientOutputHandlers handlers = {on_progress, on_part_failed};

    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        self->outputs[i] = hf_client_output_new(self->context, (HfStream)i, options->output_fds[i],
                                                &handlers, self, error);
        if (self->outputs[i] == NULL)
            return FALSE;
    }
    if (options->input_fd >= 0)
        self->source = hf_shared_fd_new_reader(options->input_fd, error);
    return options->input_fd < 0 || self->source != NULL;
}

HfAttachClient *
hf_attach_client_new(GMainContext *context, const HfAttachClientOptions *options,
                     const HfAttachClientHandlers *handlers, gpointer user_data, GError **error)
{
    g_autoptr(HfAttachClient) self = NULL;
    const char *keys = options->detach_keys;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    self = g_new0(HfAttachClient, 1);
    self->fd = -1;
    self->context = context;
    self->handlers = handlers;
    self->user_data = user_data;
    self->socket_path = g_strdup(options->socket_path);
    self->has_terminal = options->has_terminal;

    if (!hf_detach_keys_parse(keys != NULL ? keys : HF_DETACH_KEYS_DEFAULT, &self->keys, error) ||
        !take_streams(self, options, error) || !try_to_connect(self, error))
        return NULL;
    return g_steal_pointer(&self);
}
