/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "monitor/fd-store.h"
#include "monitor/log-sinks.h"
#include "monitor/session-private.h"
#include "runtime/spawn.h"
#include "runtime/terminal.h"

/* How this works.
 *
 *   container stdout, stderr or pty -> pump -+-> log router
 *                                            +-> attach server
 *                                            +-> a client's FIFO (session-stdio.c)
 *   attach clients, a client's FIFO -> stdin pump -> container stdin or pty
 *
 * What comes on stderr while the runtime runs is held first (session-stderr.c).
 *
 * Two things hold the container's output up: a log that takes no more, and an attach client whose
 * queue is full. The second counts only while the process lives; its end is told whatever its
 * clients do. */

static void
on_log_ready(gpointer user_data)
{
    hf_session_update_pause(user_data);
}

static void
on_sink_state(const char *sink_name, const GError *error, gpointer user_data)
{
    if (error != NULL)
        hf_diag(HF_DIAG_ERROR, "log %s: %s", sink_name, error->message);
    else
        hf_diag(HF_DIAG_WARNING, "log %s: works again", sink_name);
}

static const HfLogRouterHandlers log_handlers = {on_log_ready, on_sink_state};

void
hf_session_on_log_rotated(const char *path, gpointer user_data)
{
    HfSession *self = user_data;

    if (self->log_compressor == NULL)
        self->log_compressor =
            hf_log_compressor_new(self->owner->reaper, (guint)self->options->log_files_max);
    hf_log_compressor_push(self->log_compressor, path);
}

/* Without it a monitor that is killed may lose output, and nothing else. What was restored goes on
 * with it as it is: at no time is there none. */
static HfCrashJournal *
open_journal(HfSession *self, bool is_restoring)
{
    const HfProcessDir *dir = self->owner->adoption_dir;
    g_autoptr(GError) error = NULL;

    if (dir == NULL || self->is_passthrough)
        return NULL;
    self->journal =
        hf_crash_journal_new(hf_process_dir_get_fd(dir), (size_t)self->options->log_line_max,
                             self->options->adopt_dir != NULL || is_restoring, &error);
    if (self->journal == NULL)
        hf_diag_take_error(HF_DIAG_WARNING, &error, "no journal of unwritten output");
    return self->journal;
}

gboolean
hf_session_open_logs(HfSession *self, HfStateReader *saved, GError **error)
{
    const HfOptions *o = self->options;
    const HfLogSinksWatcher watcher = {
        .on_rotated = o->log_compress ? hf_session_on_log_rotated : NULL,
        .user_data = self,
        .journal = open_journal(self, saved != NULL),
        .saved = saved,
    };

    self->log =
        hf_log_router_new(self->owner->context, (size_t)o->log_line_max, &log_handlers, self);
    if (!hf_log_sinks_open(o, self->log, &watcher, error))
        return FALSE;
    if (saved == NULL && self->journal != NULL && hf_crash_journal_is_left(self->journal))
        hf_crash_journal_replay(self->journal, self->log);
    return TRUE;
}

static void
hand_on(HfSession *self, HfStream stream, const char *bytes, size_t length)
{
    hf_log_router_write(self->log, stream, bytes, length, true);
    if (self->attach != NULL && hf_attach_server_has_clients(self->attach))
        hf_attach_server_send(self->attach, stream, bytes, length);
    hf_session_write_stdio(self, stream, bytes, length);
    hf_session_update_pause(self);
}

void
hf_session_hand_on_read(HfSession *self, HfStream stream, const char *bytes, size_t length)
{
    if (self->journal != NULL)
        hf_crash_journal_begin(self->journal, length);
    hand_on(self, stream, bytes, length);
    if (self->journal != NULL)
        hf_crash_journal_end(self->journal, self->log);
}

static void
on_output(HfStream stream, const char *bytes, size_t length, gpointer user_data)
{
    HfSession *self = user_data;
    bool has_clients = (self->attach != NULL && hf_attach_server_has_clients(self->attach)) ||
                       hf_session_has_stdio(self);

    hf_stdio_pump_set_followed(self->pump, has_clients);
    if (stream == HF_STREAM_STDERR && self->runtime_errors != NULL)
        hf_session_hold_stderr(self, bytes, length);
    else
        hf_session_hand_on_read(self, stream, bytes, length);
}

void
hf_session_flush_partial(HfSession *self)
{
    if (self->journal != NULL)
        hf_crash_journal_begin(self->journal, 0);
    hf_log_router_flush_partial(self->log);
    if (self->journal != NULL)
        hf_crash_journal_end(self->journal, self->log);
}

static void
on_output_pause(gpointer user_data)
{
    HfSession *self = user_data;

    hf_session_flush_partial(self);
}

static void
on_output_quiet(gpointer user_data)
{
    HfSession *self = user_data;

    hf_log_router_release_memory(self->log);
    if (self->journal != NULL)
        hf_crash_journal_release(self->journal);
    hf_memory_trim();
}

static void
on_output_closed(gpointer user_data)
{
    HfSession *self = user_data;

    hf_session_dispatch(self, self->failure != NULL ? HF_EVENT_FAILED : HF_EVENT_STREAMS_CLOSED);
}

const HfStdioHandlers hf_session_stdio_handlers = {on_output, on_output_pause, on_output_quiet,
                                                   on_output_closed};

static void
on_stdin_pressure(gpointer user_data)
{
    HfSession *self = user_data;
    bool is_full = hf_stdin_pump_is_full(self->stdin_pump);

    if (self->attach != NULL)
        hf_attach_server_set_input_paused(self->attach, is_full);
    hf_session_set_stdin_paused(self, is_full);
}

static void
on_stdin_broken(const GError *error, gpointer user_data)
{
    HfSession *self = user_data;

    hf_diag(HF_DIAG_INFO, "the container does not read its stdin: %s", error->message);
    /* So that a client that goes on writing learns of it. */
    g_clear_pointer(&self->stdin_reader, hf_fifo_reader_free);
}

const HfStdinHandlers hf_session_stdin_handlers = {on_stdin_pressure, on_stdin_broken};

static void
on_client_input(const char *bytes, size_t length, gpointer user_data)
{
    HfSession *self = user_data;

    if (self->stdin_pump != NULL)
        hf_stdin_pump_push(self->stdin_pump, bytes, length);
}

static void
on_client_input_closed(gpointer user_data)
{
    HfSession *self = user_data;
    const HfOptions *o = self->options;
    bool is_pipe = o->has_stdin || (o->stdin_path != NULL && !o->has_terminal);

    if (self->stdin_pump != NULL && is_pipe && !o->leave_stdin_open)
        hf_stdin_pump_close(self->stdin_pump);
}

static void
on_clients_congested(gpointer user_data)
{
    hf_session_update_pause(user_data);
}

static void
on_clients_finished(gpointer user_data)
{
    hf_session_on_clients_gone(user_data);
}

static void
on_client_dropped(const GError *reason, gpointer user_data)
{
    HfSession *self = user_data;
    guint kept_back = 0;

    if (hf_diag_limit_allows(&self->diag_limit, 10, 60, &kept_back))
        hf_diag(HF_DIAG_WARNING, "attach: %s (%u messages kept back)", reason->message, kept_back);
}

static void
on_client_connected(gpointer user_data)
{
    hf_session_end_hold(user_data);
}

const HfAttachHandlers hf_session_attach_handlers = {
    .on_connected = on_client_connected,
    .on_input = on_client_input,
    .on_input_closed = on_client_input_closed,
    .on_congestion = on_clients_congested,
    .on_finished = on_clients_finished,
    .on_dropped = on_client_dropped,
};

void
hf_session_update_pause(HfSession *self)
{
    bool has_process = self->state < HF_STATE_DRAINING && self->failure == NULL;
    bool waits_for_clients =
        has_process && self->attach != NULL && hf_attach_server_is_congested(self->attach);
    bool waits_for_first = self->is_output_held && self->state > HF_STATE_STARTING;

    /* Clients may still come and go when there is nothing left to read, and no log. */
    if (self->pump == NULL || self->state > HF_STATE_DRAINING)
        return;
    hf_stdio_pump_set_paused(self->pump, waits_for_clients || waits_for_first ||
                                             hf_log_router_is_congested(self->log));
}

static gboolean
give_to_owner(const HfOptions *o, int fd, GError **error)
{
    if (o->has_stdio_owner && fchown(fd, o->stdio_uid, o->stdio_gid) < 0)
        return hf_throw_errno(error, "give the container's streams to %s", o->stdio_owner);
    return TRUE;
}

/* A pipe's end that reads as well: while the container has it, the pipe has a reader, so that a
 * monitor that dies costs no SIGPIPE, and what is in the pipe stays there. */
static gboolean
open_both_ways(int *fd, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", *fd);
    int both_fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (both_fd < 0)
        return hf_throw_errno(error, "open a pipe both ways");
    hf_close_fd(fd);
    *fd = both_fd;
    return TRUE;
}

/* A pipe whose ends are the container's and ours. Users other than root inside the container may
 * open it again as /dev/stdout, hence the mode. */
static gboolean
make_pipe(HfSession *self, int container_fd, int *out_our_end, GError **error)
{
    bool is_input = container_fd == STDIN_FILENO;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return hf_throw_errno(error, "make a pipe");
    (void)fchmod(ends[0], 0777);
    (void)fchmod(ends[1], 0777);
    self->container_stdio.fds[container_fd] = is_input ? ends[0] : ends[1];
    *out_our_end = is_input ? ends[1] : ends[0];
    if (self->options->is_adoptable && !is_input &&
        !open_both_ways(&self->container_stdio.fds[container_fd], error))
        return FALSE;
    return give_to_owner(self->options, ends[0], error) &&
           (is_input || hf_fd_set_nonblocking(*out_our_end, true, error));
}

static gboolean
make_output(HfSession *self, HfStream stream, GError **error)
{
    int container_fd = stream == HF_STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO;
    int our_end = -1;
    gboolean ok = make_pipe(self, container_fd, &our_end, error);

    hf_session_prepare_hold(self, stream, our_end);
    if (our_end >= 0 && stream == HF_STREAM_STDOUT)
        hf_session_take_output(self, our_end, false);
    else if (our_end >= 0)
        hf_stdio_pump_take_stream(self->pump, stream, our_end, false);
    return ok;
}

static gboolean
make_input(HfSession *self, GError **error)
{
    int our_end = -1;
    gboolean ok = make_pipe(self, STDIN_FILENO, &our_end, error);

    if (our_end >= 0)
        hf_stdin_pump_take_fd(self->stdin_pump, our_end);
    return ok;
}

gboolean
hf_session_make_streams(HfSession *self, GError **error)
{
    const HfOptions *o = self->options;
    GMainContext *context = self->owner->context;
    bool has_stdin = o->has_stdin || o->stdin_path != NULL;

    if (self->is_passthrough) {
        for (size_t i = 0; i < G_N_ELEMENTS(self->container_stdio.fds); i++)
            self->container_stdio.fds[i] = HF_SPAWN_INHERIT;
    }
    /* A terminal is read also with passthrough, or the container would wait for ever once it is
     * full; nobody gets what it prints. */
    if (self->is_passthrough && !o->has_terminal)
        return TRUE;
    self->pump = hf_stdio_pump_new(context, &hf_session_stdio_handlers, self);
    hf_stdio_pump_set_journal(self->pump, self->journal);
    if (!o->has_terminal)
        self->held_stderr = g_string_new(NULL);
    if (has_stdin || o->has_terminal)
        self->stdin_pump =
            hf_stdin_pump_new(context, HF_SESSION_STDIN_LIMIT, &hf_session_stdin_handlers, self);
    if (!hf_session_open_stdio(self, error))
        return FALSE;
    if (!self->is_passthrough && !make_output(self, HF_STREAM_STDERR, error))
        return FALSE;
    if (o->has_terminal)
        return TRUE;
    return make_output(self, HF_STREAM_STDOUT, error) && (!has_stdin || make_input(self, error));
}

gboolean
hf_session_adopt_streams(HfSession *self, const int fds[HF_STREAM_COUNT], int take_terminal_fd,
                         GError **error)
{
    GMainContext *context = self->owner->context;
    gboolean ok;

    self->pump = hf_stdio_pump_new(context, &hf_session_stdio_handlers, self);
    hf_stdio_pump_set_journal(self->pump, self->journal);
    if (take_terminal_fd >= 0)
        self->stdin_pump =
            hf_stdin_pump_new(context, HF_SESSION_STDIN_LIMIT, &hf_session_stdin_handlers, self);
    ok = hf_session_open_stdio(self, error);
    if (take_terminal_fd >= 0)
        hf_session_take_terminal(self, take_terminal_fd);
    for (int i = 0; i < HF_STREAM_COUNT; i++) {
        hf_session_prepare_hold(self, (HfStream)i, fds[i]);
        if (fds[i] >= 0)
            hf_stdio_pump_take_stream(self->pump, (HfStream)i, fds[i], false);
    }
    return ok;
}

void
hf_session_close_container_stdio(HfSession *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->container_stdio.fds); i++) {
        hf_close_fd(&self->container_stdio.fds[i]);
        self->container_stdio.fds[i] = HF_SPAWN_NULL;
    }
}

static gboolean
set_up_terminal(HfSession *self, GError **error)
{
    int for_output = -1;

    if (!hf_terminal_prepare(self->terminal_fd, error))
        return FALSE;
    self->terminal_peer_fd = hf_terminal_open_peer(self->terminal_fd, error);
    if (self->terminal_peer_fd < 0)
        hf_diag_take_error(HF_DIAG_INFO, error, "the terminal will be polled");
    else if (!give_to_owner(self->options, self->terminal_peer_fd, error))
        return FALSE;
    if (self->has_size &&
        !hf_terminal_set_size(self->terminal_fd, self->rows, self->columns, error))
        return FALSE;
    for_output = fcntl(self->terminal_fd, F_DUPFD_CLOEXEC, 3);
    if (for_output < 0)
        return hf_throw_errno(error, "duplicate the terminal");
    hf_session_prepare_hold(self, HF_STREAM_STDOUT, for_output);
    hf_session_take_output(self, for_output, true);
    int for_input = fcntl(self->terminal_fd, F_DUPFD_CLOEXEC, 3);
    if (for_input < 0)
        return hf_throw_errno(error, "duplicate the terminal");
    hf_stdin_pump_take_fd(self->stdin_pump, for_input);
    return TRUE;
}

void
hf_session_take_terminal(HfSession *self, int take_fd)
{
    GError *error = NULL;

    if (self->terminal_fd >= 0 || self->pump == NULL) {
        hf_diag(HF_DIAG_WARNING, "one console too many came");
        hf_close_fd(&take_fd);
        return;
    }
    self->terminal_fd = take_fd;
    if (self->options->is_adoptable && self->options->adopt_dir == NULL &&
        !hf_fd_store_keep(hf_options_get_session_id(self->options), take_fd, &error))
        hf_diag_take_error(HF_DIAG_WARNING, &error, "have the terminal kept");
    if (!set_up_terminal(self, &error)) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "set up the terminal");
        hf_close_fd(&self->terminal_fd);
    }
}

void
hf_session_resize(HfSession *self, unsigned short rows, unsigned short columns)
{
    g_autoptr(GError) error = NULL;

    self->has_size = true;
    self->rows = rows;
    self->columns = columns;
    if (self->terminal_fd >= 0 && !hf_terminal_set_size(self->terminal_fd, rows, columns, &error))
        hf_diag_take_error(HF_DIAG_WARNING, &error, "resize the terminal");
}
