/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What clients are in the middle of goes on in another program. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "attach/control-fifo.h"
#include "attach/fifo-reader.h"
#include "attach/fifo-writer.h"
#include "attach/notify-relay.h"
#include "attach/output-queue.h"
#include "attach/stdin-pump.h"
#include "saved-kit.h"
#include "server-fixture.h"

#define MUCH 200000

static void
ignore(gpointer user_data)
{
}

static void
fail_on_error(const GError *error, gpointer user_data)
{
    g_assert_no_error(error);
}

/* All that comes from @fd until @length bytes have, as a digest. */
static char *
read_checksum(GMainContext *context, int fd, gsize length)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 buffer[4096];

    while (length > 0) {
        ssize_t n = read(fd, buffer, MIN(sizeof buffer, length));

        settle_without_spinning(context);
        if (n < 0)
            continue;
        g_assert_cmpint(n, >, 0);
        g_checksum_update(checksum, buffer, n);
        length -= (gsize)n;
    }
    return g_strdup(g_checksum_get_string(checksum));
}

static void
assert_pattern(GMainContext *context, int fd, gsize length)
{
    g_autofree char *expected = checksum_of_pattern(length);
    g_autofree char *found = read_checksum(context, fd, length);

    g_assert_cmpstr(found, ==, expected);
}

static guint8 *
make_pattern(void)
{
    guint8 *bytes = g_malloc(MUCH);

    fill_pattern(bytes, MUCH, 0);
    return bytes;
}

static const HfOutputQueueHandlers queue_handlers = {ignore, fail_on_error};

static void
test_packets_that_wait_come_once_and_in_order(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    int fds[2];
    const int packets = 3000;
    SavedKit kit;

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
    HfOutputQueue *queue = hf_output_queue_new(context, fds[0], &queue_handlers, NULL);
    for (int i = 0; i < packets; i++)
        hf_output_queue_push(queue, "h", 1, &i, sizeof i);
    size_t pending = hf_output_queue_get_pending(queue);
    g_assert_cmpuint(pending, >, 0);
    saved_kit_begin(&kit);
    hf_output_queue_save(queue, kit.writer);
    hf_output_queue_free(queue);
    queue = hf_output_queue_new(context, fds[0], &queue_handlers, NULL);
    hf_output_queue_restore(queue, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    g_assert_cmpuint(hf_output_queue_get_pending(queue), ==, pending);

    for (int i = 0; i < packets;) {
        struct {
            char header;
            char number[sizeof(int)];
        } packet;
        int number;
        ssize_t n = read(fds[1], &packet, sizeof packet);

        settle_without_spinning(context);
        if (n < 0)
            continue;
        g_assert_cmpint(n, ==, sizeof packet);
        memcpy(&number, packet.number, sizeof number);
        g_assert_cmpint(number, ==, i++);
    }
    g_assert_cmpuint(hf_output_queue_get_pending(queue), ==, 0);
    hf_output_queue_free(queue);
    saved_kit_end(&kit);
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
test_packets_that_end_within_one_are_refused(void)
{
    static const guint8 zeros[8] = {0};
    g_autoptr(GMainContext) context = g_main_context_new();
    hf_autofd fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    for (size_t length = 1; length <= sizeof zeros; length++) {
        HfOutputQueue *queue = hf_output_queue_new(context, fd, &queue_handlers, NULL);
        SavedKit kit;

        saved_kit_begin(&kit);
        hf_state_put_bytes(kit.writer, "records", zeros, length);
        hf_output_queue_restore(queue, saved_kit_read(&kit));

        saved_kit_assert_wrong(&kit, "records");
        g_assert_cmpuint(hf_output_queue_get_pending(queue), ==, 0);
        hf_output_queue_free(queue);
        saved_kit_end(&kit);
    }
}

static const HfStdinHandlers stdin_handlers = {ignore, fail_on_error};

static void
test_what_was_typed_is_written_once_and_then_the_end(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autofree guint8 *bytes = make_pattern();
    HfStdinPump *pump = hf_stdin_pump_new(context, MUCH, &stdin_handlers, NULL);
    int fds[2];
    char byte;
    SavedKit kit;

    g_assert_no_errno(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    hf_stdin_pump_take_fd(pump, fds[1]);
    hf_stdin_pump_push(pump, (const char *)bytes, MUCH);
    settle_without_spinning(context);
    hf_stdin_pump_close(pump);
    saved_kit_begin(&kit);
    hf_stdin_pump_save(pump, kit.writer);
    saved_kit_keep(&kit);
    hf_stdin_pump_free(pump);
    pump = hf_stdin_pump_new(context, MUCH, &stdin_handlers, NULL);
    hf_stdin_pump_restore(pump, saved_kit_read(&kit));
    saved_kit_assert_right(&kit);
    /* After the end, so it is nobody's. */
    hf_stdin_pump_push(pump, "late", 4);

    assert_pattern(context, fds[0], MUCH);
    settle_without_spinning(context);
    g_assert_cmpint(read(fds[0], &byte, 1), ==, 0);
    hf_stdin_pump_free(pump);
    saved_kit_end(&kit);
    hf_close_fd(&fds[0]);
}

static void
test_a_state_of_stdin_that_there_is_not_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(HfStdinPump) pump = hf_stdin_pump_new(context, MUCH, &stdin_handlers, NULL);
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_number(kit.writer, "state", 99);
    hf_stdin_pump_restore(pump, saved_kit_read(&kit));

    saved_kit_assert_wrong(&kit, "state");
    hf_stdin_pump_push(pump, "x", 1);
    saved_kit_end(&kit);
}

static void
add_line(const char *line, gpointer user_data)
{
    g_string_append(user_data, line != NULL ? line : "too long");
    g_string_append_c(user_data, '|');
}

static void
test_line_that_has_begun_is_gone_on_with(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GString) lines = g_string_new(NULL);
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    HfControlFifo *fifo = hf_control_fifo_new(context, dir_fd, "ctl", add_line, lines, NULL);
    hf_autofd fd = openat(dir_fd, "ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    SavedKit kit;

    g_assert_cmpint(write(fd, "1 2 3\n1 20 3", 12), ==, 12);
    settle_without_spinning(context);
    g_assert_cmpstr(lines->str, ==, "1 2 3|");
    saved_kit_begin(&kit);
    hf_control_fifo_save(fifo, kit.writer);
    saved_kit_keep(&kit);
    hf_control_fifo_free(fifo);
    g_assert_cmpint(write(fd, "0\n2 0", 5), ==, 5);
    fifo = hf_control_fifo_new_saved(context, saved_kit_read(&kit), add_line, lines);
    saved_kit_assert_right(&kit);
    settle_without_spinning(context);
    g_assert_cmpint(write(fd, " 0\n", 3), ==, 3);
    settle_without_spinning(context);

    g_assert_cmpstr(lines->str, ==, "1 2 3|1 20 30|2 0 0|");
    hf_control_fifo_free(fifo);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_line_that_is_too_long_or_has_no_fifo_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autofree char *line = g_strnfill(70000, '1');
    int fds[2];
    SavedKit kit;

    g_assert_no_errno(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    saved_kit_begin(&kit);
    hf_state_put_fd(kit.writer, "fd", fds[0]);
    hf_state_put_bytes(kit.writer, "line", line, 70000);
    HfControlFifo *fifo = hf_control_fifo_new_saved(context, saved_kit_read(&kit), add_line, NULL);
    saved_kit_assert_wrong(&kit, "line");
    hf_control_fifo_free(fifo);
    saved_kit_end(&kit);
    hf_close_fd(&fds[1]);

    saved_kit_begin(&kit);
    fifo = hf_control_fifo_new_saved(context, saved_kit_read(&kit), add_line, NULL);
    saved_kit_assert_wrong(&kit, "fd");
    hf_control_fifo_free(fifo);
    saved_kit_end(&kit);
}

static void
add_bytes(const char *bytes, size_t length, gpointer user_data)
{
    g_string_append_len(user_data, bytes, (gssize)length);
}

static void
add_end(gpointer user_data)
{
    g_string_append_c(user_data, '.');
}

static const HfFifoReaderHandlers reader_handlers = {add_bytes, add_end};

static void
test_reader_that_is_paused_stays_so_and_loses_nothing(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GString) got = g_string_new(NULL);
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "fifo", NULL);
    SavedKit kit;

    g_assert_no_errno(mkfifo(path, 0600));
    HfFifoReader *reader = hf_fifo_reader_new(context, path, false, &reader_handlers, got, NULL);
    hf_autofd fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(write(fd, "one", 3), ==, 3);
    settle_without_spinning(context);
    hf_fifo_reader_set_paused(reader, true);
    g_assert_cmpint(write(fd, "two", 3), ==, 3);
    saved_kit_begin(&kit);
    hf_fifo_reader_save(reader, kit.writer);
    saved_kit_keep(&kit);
    hf_fifo_reader_free(reader);
    reader = hf_fifo_reader_new_saved(context, saved_kit_read(&kit), &reader_handlers, got);
    saved_kit_assert_right(&kit);
    settle_without_spinning(context);
    g_assert_cmpstr(got->str, ==, "one");
    hf_fifo_reader_set_paused(reader, false);
    settle_without_spinning(context);
    g_assert_cmpstr(got->str, ==, "onetwo");
    hf_close_fd(&fd);
    settle_without_spinning(context);

    g_assert_cmpstr(got->str, ==, "onetwo.");
    hf_fifo_reader_free(reader);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_reader_that_has_ended_stays_so(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GString) got = g_string_new(NULL);
    SavedKit kit;

    saved_kit_begin(&kit);
    HfFifoReader *reader =
        hf_fifo_reader_new_saved(context, saved_kit_read(&kit), &reader_handlers, got);
    saved_kit_assert_right(&kit);
    hf_fifo_reader_set_paused(reader, true);
    hf_fifo_reader_set_paused(reader, false);
    settle_without_spinning(context);

    g_assert_cmpstr(got->str, ==, "");
    hf_fifo_reader_free(reader);
    saved_kit_end(&kit);
}

static const HfFifoWriterHandlers writer_handlers = {ignore, fail_on_error, ignore};

static void
test_what_a_full_fifo_does_not_take_waits_on(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autofree guint8 *bytes = make_pattern();
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "fifo", NULL);
    SavedKit kit;

    g_assert_no_errno(mkfifo(path, 0600));
    HfFifoWriter *writer = hf_fifo_writer_new(context, path, &writer_handlers, NULL, NULL);
    hf_autofd fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    hf_fifo_writer_push(writer, (const char *)bytes, MUCH - 5);
    g_assert_true(hf_fifo_writer_is_congested(writer));
    saved_kit_begin(&kit);
    hf_fifo_writer_save(writer, kit.writer);
    saved_kit_keep(&kit);
    hf_fifo_writer_free(writer);
    writer = hf_fifo_writer_new_saved(context, saved_kit_read(&kit), &writer_handlers, NULL);
    saved_kit_assert_right(&kit);
    g_assert_true(hf_fifo_writer_is_congested(writer));
    hf_fifo_writer_push(writer, (const char *)bytes + MUCH - 5, 5);

    assert_pattern(context, fd, MUCH);
    settle_without_spinning(context);
    g_assert_false(hf_fifo_writer_is_congested(writer));
    hf_fifo_writer_free(writer);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_writer_without_its_descriptor_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_bytes(kit.writer, "waiting", "x", 1);
    HfFifoWriter *writer =
        hf_fifo_writer_new_saved(context, saved_kit_read(&kit), &writer_handlers, NULL);

    saved_kit_assert_wrong(&kit, "fd");
    hf_fifo_writer_free(writer);
    saved_kit_end(&kit);
}

/* A bundle with notify/, and the socket of a service manager in it. */
static int
make_host(const char *dir, char **out_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *notify = g_build_filename(dir, "notify", NULL);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *out_path = g_build_filename(dir, "host", NULL);
    g_assert_no_errno(mkdir(notify, 0700));
    g_strlcpy(address.sun_path, *out_path, sizeof address.sun_path);
    g_assert_no_errno(bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static int
connect_to_relay(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)g_snprintf(address.sun_path, sizeof address.sun_path, "%s/notify/notify.sock", dir);
    g_assert_no_errno(connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void
test_notify_socket_keeps_what_was_sent_to_it(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    char *dir = hf_test_make_dir();
    hf_autofd dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_autofree char *path = NULL;
    hf_autofd host_fd = make_host(dir, &path);
    HfNotifyRelay *relay = hf_notify_relay_new(context, dir_fd, path, NULL);
    hf_autofd fd = connect_to_relay(dir);
    char buffer[32];
    SavedKit kit;

    g_assert_cmpint(send(fd, "READY=1", 7, 0), ==, 7);
    saved_kit_begin(&kit);
    hf_notify_relay_save(relay, kit.writer);
    saved_kit_keep(&kit);
    hf_notify_relay_free(relay);
    relay = hf_notify_relay_new_saved(context, saved_kit_read(&kit), path);
    saved_kit_assert_right(&kit);
    g_assert_cmpint(recv(host_fd, buffer, sizeof buffer, 0), ==, -1);
    settle_without_spinning(context);

    g_assert_cmpint(recv(host_fd, buffer, sizeof buffer, 0), >=, 7);
    g_assert_cmpmem(buffer, 7, "READY=1", 7);
    g_assert_cmpint(recv(host_fd, buffer, sizeof buffer, 0), ==, -1);
    hf_notify_relay_free(relay);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_notify_socket_that_is_missing_is_refused(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    SavedKit kit;

    saved_kit_begin(&kit);
    g_assert_null(hf_notify_relay_new_saved(context, saved_kit_read(&kit), "/host"));
    saved_kit_assert_wrong(&kit, "directory");
    saved_kit_end(&kit);
}

static const HfAttachLimits limits = {1024 * 1024, 60000, 128};
static const HfAttachHandlers server_handlers = {
    .on_input = fixture_on_input,
    .on_input_closed = fixture_on_input_closed,
    .on_congestion = fixture_on_congestion,
    .on_finished = fixture_on_finished,
    .on_dropped = fixture_on_dropped,
};

static void
send_numbers(ServerFixture *fixture, int from, int to)
{
    for (int i = from; i < to; i++)
        hf_attach_server_send(fixture->server, HF_STREAM_STDOUT, (const char *)&i, sizeof i);
}

static void
expect_numbers(ServerFixture *fixture, int fd, int from, int to)
{
    for (int i = from; i < to;) {
        char packet[1 + sizeof i];
        ssize_t n = read(fd, packet, sizeof packet);
        int number;

        settle_without_spinning(fixture->context);
        if (n < 0)
            continue;
        g_assert_cmpint(n, ==, sizeof packet);
        memcpy(&number, packet + 1, sizeof number);
        g_assert_cmpint(number, ==, i++);
    }
}

static void
test_clients_stay_with_what_waits_for_each(void)
{
    ServerFixture fixture;
    SavedKit kit;

    fixture_set_up_default(&fixture);
    hf_autofd first_fd = fixture_connect(&fixture);
    send_numbers(&fixture, 0, 1000);
    hf_autofd second_fd = fixture_connect(&fixture);
    send_numbers(&fixture, 1000, 3000);
    client_write(first_fd, "in", 2);
    hf_attach_server_set_input_paused(fixture.server, true);
    hf_autofd waiting_fd = fixture_connect_waiting(&fixture);
    saved_kit_begin(&kit);
    hf_attach_server_save(fixture.server, kit.writer);
    saved_kit_keep(&kit);
    hf_attach_server_free(fixture.server);
    fixture.server = hf_attach_server_new_saved(fixture.context, saved_kit_read(&kit), &limits,
                                                &server_handlers, &fixture);
    saved_kit_assert_right(&kit);
    g_assert_true(hf_attach_server_has_clients(fixture.server));
    settle_without_spinning(fixture.context);
    g_assert_cmpstr(fixture.input->str, ==, "");
    hf_attach_server_set_input_paused(fixture.server, false);
    settle_without_spinning(fixture.context);
    send_numbers(&fixture, 3000, 3100);

    g_assert_cmpstr(fixture.input->str, ==, "in");
    expect_numbers(&fixture, first_fd, 0, 3100);
    expect_numbers(&fixture, second_fd, 1000, 3100);
    expect_numbers(&fixture, waiting_fd, 3000, 3100);
    g_assert_cmpuint(fixture.n_dropped, ==, 0);
    fixture_tear_down(&fixture);
    saved_kit_end(&kit);
}

static void
test_clients_that_are_missing_are_refused(void)
{
    ServerFixture fixture;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SavedKit kit;

    fixture_set_up_default(&fixture);
    hf_attach_server_free(fixture.server);
    saved_kit_begin(&kit);
    hf_state_put_fd(kit.writer, "listener", fd);
    hf_state_put_number(kit.writer, "clients", 2);
    fixture.server = hf_attach_server_new_saved(fixture.context, saved_kit_read(&kit), &limits,
                                                &server_handlers, &fixture);

    saved_kit_assert_wrong(&kit, "client0");
    fixture_tear_down(&fixture);
    saved_kit_end(&kit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/attach/save/packets-that-wait-come-once-and-in-order",
                test_packets_that_wait_come_once_and_in_order);
    hf_test_add("/attach/save/packets-that-end-within-one-are-refused",
                test_packets_that_end_within_one_are_refused);
    hf_test_add("/attach/save/what-was-typed-is-written-once-and-then-the-end",
                test_what_was_typed_is_written_once_and_then_the_end);
    hf_test_add("/attach/save/a-state-of-stdin-that-there-is-not-is-refused",
                test_a_state_of_stdin_that_there_is_not_is_refused);
    hf_test_add("/attach/save/line-that-has-begun-is-gone-on-with",
                test_line_that_has_begun_is_gone_on_with);
    hf_test_add("/attach/save/line-that-is-too-long-or-has-no-fifo-is-refused",
                test_line_that_is_too_long_or_has_no_fifo_is_refused);
    hf_test_add("/attach/save/reader-that-is-paused-stays-so-and-loses-nothing",
                test_reader_that_is_paused_stays_so_and_loses_nothing);
    hf_test_add("/attach/save/reader-that-has-ended-stays-so", test_reader_that_has_ended_stays_so);
    hf_test_add("/attach/save/what-a-full-fifo-does-not-take-waits-on",
                test_what_a_full_fifo_does_not_take_waits_on);
    hf_test_add("/attach/save/writer-without-its-descriptor-is-refused",
                test_writer_without_its_descriptor_is_refused);
    hf_test_add("/attach/save/notify-socket-keeps-what-was-sent-to-it",
                test_notify_socket_keeps_what_was_sent_to_it);
    hf_test_add("/attach/save/notify-socket-that-is-missing-is-refused",
                test_notify_socket_that_is_missing_is_refused);
    hf_test_add("/attach/save/clients-stay-with-what-waits-for-each",
                test_clients_stay_with_what_waits_for_each);
    hf_test_add("/attach/save/clients-that-are-missing-are-refused",
                test_clients_that_are_missing_are_refused);
    return g_test_run();
}
