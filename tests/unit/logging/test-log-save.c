/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a log is in the middle of goes on in another program. */

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "logging/journal-socket.h"
#include "logging/line-splitter.h"
#include "logging/log-progress.h"
#include "logging/log-router.h"
#include "logging/raw-file.h"
#include "logging/record-queue.h"
#include "logging/syslog-socket.h"
#include "saved-kit.h"
#include "test-kit.h"

static void
add_line(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    GString *lines = user_data;

    g_string_append_len(lines, bytes, (gssize)length);
    g_string_append_c(lines, is_partial ? '+' : '|');
}

static const HfLineHandlers line_handlers = {.on_line = add_line};

static void
test_half_line_is_gone_on_with(void)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    HfLineSplitter *splitter = hf_line_splitter_new(10, &line_handlers, lines);
    SavedKit kit;

    hf_line_splitter_push(splitter, "hal", 3);
    saved_kit_begin(&kit);
    hf_line_splitter_save(splitter, kit.writer);
    hf_line_splitter_free(splitter);
    splitter = hf_line_splitter_new(10, &line_handlers, lines);
    hf_line_splitter_restore(splitter, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    g_assert_cmpstr(lines->str, ==, "");
    g_assert_cmpuint(hf_line_splitter_get_pending(splitter), ==, 3);
    hf_line_splitter_push(splitter, "f\nx", 3);
    hf_line_splitter_flush(splitter);

    g_assert_cmpstr(lines->str, ==, "half|x+");
    hf_line_splitter_free(splitter);
    saved_kit_end(&kit);
}

static void
test_half_line_that_is_too_long_is_refused(void)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(HfLineSplitter) splitter = hf_line_splitter_new(10, &line_handlers, lines);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_bytes(kit.writer, "carry", "01234567890", 11);
    hf_line_splitter_restore(splitter, saved_kit_read(&kit));

    saved_kit_assert_wrong(&kit, "carry");
    g_assert_cmpuint(hf_line_splitter_get_pending(splitter), ==, 0);
    saved_kit_end(&kit);
}

static void
add_message(HfRecordQueue *queue, const char *text, guint64 stands_for)
{
    const HfLogLoss loss = {stands_for, strlen(text)};

    memcpy(hf_record_queue_add(queue, strlen(text), &loss), text, strlen(text));
}

static char *
join_messages(const HfRecordQueue *queue)
{
    GString *text = g_string_new(NULL);
    struct iovec message;
    size_t cursor = 0;

    while (hf_record_queue_next(queue, &cursor, &message)) {
        g_string_append_len(text, message.iov_base, (gssize)message.iov_len);
        g_string_append_c(text, '|');
    }
    return g_string_free(text, FALSE);
}

static void
test_messages_that_wait_do_so_in_order(void)
{
    HfRecordQueue queue = {0};
    HfRecordQueue restored = {0};
    SavedKit kit;

    add_message(&queue, "sent", 1);
    add_message(&queue, "one", 1);
    add_message(&queue, "", 1);
    add_message(&queue, "report", 7);
    hf_record_queue_remove_first(&queue);
    saved_kit_begin(&kit);
    hf_record_queue_save(&queue, kit.writer);
    hf_record_queue_clear(&queue);
    hf_record_queue_restore(&restored, saved_kit_read(&kit));
    g_autofree char *text = join_messages(&restored);
    HfLogLoss loss = hf_record_queue_drop(&restored);

    saved_kit_assert_right(&kit);
    g_assert_cmpstr(text, ==, "one||report|");
    g_assert_cmpuint(loss.records, ==, 9);
    g_assert_cmpuint(loss.bytes, ==, 9);
    hf_record_queue_clear(&restored);
    saved_kit_end(&kit);
}

static void
test_messages_that_end_within_one_are_refused(void)
{
    static const guint64 numbers[] = {1, 5, 5};
    static const size_t lengths[] = {1, sizeof numbers - 1, sizeof numbers};

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        HfRecordQueue queue = {0};
        SavedKit kit;

        saved_kit_begin(&kit);
        hf_state_put_bytes(kit.writer, "records", numbers, lengths[i]);
        hf_record_queue_restore(&queue, saved_kit_read(&kit));

        g_assert_cmpuint(hf_record_queue_get_pending(&queue), ==, 0);
        saved_kit_assert_wrong(&kit, "records");
        hf_record_queue_clear(&queue);
        saved_kit_end(&kit);
    }
}

static void
test_losses_are_counted_on(void)
{
    const HfLogLoss loss = {3, G_MAXUINT64};
    const HfLogLoss none = {0};
    HfLogLoss restored = {0};
    HfLogLoss untouched = {1, 2};
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_log_loss_save(&loss, kit.writer, "loss");
    hf_log_loss_save(&none, kit.writer, "none");
    hf_log_loss_restore(&restored, saved_kit_read(&kit), "loss");
    hf_log_loss_restore(&untouched, kit.reader, "none");

    saved_kit_assert_right(&kit);
    g_assert_cmpuint(restored.records, ==, 3);
    g_assert_cmpuint(restored.bytes, ==, G_MAXINT64);
    g_assert_cmpuint(untouched.records, ==, 1);
    saved_kit_end(&kit);
}

static void
test_progress_is_the_same(void)
{
    const HfLogProgress progress = {.consumed = {5, G_MAXINT64}, .known = {7, 8}, .known_units = 9};
    HfLogProgress restored = {0};
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_log_progress_save(&progress, kit.writer);
    hf_log_progress_restore(&restored, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    g_assert_cmpmem(&progress, sizeof progress, &restored, sizeof restored);
    saved_kit_end(&kit);
    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "known-units", -1);
    hf_log_progress_restore(&restored, saved_kit_read(&kit));
    saved_kit_assert_wrong(&kit, "known-units");
    saved_kit_end(&kit);
}

/* A FIFO with a reader, whose buffer is small. */
typedef struct {
    char *dir;
    char *path;
    int fd;
} Fifo;

static void
fifo_set_up(Fifo *self)
{
    self->dir = hf_test_make_dir();
    self->path = g_build_filename(self->dir, "fifo", NULL);
    g_assert_no_errno(mkfifo(self->path, 0600));
    self->fd = open(self->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_no_errno(self->fd);
    g_assert_no_errno(fcntl(self->fd, F_SETPIPE_SZ, 4096));
}

static void
fifo_tear_down(Fifo *self)
{
    hf_close_fd(&self->fd);
    g_free(self->path);
    hf_test_remove_dir(self->dir);
}

static void
fifo_drain(const Fifo *self, GString *text)
{
    char buffer[4096];
    ssize_t n;

    while ((n = read(self->fd, buffer, sizeof buffer)) > 0)
        g_string_append_len(text, buffer, n);
}

static HfLogSink *
open_sink(const char *path, bool is_fifo, HfStateReader *saved)
{
    const HfFileSinkOptions options = {
        .path = path, .files_max = 1, .is_fifo = is_fifo, .saved = saved};
    g_autoptr(GError) error = NULL;
    HfLogSink *sink = hf_raw_file_new(&options, &error);

    g_assert_no_error(error);
    return sink;
}

static void
append(HfLogSink *sink, GString *expected, int number)
{
    g_autofree char *line = g_strdup_printf("line-%05d", number);
    const HfLogRecord record = {.bytes = line, .length = strlen(line)};

    sink->klass->append(sink, &record);
    g_string_append(expected, line);
    g_string_append_c(expected, '\n');
}

static void
test_records_that_a_full_fifo_does_not_take_wait_on(void)
{
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autoptr(GString) got = g_string_new(NULL);
    Fifo fifo;
    SavedKit kit;

    fifo_set_up(&fifo);
    HfLogSink *sink = open_sink(fifo.path, true, NULL);
    for (int i = 0; i < 2000; i++)
        append(sink, expected, i);
    g_assert_cmpint(sink->klass->flush(sink, NULL), ==, HF_IO_AGAIN);
    size_t pending = sink->klass->get_pending(sink);
    saved_kit_begin(&kit);
    sink->klass->save(sink, kit.writer);
    saved_kit_keep(&kit);
    hf_log_sink_free(sink);
    sink = open_sink(fifo.path, true, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    g_assert_cmpuint(sink->klass->get_pending(sink), ==, pending);
    append(sink, expected, 2000);
    do
        fifo_drain(&fifo, got);
    while (sink->klass->flush(sink, NULL) == HF_IO_AGAIN);
    fifo_drain(&fifo, got);

    g_assert_true(g_string_equal(got, expected));
    hf_log_sink_free(sink);
    fifo_tear_down(&fifo);
    saved_kit_end(&kit);
}

static void
test_a_log_without_its_descriptor_is_refused(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autoptr(GError) error = NULL;
    SavedKit kit;

    saved_kit_begin(&kit);
    const HfFileSinkOptions options = {.path = path, .files_max = 1, .saved = saved_kit_read(&kit)};

    g_assert_null(hf_raw_file_new(&options, &error));
    g_assert_nonnull(error);
    g_assert_false(hf_test_file_exists(dir, "log"));
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static int
listen_local(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof address.sun_path), <,
                     sizeof address.sun_path);
    g_assert_no_errno(bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void
send_datagram(HfJournalSocket *socket, const char *text)
{
    const HfJournalDatagram datagram = {{{(char *)text, strlen(text)}, {(char *)"\n", 1}}};
    g_autoptr(GError) error = NULL;
    guint sent = 0;

    g_assert_cmpint(hf_journal_socket_send(socket, &datagram, 1, &sent, &error), ==, HF_IO_DATA);
    g_assert_no_error(error);
    g_assert_cmpuint(sent, ==, 1);
}

static void
assert_received(int fd, const char *text)
{
    char buffer[100] = "";

    g_assert_cmpint(recv(fd, buffer, sizeof buffer - 1, 0), ==, strlen(text));
    g_assert_cmpstr(buffer, ==, text);
}

static void
test_connection_to_the_journal_stays(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    hf_autofd fd = listen_local(path, SOCK_DGRAM);
    HfJournalSocket *socket = hf_journal_socket_new(path, NULL);
    SavedKit kit;

    send_datagram(socket, "one");
    /* Another connection could not be made. */
    g_assert_no_errno(unlink(path));
    saved_kit_begin(&kit);
    hf_journal_socket_save(socket, kit.writer);
    saved_kit_keep(&kit);
    hf_journal_socket_free(socket);
    socket = hf_journal_socket_new(path, NULL);
    hf_journal_socket_restore(socket, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    send_datagram(socket, "two");

    assert_received(fd, "one\n");
    assert_received(fd, "two\n");
    hf_journal_socket_free(socket);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
send_message(HfSyslogSocket *socket, const char *text)
{
    const struct iovec message = {(char *)text, strlen(text)};
    g_autoptr(GError) error = NULL;
    guint sent = 0;

    while (hf_syslog_socket_send(socket, &message, 1, &sent, &error) == HF_IO_AGAIN)
        g_usleep(1000);
    g_assert_no_error(error);
    g_assert_cmpuint(sent, ==, 1);
}

static int
listen_tcp(char **out_address)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_no_errno(bind(fd, (struct sockaddr *)&address, sizeof address));
    g_assert_no_errno(listen(fd, 5));
    g_assert_no_errno(getsockname(fd, (struct sockaddr *)&address, &length));
    *out_address = g_strdup_printf("tcp://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

static void
test_connection_to_a_system_log_stays(void)
{
    g_autofree char *address = NULL;
    hf_autofd server_fd = listen_tcp(&address);
    HfSyslogSocket *socket = hf_syslog_socket_new(address, NULL);
    char buffer[10] = "";
    SavedKit kit;

    send_message(socket, "3 one");
    hf_autofd fd = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);
    saved_kit_begin(&kit);
    hf_syslog_socket_save(socket, kit.writer);
    saved_kit_keep(&kit);
    hf_syslog_socket_free(socket);
    socket = hf_syslog_socket_new(address, NULL);
    hf_syslog_socket_restore(socket, saved_kit_read(&kit), 0);
    saved_kit_assert_right(&kit);
    send_message(socket, "3 two");

    g_assert_cmpint(recv(fd, buffer, sizeof buffer, MSG_WAITALL), ==, sizeof buffer);
    g_assert_cmpmem(buffer, sizeof buffer, "3 one3 two", 10);
    hf_syslog_socket_free(socket);
    saved_kit_end(&kit);
}

static void
test_numbers_of_a_system_log_that_make_no_sense_are_refused(void)
{
    g_autoptr(HfSyslogSocket) socket = hf_syslog_socket_new("udp://127.0.0.1:9", NULL);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "back-off", 1000000);
    hf_state_put_bool(kit.writer, "is-connecting", true);
    hf_syslog_socket_restore(socket, saved_kit_read(&kit), 0);

    saved_kit_assert_wrong(&kit, "back-off");
    g_assert_false(hf_syslog_socket_is_connecting(socket));
    saved_kit_end(&kit);
}

static HfLogRouter *
make_router(GMainContext *context, const char *path, HfStateReader *saved)
{
    static const HfLogRouterHandlers handlers = {0};
    HfLogRouter *router = hf_log_router_new(context, 100, &handlers, NULL);
    HfStateReader *sink = saved != NULL ? hf_log_router_open_saved_sink(saved, 0) : NULL;

    hf_log_router_take_sink(router, open_sink(path, false, sink));
    return router;
}

static void
test_router_goes_on_within_a_line_of_each_stream(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    HfLogRouter *router = make_router(context, path, NULL);
    SavedKit kit;

    hf_log_router_write(router, HF_STREAM_STDOUT, "one\ntw", 6, true);
    hf_log_router_write(router, HF_STREAM_STDERR, "err", 3, true);
    saved_kit_begin(&kit);
    hf_log_router_save(router, kit.writer);
    saved_kit_keep(&kit);
    hf_log_router_free(router);
    router = make_router(context, path, saved_kit_read(&kit));
    hf_log_router_restore(router, kit.reader);
    saved_kit_assert_right(&kit);
    g_assert_cmpuint(hf_log_router_get_handed(router, HF_STREAM_STDOUT), ==, 4);
    hf_log_router_write(router, HF_STREAM_STDOUT, "o\n", 2, true);
    hf_log_router_write(router, HF_STREAM_STDERR, "or\n", 3, true);

    g_autofree char *text = hf_test_read_file(dir, "log");
    g_assert_cmpstr(text, ==, "one\ntwo\nerror\n");
    g_assert_cmpuint(hf_log_router_get_handed(router, HF_STREAM_STDOUT), ==, 8);
    g_assert_cmpuint(hf_log_router_get_handed(router, HF_STREAM_STDERR), ==, 6);
    hf_log_router_free(router);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_router_refuses_other_sinks_than_it_has(void)
{
    static const HfLogRouterHandlers handlers = {0};
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(HfLogRouter) router = hf_log_router_new(context, 100, &handlers, NULL);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "sinks", 1);
    hf_log_router_restore(router, saved_kit_read(&kit));

    saved_kit_assert_wrong(&kit, "sinks");
    saved_kit_end(&kit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/save/half-line-is-gone-on-with", test_half_line_is_gone_on_with);
    hf_test_add("/logging/save/half-line-that-is-too-long-is-refused",
                test_half_line_that_is_too_long_is_refused);
    hf_test_add("/logging/save/messages-that-wait-do-so-in-order",
                test_messages_that_wait_do_so_in_order);
    hf_test_add("/logging/save/messages-that-end-within-one-are-refused",
                test_messages_that_end_within_one_are_refused);
    hf_test_add("/logging/save/losses-are-counted-on", test_losses_are_counted_on);
    hf_test_add("/logging/save/progress-is-the-same", test_progress_is_the_same);
    hf_test_add("/logging/save/records-that-a-full-fifo-does-not-take-wait-on",
                test_records_that_a_full_fifo_does_not_take_wait_on);
    hf_test_add("/logging/save/a-log-without-its-descriptor-is-refused",
                test_a_log_without_its_descriptor_is_refused);
    hf_test_add("/logging/save/connection-to-the-journal-stays",
                test_connection_to_the_journal_stays);
    hf_test_add("/logging/save/connection-to-a-system-log-stays",
                test_connection_to_a_system_log_stays);
    hf_test_add("/logging/save/numbers-of-a-system-log-that-make-no-sense-are-refused",
                test_numbers_of_a_system_log_that_make_no_sense_are_refused);
    hf_test_add("/logging/save/router-goes-on-within-a-line-of-each-stream",
                test_router_goes_on_within_a_line_of_each_stream);
    hf_test_add("/logging/save/router-refuses-other-sinks-than-it-has",
                test_router_refuses_other_sinks_than_it_has);
    return g_test_run();
}
