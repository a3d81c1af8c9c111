/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a monitor takes over from another program: the state of an upgrade, part by part, and the
 * journal of output that was not in the log yet. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/attach-server.h"
#include "attach/control-fifo.h"
#include "attach/fifo-reader.h"
#include "attach/fifo-writer.h"
#include "attach/notify-relay.h"
#include "attach/stdin-pump.h"
#include "base/diag.h"
#include "base/fd.h"
#include "base/process-ref.h"
#include "base/saved-state.h"
#include "cgroup/oom-watch.h"
#include "fuzz.h"
#include "logging/cri-file.h"
#include "logging/journal-sink.h"
#include "logging/json-file.h"
#include "logging/log-router.h"
#include "logging/raw-file.h"
#include "logging/syslog-sink.h"
#include "monitor/crash-journal.h"
#include "monitor/parent-pipes.h"
#include "monitor/process-dir.h"
#include "monitor/stdio-pump.h"
#include "monitor/upgrade-start.h"
#include "protocol/state-names.h"

#define LINE_MAX_LENGTH 64
#define DEPTH_MAX 4
#define ROUNDS 4
#define NO_SUCH_FD 987

static void
ignore(gpointer user_data)
{
}

static void
ignore_error(const GError *error, gpointer user_data)
{
}

static void
ignore_bytes(const char *bytes, size_t length, gpointer user_data)
{
}

static void
ignore_output(HfStream stream, const char *bytes, size_t length, gpointer user_data)
{
}

static void
ignore_line(const char *line, gpointer user_data)
{
}

static void
ignore_kills(guint64 kills, gpointer user_data)
{
}

static void
ignore_message(HfDiagLevel level, const char *text, gpointer user_data)
{
}

static void
ignore_sink_state(const char *sink_name, const GError *error, gpointer user_data)
{
}

static const HfAttachHandlers attach_handlers = {ignore_bytes, ignore, ignore,
                                                 ignore,       ignore, ignore_error};
static const HfFifoWriterHandlers writer_handlers = {ignore, ignore_error, ignore};
static const HfFifoReaderHandlers reader_handlers = {ignore_bytes, ignore};
static const HfStdinHandlers stdin_handlers = {ignore, ignore_error};
static const HfStdioHandlers stdio_handlers = {ignore_output, ignore, ignore, ignore};
static const HfLogRouterHandlers router_handlers = {ignore, ignore_sink_state};

/* What was restored goes on if, and only if, the state was right: as the monitor does it. */
static void
go_on(GMainContext *context, HfStateReader *reader)
{
    g_autoptr(GError) error = NULL;

    if (!hf_state_reader_check(reader, &error)) {
        g_assert_nonnull(error);
        return;
    }
    for (int i = 0; i < ROUNDS; i++)
        (void)g_main_context_iteration(context, FALSE);
}

static void
restore_process(GMainContext *context, HfStateReader *reader)
{
    g_autoptr(HfProcessRef) process = hf_process_ref_new_saved(reader);

    /* Of a value that is not needed the reader may have told all the same. */
    g_assert_true(process != NULL || !hf_state_reader_check(reader, NULL));
}

static void
restore_oom(GMainContext *context, HfStateReader *reader)
{
    HfOomWatch *watch = hf_oom_watch_new_saved(context, reader, ignore_kills, NULL);

    go_on(context, reader);
    hf_oom_watch_free(watch);
}

static void
restore_control(GMainContext *context, HfStateReader *reader)
{
    HfControlFifo *fifo = hf_control_fifo_new_saved(context, reader, ignore_line, NULL);

    go_on(context, reader);
    hf_control_fifo_free(fifo);
}

static void
restore_writer(GMainContext *context, HfStateReader *reader)
{
    HfFifoWriter *writer = hf_fifo_writer_new_saved(context, reader, &writer_handlers, NULL);

    go_on(context, reader);
    hf_fifo_writer_free(writer);
}

static void
restore_reader(GMainContext *context, HfStateReader *reader)
{
    HfFifoReader *fifo = hf_fifo_reader_new_saved(context, reader, &reader_handlers, NULL);

    go_on(context, reader);
    hf_fifo_reader_free(fifo);
}

static void
restore_notify(GMainContext *context, HfStateReader *reader)
{
    HfNotifyRelay *relay = hf_notify_relay_new_saved(context, reader, "@holdfast-fuzz-nobody");

    go_on(context, reader);
    hf_notify_relay_free(relay);
}

static void
restore_attach(GMainContext *context, HfStateReader *reader)
{
    static const HfAttachLimits limits = {4096, 1000, 4};
    HfAttachServer *server =
        hf_attach_server_new_saved(context, reader, &limits, &attach_handlers, NULL);

    go_on(context, reader);
    hf_attach_server_free(server);
}

static void
restore_stdin(GMainContext *context, HfStateReader *reader)
{
    g_autoptr(HfStdinPump) pump = hf_stdin_pump_new(context, 4096, &stdin_handlers, NULL);

    hf_stdin_pump_restore(pump, reader);
    go_on(context, reader);
}

static void
restore_stdio(GMainContext *context, HfStateReader *reader)
{
    g_autoptr(HfStdioPump) pump = hf_stdio_pump_new(context, &stdio_handlers, NULL);

    hf_stdio_pump_restore(pump, reader);
    go_on(context, reader);
}

/* A router with one sink, which goes on with more output. */
static void
restore_log(GMainContext *context, HfStateReader *reader, HfLogSink *take_sink)
{
    g_autoptr(HfLogRouter) router =
        hf_log_router_new(context, LINE_MAX_LENGTH, &router_handlers, NULL);

    if (take_sink == NULL)
        return;
    hf_log_router_take_sink(router, take_sink);
    hf_log_router_restore(router, reader);
    if (hf_state_reader_check(reader, NULL)) {
        hf_log_router_write(router, HF_STREAM_STDOUT, "more\n", 5, false);
        hf_log_router_flush_partial(router);
    }
    go_on(context, reader);
}

static HfFileSinkOptions
get_file_options(HfStateReader *reader, const char *path)
{
    return (HfFileSinkOptions){
        .path = path,
        .files_max = 1,
        .saved = hf_log_router_open_saved_sink(reader, 0),
    };
}

static void
restore_cri(GMainContext *context, HfStateReader *reader)
{
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "log", NULL);
    HfFileSinkOptions options = get_file_options(reader, path);

    options.size_max = 400;
    restore_log(context, reader, hf_cri_file_new(&options, NULL));
}

static void
restore_json(GMainContext *context, HfStateReader *reader)
{
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "log", NULL);
    HfFileSinkOptions options = get_file_options(reader, path);

    options.global_size_max = 400;
    restore_log(context, reader, hf_json_file_new(&options, NULL, NULL, NULL));
}

static void
restore_fifo(GMainContext *context, HfStateReader *reader)
{
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "log-fifo", NULL);
    HfFileSinkOptions options = get_file_options(reader, path);

    options.is_fifo = true;
    restore_log(context, reader, hf_raw_file_new(&options, NULL));
}

static void
restore_journal(GMainContext *context, HfStateReader *reader)
{
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "no-journal", NULL);
    const HfJournalOptions options = {
        .socket_path = path,
        .container_id = "0123456789abcdef",
        .saved = hf_log_router_open_saved_sink(reader, 0),
    };

    restore_log(context, reader, hf_journal_sink_new(&options, NULL));
}

static void
restore_syslog(GMainContext *context, HfStateReader *reader)
{
    /* A stream, whose first message may have been sent in part. Nobody listens there. */
    const HfSyslogOptions options = {
        .address = "tcp://127.0.0.1:1",
        .container_id = "0123456789abcdef",
        .saved = hf_log_router_open_saved_sink(reader, 0),
    };

    restore_log(context, reader, hf_syslog_sink_new(&options, NULL));
}

static void
restore_pipes(GMainContext *context, HfStateReader *reader)
{
    HfParentPipes *pipes = hf_parent_pipes_new_saved(reader);

    hf_parent_pipes_free(pipes);
}

static void
restore_dir(GMainContext *context, HfStateReader *reader)
{
    HfProcessDir *dir = hf_process_dir_new_saved(reader);

    hf_process_dir_free(dir);
    hf_diag_set_sink(ignore_message, NULL);
}

typedef void (*Restore)(GMainContext *context, HfStateReader *reader);

static const Restore restores[] = {
    restore_process, restore_oom,   restore_control, restore_writer, restore_reader, restore_notify,
    restore_attach,  restore_stdin, restore_stdio,   restore_cri,    restore_pipes,  restore_dir,
    restore_json,    restore_fifo,  restore_journal, restore_syslog,
};

typedef struct {
    HfFuzzInput input;
    HfStateWriter *writer;
    GArray *fds; /* those that were made */
    guint depth;
} Builder;

static void
keep_fd(Builder *self, int fd)
{
    g_assert_cmpint(fd, >=, 0);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    g_array_append_val(self->fds, fd);
}

/* A descriptor of any kind, or a number that is none. */
static int
make_fd(Builder *self)
{
    guint kind = hf_fuzz_take_byte(&self->input) % 8;
    int fds[2] = {-1, -1};

    if (kind < 2)
        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    else if (kind < 4)
        g_assert_cmpint(
            socketpair(AF_UNIX, (kind == 2 ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, fds),
            ==, 0);
    else if (kind == 4)
        fds[0] = memfd_create("fuzz", MFD_CLOEXEC);
    else if (kind == 5)
        fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
    else if (kind == 6)
        return NO_SUCH_FD;
    else
        return self->fds->len > 0 ? g_array_index(self->fds, int, 0) : 0;
    keep_fd(self, fds[0]);
    if (fds[1] >= 0)
        keep_fd(self, fds[1]);
    return fds[kind == 1 ? 1 : 0];
}

static gint64
take_value(HfFuzzInput *input)
{
    guint8 choice = hf_fuzz_take_byte(input);
    gint64 number = 0;
    size_t size = 0;
    const char *bytes;

    if (choice < 250)
        return (gint64)choice - 5;
    bytes = hf_fuzz_take_bytes(input, sizeof number, &size);
    if (size > 0)
        memcpy(&number, bytes, size);
    return number;
}

static void
put_value(Builder *self, guint kind, const char *name)
{
    size_t length = 0;
    const char *bytes;

    switch (kind) {
    case 0:
        hf_state_put_number(self->writer, name, take_value(&self->input));
        return;
    case 1:
        hf_state_put_bool(self->writer, name, (hf_fuzz_take_byte(&self->input) & 1) != 0);
        return;
    case 2:
        bytes = hf_fuzz_take_bytes(&self->input, hf_fuzz_take_byte(&self->input), &length);
        hf_state_put_bytes(self->writer, name, bytes, length);
        return;
    case 3: {
        g_autofree char *text = hf_fuzz_take_text(&self->input);

        hf_state_put_text(self->writer, name, text);
        return;
    }
    default:
        hf_state_put_fd(self->writer, name, make_fd(self));
    }
}

/* One step: a value of any type and name, or a dictionary's begin or end. */
static void
put_one(Builder *self)
{
    guint kind = hf_fuzz_take_byte(&self->input) % 8;
    g_autofree char *taken = kind != 7 ? hf_fuzz_take_text(&self->input) : g_strdup("");
    g_autofree char *name = g_utf8_make_valid(taken, -1);

    if (kind < 6)
        put_value(self, kind, name);
    else if (kind == 6 && self->depth < DEPTH_MAX) {
        hf_state_begin(self->writer, name);
        self->depth++;
    } else if (kind == 7 && self->depth > 0) {
        hf_state_end(self->writer);
        self->depth--;
    }
}

static int
build(Builder *self)
{
    int fd;

    while (self->input.left > 0 && self->fds->len < 64)
        put_one(self);
    for (; self->depth > 0; self->depth--)
        hf_state_end(self->writer);
    fd = hf_state_writer_finish(self->writer, NULL);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
close_rest(const GArray *fds)
{
    for (guint i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);

        if (fcntl(fd, F_GETFD) >= 0)
            hf_close_fd(&fd);
    }
}

/* A state of any values: each part is restored or is told to be wrong, and gives back what it took.
 */
void
fuzz_upgrade_state(const char *bytes, size_t length)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    Builder builder = {{bytes, length}, writer, fds, 0};
    guint kind = hf_fuzz_take_byte(&builder.input) % (G_N_ELEMENTS(restores) + 1);
    int lowest = hf_fuzz_get_lowest_fd();
    hf_autofd state_fd = build(&builder);
    g_autoptr(HfStateReader) reader = hf_state_reader_new_from_fd(state_fd, NULL);

    g_assert_nonnull(reader);
    if (kind < G_N_ELEMENTS(restores)) {
        restores[kind](context, reader);
    } else {
        g_autoptr(GError) error = NULL;

        g_assert_true(hf_upgrade_start_check(state_fd, 1, &error) == (error == NULL));
    }
    close_rest(fds);
    hf_close_fd(&state_fd);
    g_assert_cmpint(hf_fuzz_get_lowest_fd(), ==, lowest);
}

/* The file as a killed monitor left it: header, half lines and read come from the input, as far as
 * it goes, at the places that the format has for them. */
static void
write_journal(int dir_fd, HfFuzzInput input)
{
    hf_autofd fd = openat(dir_fd, HF_STATE_JOURNAL, O_RDWR | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    const off_t places[] = {4, 4096, 4096 + 4096, size - (off_t)HF_CRASH_JOURNAL_ROOM, size - 64};

    g_assert_cmpint(fd, >=, 0);
    while (input.left > 0) {
        off_t place = places[hf_fuzz_take_byte(&input) % G_N_ELEMENTS(places)];
        off_t offset = hf_fuzz_take_byte(&input);
        size_t length = 0;
        const char *bytes = hf_fuzz_take_bytes(&input, hf_fuzz_take_byte(&input), &length);

        place = MIN(place + offset, size - (off_t)length);
        g_assert_cmpint(length > 0 ? pwrite(fd, bytes, length, place) : 0, ==, length);
    }
}

/* What a journal of any contents says is handed to the log, and then there is nothing left in it.
 */
void
fuzz_crash_journal(const char *bytes, size_t length)
{
    hf_autofd dir_fd = open(hf_fuzz_get_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "journal-log", NULL);
    HfFileSinkOptions options = {.path = path, .files_max = 1};

    (void)unlink(path);
    (void)unlinkat(dir_fd, HF_STATE_JOURNAL, 0);
    for (int i = 0; i < 3; i++) {
        g_autoptr(HfCrashJournal) journal =
            hf_crash_journal_new(dir_fd, LINE_MAX_LENGTH, i > 0, NULL);
        g_autoptr(HfLogRouter) router =
            hf_log_router_new(NULL, LINE_MAX_LENGTH, &router_handlers, NULL);

        g_assert_nonnull(journal);
        options.mark = hf_crash_journal_get_mark(journal, 0);
        options.handed =
            hf_crash_journal_is_left(journal) ? hf_crash_journal_get_handed(journal) : NULL;
        HfLogSink *sink = hf_raw_file_new(&options, NULL);
        g_assert_nonnull(sink);
        hf_log_router_take_sink(router, sink);
        if (i == 0)
            write_journal(dir_fd, (HfFuzzInput){bytes, length});
        else if (hf_crash_journal_is_left(journal))
            hf_crash_journal_replay(journal, router);
    }
}
