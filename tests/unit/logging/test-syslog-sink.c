/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/saved-state.h"
#include "logging/syslog-sink.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    char *address;
    int server_fd;
    HfLogSink *sink;
} Fixture;

static void
open_sink(Fixture *fixture)
{
    HfSyslogOptions options = {
        .address = fixture->address,
        .container_id = "0123456789abcdef",
        .container_name = "my ctr",
        .is_utc = true,
    };
    g_autoptr(GError) error = NULL;

    fixture->sink = hf_syslog_sink_new(&options, &error);
    g_assert_no_error(error);
}

static Fixture
set_up_inet(int type, const char *scheme)
{
    Fixture fixture = {.dir = hf_test_make_dir()};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fixture.server_fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_no_errno(bind(fixture.server_fd, (const struct sockaddr *)&address, length));
    if (type == SOCK_STREAM)
        g_assert_no_errno(listen(fixture.server_fd, 4));
    g_assert_no_errno(getsockname(fixture.server_fd, (struct sockaddr *)&address, &length));
    fixture.address = g_strdup_printf("%s://127.0.0.1:%u", scheme, ntohs(address.sin_port));
    open_sink(&fixture);
    return fixture;
}

static Fixture
set_up_unix(void)
{
    Fixture fixture = {.dir = hf_test_make_dir()};
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_snprintf(address.sun_path, sizeof address.sun_path, "%s/log", fixture.dir);
    fixture.server_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_no_errno(bind(fixture.server_fd, (const struct sockaddr *)&address, sizeof address));
    fixture.address = g_strdup_printf("unix://%s", address.sun_path);
    open_sink(&fixture);
    return fixture;
}

static void
tear_down(Fixture *fixture)
{
    hf_log_sink_free(fixture->sink);
    hf_close_fd(&fixture->server_fd);
    g_free(fixture->address);
    hf_test_remove_dir(fixture->dir);
}

static void
append(Fixture *fixture, HfStream stream, const char *text)
{
    HfLogRecord record = {
        .stream = stream,
        .bytes = text,
        .length = strlen(text),
        .time = {.tv_sec = 1795407637, .tv_nsec = 123456789},
    };

    fixture->sink->klass->append(fixture->sink, &record);
}

static HfIoResult
flush(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    return fixture->sink->klass->flush(fixture->sink, &error);
}

static bool
is_flushed(gpointer user_data)
{
    return flush(user_data) == HF_IO_DATA;
}

/* What is expected for "one" on stdout. (transfer full) */
static char *
make_message(const char *priority, const char *stream, const char *text)
{
    char host[256] = "";

    (void)gethostname(host, sizeof host - 1);
    return g_strdup_printf("<%s>1 2026-11-23T04:20:37.123456Z %s my_ctr 0123456789ab %s - %s",
                           priority, host, stream, text);
}

/* (transfer full) (nullable) */
static char *
receive(int fd)
{
    g_autofree char *buffer = g_malloc0(128 * 1024);
    ssize_t n = recv(fd, buffer, 128 * 1024 - 1, MSG_DONTWAIT);

    return n < 0 ? NULL : g_strndup(buffer, (gsize)n);
}

typedef struct {
    int fd;
    char *text;
} Received;

static bool
has_received(gpointer user_data)
{
    Received *received = user_data;

    received->text = receive(received->fd);
    return received->text != NULL;
}

static char *
wait_for_message(int fd)
{
    Received received = {.fd = fd};

    hf_test_wait(NULL, "a message", has_received, &received);
    return received.text;
}

static void
test_local_messages_are_rfc_5424(void)
{
    Fixture fixture = set_up_unix();
    g_autofree char *expected_out = make_message("30", "stdout", "one");
    g_autofree char *expected_err = make_message("27", "stderr", "two");

    append(&fixture, HF_STREAM_STDOUT, "one");
    append(&fixture, HF_STREAM_STDERR, "two");
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    g_autofree char *first = receive(fixture.server_fd);
    g_autofree char *second = receive(fixture.server_fd);
    g_assert_cmpstr(first, ==, expected_out);
    g_assert_cmpstr(second, ==, expected_err);
    tear_down(&fixture);
}

static void
test_udp_messages_arrive(void)
{
    Fixture fixture = set_up_inet(SOCK_DGRAM, "udp");
    g_autofree char *expected = make_message("30", "stdout", "one");

    append(&fixture, HF_STREAM_STDOUT, "one");
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    g_autofree char *message = wait_for_message(fixture.server_fd);
    g_assert_cmpstr(message, ==, expected);
    tear_down(&fixture);
}

static void
test_udp_without_a_listener_is_no_failure(void)
{
    Fixture fixture = set_up_inet(SOCK_DGRAM, "udp");

    hf_close_fd(&fixture.server_fd);
    for (guint i = 0; i < 5; i++) {
        append(&fixture, HF_STREAM_STDOUT, "one");
        g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);
    }

    tear_down(&fixture);
}

static bool
has_connection(gpointer user_data)
{
    int *fds = user_data;

    fds[1] = accept4(fds[0], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return fds[1] >= 0;
}

static int
accept_connection(Fixture *fixture)
{
    int fds[2] = {fixture->server_fd, -1};

    hf_test_wait(NULL, "a connection", has_connection, fds);
    return fds[1];
}

static void
test_tcp_messages_are_counted(void)
{
    Fixture fixture = set_up_inet(SOCK_STREAM, "tcp");
    g_autofree char *message = make_message("30", "stdout", "one");
    g_autofree char *expected = g_strdup_printf("%zu %s", strlen(message), message);

    append(&fixture, HF_STREAM_STDOUT, "one");
    hf_test_wait(NULL, "the flush", is_flushed, &fixture);

    hf_autofd connection = accept_connection(&fixture);
    g_autofree char *received = wait_for_message(connection);
    g_assert_cmpstr(received, ==, expected);
    tear_down(&fixture);
}

static void
test_tcp_server_that_left_is_found_again(void)
{
    Fixture fixture = set_up_inet(SOCK_STREAM, "tcp");

    append(&fixture, HF_STREAM_STDOUT, "one");
    hf_test_wait(NULL, "the flush", is_flushed, &fixture);
    hf_autofd first = accept_connection(&fixture);
    hf_close_fd(&first);
    append(&fixture, HF_STREAM_STDOUT, "two");
    hf_test_wait(NULL, "the second flush", is_flushed, &fixture);

    hf_autofd second = accept_connection(&fixture);
    g_autofree char *received = wait_for_message(second);
    g_assert_true(g_str_has_suffix(received, " - two"));
    tear_down(&fixture);
}

static void
test_tcp_server_that_does_not_read_makes_records_wait(void)
{
    Fixture fixture = set_up_inet(SOCK_STREAM, "tcp");
    g_autofree char *text = g_strnfill(10000, 'x');
    GString *all = g_string_new(NULL);
    guint count = 0;

    append(&fixture, HF_STREAM_STDOUT, "first");
    hf_test_wait(NULL, "the flush", is_flushed, &fixture);
    hf_autofd connection = accept_connection(&fixture);
    do {
        append(&fixture, HF_STREAM_STDOUT, text);
        count++;
    } while (flush(&fixture) == HF_IO_DATA);
    g_assert_false(fixture.sink->klass->is_lossy(fixture.sink));
    while (!is_flushed(&fixture)) {
        g_autofree char *part = receive(connection);
        g_string_append(all, part != NULL ? part : "");
    }
    g_assert_no_errno(shutdown(connection, SHUT_WR));
    hf_log_sink_free(g_steal_pointer(&fixture.sink));
    for (;;) {
        g_autofree char *part = wait_for_message(connection);
        if (part[0] == '\0')
            break;
        g_string_append(all, part);
    }

    guint found = 0;
    for (char *at = all->str; (at = strstr(at, text)) != NULL; at += strlen(text))
        found++;
    g_assert_cmpuint(found, ==, count);
    g_string_free(all, TRUE);
    tear_down(&fixture);
}

/* Whole messages, each with its length before it, of which the last may be cut short. Returns how
 * many there are that begin as @start has it. */
static guint
check_messages(const char *text, const char *start)
{
    size_t left = strlen(text);
    guint count = 0;

    while (left > 0) {
        char *end = NULL;
        size_t length = (size_t)g_ascii_strtoull(text, &end, 10);

        left -= (size_t)(end - text);
        if (left == 0)
            break;
        g_assert_true(end > text && end[0] == ' ');
        g_assert_true(left == 1 || end[1] == '<');
        length = MIN(length + 1, left);
        text = end + length;
        left -= length;
        count += g_strstr_len(end, (gssize)length, start) != NULL ? 1 : 0;
    }
    return count;
}

/* What comes until the other end has closed it. (transfer full) */
static char *
read_all(int connection)
{
    GString *all = g_string_new(NULL);

    for (;;) {
        g_autofree char *part = wait_for_message(connection);

        if (part[0] == '\0')
            return g_string_free(all, FALSE);
        g_string_append(all, part);
    }
}

static bool
is_flushed_without_failure(gpointer user_data)
{
    HfIoResult result = flush(user_data);

    g_assert_cmpint(result, !=, HF_IO_FAILED);
    return result == HF_IO_DATA;
}

static void
test_records_dropped_within_a_message_leave_whole_messages(void)
{
    Fixture fixture = set_up_inet(SOCK_STREAM, "tcp");
    g_autofree char *text = g_strnfill(50000, 'x');

    append(&fixture, HF_STREAM_STDOUT, "first");
    hf_test_wait(NULL, "the flush", is_flushed, &fixture);
    hf_autofd connection = accept_connection(&fixture);
    do
        append(&fixture, HF_STREAM_STDOUT, text);
    while (flush(&fixture) == HF_IO_DATA);

    fixture.sink->klass->drop_pending(fixture.sink);
    append(&fixture, HF_STREAM_STDOUT, "last");
    hf_test_wait(NULL, "the flush", is_flushed_without_failure, &fixture);
    hf_autofd second = accept_connection(&fixture);
    hf_log_sink_free(g_steal_pointer(&fixture.sink));

    g_autofree char *before = read_all(connection);
    g_autofree char *after = read_all(second);
    (void)check_messages(before, "first");
    g_assert_cmpuint(check_messages(after, " were not logged: "), ==, 1);
    g_assert_cmpuint(check_messages(after, " - last"), ==, 1);
    tear_down(&fixture);
}

/* What a sink makes of a message of 3 bytes of which @sent were sent. */
static bool
is_restored(int sent)
{
    const guint64 record[] = {1, 3, 3, 0};
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    g_autoptr(HfStateReader) reader = NULL;
    HfSyslogOptions options = {.address = "tcp://127.0.0.1:1", .container_id = "ctr"};

    hf_state_put_number(writer, "sent", sent);
    hf_state_put_bytes(writer, "records", record, 3 * sizeof record[0] + 3);
    hf_autofd fd = hf_state_writer_finish(writer, NULL);
    reader = hf_state_reader_new_from_fd(fd, NULL);
    options.saved = reader;
    hf_log_sink_free(hf_syslog_sink_new(&options, NULL));
    return hf_state_reader_check(reader, NULL);
}

static void
test_more_was_sent_than_a_message_has_is_no_state(void)
{
    g_assert_true(is_restored(0));
    g_assert_true(is_restored(2));
    g_assert_false(is_restored(3));
    g_assert_false(is_restored(100));
}

static void
test_missing_system_log_is_a_failure_that_keeps_records(void)
{
    Fixture fixture = {.dir = hf_test_make_dir(), .server_fd = -1};
    g_autoptr(GError) error = NULL;

    fixture.address = g_strdup_printf("unix://%s/none", fixture.dir);
    open_sink(&fixture);
    append(&fixture, HF_STREAM_STDOUT, "one");
    HfIoResult result = fixture.sink->klass->flush(fixture.sink, &error);

    g_assert_cmpint(result, ==, HF_IO_FAILED);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpuint(fixture.sink->klass->get_pending(fixture.sink), >, 0);
    tear_down(&fixture);
}

static void
test_dropped_records_are_told_of(void)
{
    Fixture fixture = set_up_unix();

    append(&fixture, HF_STREAM_STDOUT, "one");
    append(&fixture, HF_STREAM_STDOUT, "three");
    fixture.sink->klass->drop_pending(fixture.sink);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    g_autofree char *message = receive(fixture.server_fd);
    g_assert_nonnull(strstr(message, "holdfast: 8 bytes in 2 records were not logged: "));
    tear_down(&fixture);
}

static void
test_long_record_is_split(void)
{
    Fixture fixture = set_up_unix();
    g_autofree char *text = g_strnfill(100000, 'x');

    append(&fixture, HF_STREAM_STDOUT, text);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    g_autofree char *first = receive(fixture.server_fd);
    g_autofree char *second = receive(fixture.server_fd);
    g_autofree char *all = g_strconcat(strstr(first, " - ") + 3, strstr(second, " - ") + 3, NULL);
    g_assert_cmpstr(all, ==, text);
    tear_down(&fixture);
}

static void
test_bad_addresses_are_refused(void)
{
    static const char *const addresses[] = {
        "/dev/log",          "unix://relative",       "udp://127.0.0.1",
        "udp://127.0.0.1:0", "udp://127.0.0.1:65536", "tcp://name.example:514",
        "tcp://:514",        "http://127.0.0.1:1",    "tcp://[::1:514",
        "udp://127.0.0.1:x",
    };

    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        HfSyslogOptions options = {.address = addresses[i], .container_id = "id"};
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_syslog_sink_new(&options, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_good_addresses_are_taken(void)
{
    static const char *const addresses[] = {"", "unix:///x", "udp://localhost:514",
                                            "tcp://[::1]:514", "tcp://10.0.0.1:6514"};

    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        HfSyslogOptions options = {.address = addresses[i], .container_id = "id"};
        g_autoptr(GError) error = NULL;
        g_autoptr(HfLogSink) sink = hf_syslog_sink_new(&options, &error);

        g_assert_no_error(error);
        g_assert_nonnull(sink);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/syslog-sink/" name, function)
    ADD("local-messages-are-rfc-5424", test_local_messages_are_rfc_5424);
    ADD("udp-messages-arrive", test_udp_messages_arrive);
    ADD("udp-without-a-listener-is-no-failure", test_udp_without_a_listener_is_no_failure);
    ADD("tcp-messages-are-counted", test_tcp_messages_are_counted);
    ADD("tcp-server-that-left-is-found-again", test_tcp_server_that_left_is_found_again);
    ADD("tcp-server-that-does-not-read-makes-records-wait",
        test_tcp_server_that_does_not_read_makes_records_wait);
    ADD("more-was-sent-than-a-message-has-is-no-state",
        test_more_was_sent_than_a_message_has_is_no_state);
    ADD("records-dropped-within-a-message-leave-whole-messages",
        test_records_dropped_within_a_message_leave_whole_messages);
    ADD("missing-system-log-is-a-failure-that-keeps-records",
        test_missing_system_log_is_a_failure_that_keeps_records);
    ADD("dropped-records-are-told-of", test_dropped_records_are_told_of);
    ADD("long-record-is-split", test_long_record_is_split);
    ADD("bad-addresses-are-refused", test_bad_addresses_are_refused);
    ADD("good-addresses-are-taken", test_good_addresses_are_taken);
    return g_test_run();
}
