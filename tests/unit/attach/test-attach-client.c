/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <signal.h>
#include <stdio.h>

#include <glib.h>

#include "attach/attach-client.h"
#include "client-fixture.h"

static void
test_both_streams_go_to_their_descriptors(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);

    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "out");
    monitor_sends_text(&fixture, HF_STREAM_STDERR, "err");
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "more");

    assert_program_got(&fixture, HF_STREAM_STDOUT, "outmore");
    assert_program_got(&fixture, HF_STREAM_STDERR, "err");
    client_tear_down(&fixture);
}

static void
test_output_without_a_descriptor_is_discarded(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    fixture.options.output_fds[HF_STREAM_STDERR] = -1;
    client_attach(&fixture);

    monitor_sends_text(&fixture, HF_STREAM_STDERR, "err");
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "out");

    assert_program_got(&fixture, HF_STREAM_STDOUT, "out");
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_connection_is_told_once(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_make(&fixture);
    g_assert_cmpuint(fixture.n_connected, ==, 0);

    settle_without_spinning(fixture.context);

    g_assert_cmpuint(fixture.n_connected, ==, 1);
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_quiet_client_sleeps(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    client_attach(&fixture);

    assert_asleep(fixture.context);

    client_tear_down(&fixture);
}

static void
test_input_is_sent_and_its_end_half_closes(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    write_input(&fixture, "typed");
    assert_monitor_got(&fixture, "typed");
    g_assert_false(fixture.has_input_ended);

    hf_close_fd(&fixture.input_fd);
    monitor_reads_all(&fixture);

    g_assert_true(fixture.has_input_ended);
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "late");
    assert_program_got(&fixture, HF_STREAM_STDOUT, "late");
    assert_asleep(fixture.context);
    client_tear_down(&fixture);
}

static void
test_client_without_input_does_not_half_close(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    fixture.options.input_fd = -1;
    client_attach(&fixture);

    monitor_reads_all(&fixture);

    g_assert_false(fixture.has_input_ended);
    client_tear_down(&fixture);
}

/* The monitor takes a packet only when the client can do nothing more. */
static void
test_all_input_is_sent_to_a_slow_monitor(void)
{
    gsize size = 3 * 1024 * 1024 + 17;
    g_autofree guint8 *bytes = g_malloc(size);
    g_autofree char *path = NULL;
    ClientFixture fixture;
    int fd;

    client_set_up(&fixture);
    path = g_build_filename(fixture.dir, "file", NULL);
    fill_pattern(bytes, size, 0);
    g_assert_true(g_file_set_contents(path, (const char *)bytes, (gssize)size, NULL));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    fixture.options.input_fd = fd;
    client_attach(&fixture);
    assert_asleep(fixture.context);

    monitor_reads_all(&fixture);

    g_assert_true(fixture.has_input_ended);
    g_assert_cmpmem(fixture.input->data, (int)fixture.input->len, bytes, (int)size);
    g_assert_cmpuint(fixture.largest_packet, <=, 32768);
    hf_close_fd(&fd);
    client_tear_down(&fixture);
}

static void
test_slow_output_makes_the_monitor_wait_and_loses_nothing(void)
{
    g_autofree guint8 *bytes = NULL;
    ClientFixture fixture;
    gsize sent = 0;

    client_set_up(&fixture);
    client_attach(&fixture);

    while (sent < 4 * 1024 * 1024) {
        sent = flood(&fixture, sent);
        assert_asleep(fixture.context);
        program_reads(&fixture, HF_STREAM_STDOUT);
        settle_without_spinning(fixture.context);
    }
    hf_close_fd(&fixture.monitor_fd);
    while (fixture.n_finished == 0) {
        settle_without_spinning(fixture.context);
        program_reads(&fixture, HF_STREAM_STDOUT);
    }

    assert_finished(&fixture, HF_ATTACH_ENDED);
    program_reads(&fixture, HF_STREAM_STDOUT);
    bytes = g_malloc(sent);
    fill_pattern(bytes, sent, 0);
    g_assert_cmpmem(fixture.outputs[HF_STREAM_STDOUT]->data,
                    (int)fixture.outputs[HF_STREAM_STDOUT]->len, bytes, (int)sent);
    client_tear_down(&fixture);
}

static void
test_end_of_the_connection_is_told(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "last");

    hf_close_fd(&fixture.monitor_fd);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_ENDED);
    assert_program_got(&fixture, HF_STREAM_STDOUT, "last");
    client_tear_down(&fixture);
}

/* The kernel resets the connection if the monitor leaves with something unread. */
static void
test_reset_connection_is_an_end(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    write_input(&fixture, "never read");

    hf_close_fd(&fixture.monitor_fd);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_ENDED);
    client_tear_down(&fixture);
}

static void
test_output_is_read_though_input_is_not_taken(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    g_assert_cmpint(shutdown(fixture.monitor_fd, SHUT_RD), ==, 0);

    write_input(&fixture, "to nobody");
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "still");

    assert_program_got(&fixture, HF_STREAM_STDOUT, "still");
    g_assert_cmpuint(fixture.n_finished, ==, 0);
    client_tear_down(&fixture);
}

static void
test_packet_that_is_too_large_fails(void)
{
    guint8 packet[HF_ATTACH_PACKET_MAX + 1] = {HF_ATTACH_STREAM_STDOUT};
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);

    g_assert_cmpint(send(fixture.monitor_fd, packet, sizeof packet, 0), ==, sizeof packet);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_FAILED);
    g_assert_error(fixture.error, HF_ERROR, HF_ERROR_PROTOCOL);
    client_tear_down(&fixture);
}

static void
test_largest_packet_is_taken(void)
{
    guint8 bytes[HF_ATTACH_PAYLOAD_MAX];
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    fill_pattern(bytes, sizeof bytes, 0);

    g_assert_true(monitor_sends(&fixture, HF_STREAM_STDOUT, bytes, sizeof bytes));
    settle_without_spinning(fixture.context);

    program_reads(&fixture, HF_STREAM_STDOUT);
    g_assert_cmpmem(fixture.outputs[HF_STREAM_STDOUT]->data,
                    (int)fixture.outputs[HF_STREAM_STDOUT]->len, bytes, (int)sizeof bytes);
    client_tear_down(&fixture);
}

static void
test_packet_for_an_unknown_stream_fails(void)
{
    static const guint8 streams[] = {0, 1, 4, 255};

    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        const guint8 packet[] = {streams[i], 'x'};
        ClientFixture fixture;

        client_set_up(&fixture);
        client_attach(&fixture);

        g_assert_cmpint(send(fixture.monitor_fd, packet, sizeof packet, 0), ==, sizeof packet);
        settle_without_spinning(fixture.context);

        assert_finished(&fixture, HF_ATTACH_FAILED);
        g_assert_error(fixture.error, HF_ERROR, HF_ERROR_PROTOCOL);
        client_tear_down(&fixture);
    }
}

static void
test_output_that_nobody_reads_fails(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    hf_close_fd(&fixture.output_fds[HF_STREAM_STDOUT]);

    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "x");

    assert_finished(&fixture, HF_ATTACH_FAILED);
    g_assert_error(fixture.error, G_FILE_ERROR, G_FILE_ERROR_PIPE);
    client_tear_down(&fixture);
}

static void
test_output_whose_reader_leaves_while_bytes_wait_fails(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    client_attach(&fixture);
    (void)flood(&fixture, 0);
    g_assert_cmpuint(fixture.n_finished, ==, 0);

    hf_close_fd(&fixture.output_fds[HF_STREAM_STDOUT]);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_FAILED);
    g_assert_error(fixture.error, G_FILE_ERROR, G_FILE_ERROR_PIPE);
    client_tear_down(&fixture);
}

static void
test_full_device_fails(void)
{
    ClientFixture fixture;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    client_set_up(&fixture);
    fixture.options.output_fds[HF_STREAM_STDOUT] = fd;
    client_attach(&fixture);

    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "x");

    assert_finished(&fixture, HF_ATTACH_FAILED);
    g_assert_error(fixture.error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    client_tear_down(&fixture);
    hf_close_fd(&fd);
}

static void
test_input_that_is_a_directory_fails(void)
{
    ClientFixture fixture;
    int fd;

    client_set_up(&fixture);
    fd = open(fixture.dir, O_RDONLY | O_CLOEXEC);
    fixture.options.input_fd = fd;
    client_attach(&fixture);

    hf_test_wait(fixture.context, "the failure", client_has_finished, &fixture);

    assert_finished(&fixture, HF_ATTACH_FAILED);
    g_assert_error(fixture.error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    client_tear_down(&fixture);
    hf_close_fd(&fd);
}

static void
assert_not_made(const HfAttachClientOptions *options, GQuark domain, int code)
{
    static const HfAttachClientHandlers handlers = {.on_finished = client_on_finished};
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_attach_client_new(NULL, options, &handlers, NULL, &error));

    g_assert_error(error, domain, code);
}

static void
test_no_socket_is_an_error(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    g_assert_cmpint(unlink(fixture.path), ==, 0);

    assert_not_made(&fixture.options, G_FILE_ERROR, G_FILE_ERROR_NOENT);

    client_tear_down(&fixture);
}

static void
test_no_directory_is_an_error(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    fixture.options.socket_path = "/no/such/directory/attach";

    assert_not_made(&fixture.options, G_FILE_ERROR, G_FILE_ERROR_NOENT);

    client_tear_down(&fixture);
}

static void
test_socket_that_nobody_listens_on_is_an_error(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    hf_close_fd(&fixture.listen_fd);

    assert_not_made(&fixture.options, G_FILE_ERROR, (int)g_file_error_from_errno(ECONNREFUSED));

    client_tear_down(&fixture);
}

static void
test_detach_keys_that_are_none_are_an_error(void)
{
    ClientFixture fixture;

    client_set_up(&fixture);
    fixture.options.detach_keys = "ctrl-1";

    assert_not_made(&fixture.options, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);

    client_tear_down(&fixture);
}

static void
test_path_longer_than_an_address_is_reached(void)
{
    ClientFixture fixture;
    g_autofree char *name = g_strnfill(200, 'd');
    g_autofree char *dir = NULL;
    g_autofree char *path = NULL;

    client_set_up(&fixture);
    dir = g_build_filename(fixture.dir, name, NULL);
    path = g_build_filename(dir, "attach", NULL);
    g_assert_cmpint(mkdir(dir, 0700), ==, 0);
    g_assert_cmpint(rename(fixture.path, path), ==, 0);
    fixture.options.socket_path = path;

    client_attach(&fixture);
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "far");

    assert_program_got(&fixture, HF_STREAM_STDOUT, "far");
    client_tear_down(&fixture);
}

static bool
is_connected(gpointer user_data)
{
    return ((ClientFixture *)user_data)->n_connected > 0;
}

/* Connects until one more would have to wait; accepts none. Returns how many there are. */
static int
fill_backlog(const ClientFixture *self, int *fds, int size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_assert_cmpuint(g_strlcpy(address.sun_path, self->path, sizeof address.sun_path), <,
                     sizeof address.sun_path);
    g_assert_cmpint(listen(self->listen_fd, 1), ==, 0);
    for (int i = 0; i < size; i++) {
        fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(fds[i], (const struct sockaddr *)&address, sizeof address) < 0) {
            g_assert_cmpint(errno, ==, EAGAIN);
            hf_close_fd(&fds[i]);
            return i;
        }
    }
    g_assert_not_reached();
}

static void
test_busy_monitor_is_waited_for(void)
{
    ClientFixture fixture;
    int fds[10];
    int count;

    client_set_up(&fixture);
    count = fill_backlog(&fixture, fds, G_N_ELEMENTS(fds));
    client_make(&fixture);
    settle_without_spinning(fixture.context);
    g_assert_cmpuint(fixture.n_connected, ==, 0);

    for (int i = 0; i < count; i++) {
        int accepted = accept4(fixture.listen_fd, NULL, NULL, SOCK_CLOEXEC);

        hf_close_fd(&accepted);
        hf_close_fd(&fds[i]);
    }
    hf_test_wait(fixture.context, "the connection", is_connected, &fixture);

    client_accept(&fixture);
    monitor_sends_text(&fixture, HF_STREAM_STDOUT, "hello");
    assert_program_got(&fixture, HF_STREAM_STDOUT, "hello");
    client_tear_down(&fixture);
}

static void
test_detach_before_the_connection_detaches(void)
{
    ClientFixture fixture;
    int fds[10];
    int count;

    client_set_up(&fixture);
    client_use_terminal(&fixture);
    count = fill_backlog(&fixture, fds, G_N_ELEMENTS(fds));
    client_make(&fixture);

    hf_attach_client_detach(fixture.client);
    settle_without_spinning(fixture.context);

    assert_finished(&fixture, HF_ATTACH_DETACHED);
    g_assert_cmpuint(fixture.n_connected, ==, 0);
    g_assert_true(terminal_is_as_before(&fixture.terminal));
    for (int i = 0; i < count; i++)
        hf_close_fd(&fds[i]);
    client_tear_down(&fixture);
}

#define ADD(name, function) hf_test_add("/attach/attach-client/" name, function)

static void
add_tests_of_streams(void)
{
    ADD("both-streams-go-to-their-descriptors", test_both_streams_go_to_their_descriptors);
    ADD("output-without-a-descriptor-is-discarded", test_output_without_a_descriptor_is_discarded);
    ADD("connection-is-told-once", test_connection_is_told_once);
    ADD("quiet-client-sleeps", test_quiet_client_sleeps);
    ADD("input-is-sent-and-its-end-half-closes", test_input_is_sent_and_its_end_half_closes);
    ADD("client-without-input-does-not-half-close", test_client_without_input_does_not_half_close);
    ADD("all-input-is-sent-to-a-slow-monitor", test_all_input_is_sent_to_a_slow_monitor);
    ADD("slow-output-makes-the-monitor-wait-and-loses-nothing",
        test_slow_output_makes_the_monitor_wait_and_loses_nothing);
    ADD("end-of-the-connection-is-told", test_end_of_the_connection_is_told);
    ADD("reset-connection-is-an-end", test_reset_connection_is_an_end);
    ADD("output-is-read-though-input-is-not-taken", test_output_is_read_though_input_is_not_taken);
    ADD("packet-that-is-too-large-fails", test_packet_that_is_too_large_fails);
    ADD("largest-packet-is-taken", test_largest_packet_is_taken);
    ADD("packet-for-an-unknown-stream-fails", test_packet_for_an_unknown_stream_fails);
    ADD("output-that-nobody-reads-fails", test_output_that_nobody_reads_fails);
    ADD("output-whose-reader-leaves-while-bytes-wait-fails",
        test_output_whose_reader_leaves_while_bytes_wait_fails);
    ADD("full-device-fails", test_full_device_fails);
    ADD("input-that-is-a-directory-fails", test_input_that_is_a_directory_fails);
}

static void
add_tests_of_connecting(void)
{
    ADD("no-socket-is-an-error", test_no_socket_is_an_error);
    ADD("no-directory-is-an-error", test_no_directory_is_an_error);
    ADD("socket-that-nobody-listens-on-is-an-error",
        test_socket_that_nobody_listens_on_is_an_error);
    ADD("detach-keys-that-are-none-are-an-error", test_detach_keys_that_are_none_are_an_error);
    ADD("path-longer-than-an-address-is-reached", test_path_longer_than_an_address_is_reached);
    ADD("busy-monitor-is-waited-for", test_busy_monitor_is_waited_for);
    ADD("detach-before-the-connection-detaches", test_detach_before_the_connection_detaches);
}

int
main(int argc, char **argv)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)sigaction(SIGPIPE, &ignore, NULL);
    g_test_init(&argc, &argv, NULL);
    add_tests_of_streams();
    add_tests_of_connecting();
    return g_test_run();
}
