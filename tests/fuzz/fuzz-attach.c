/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Both ends of an attach socket against another end that sends anything. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/attach-client.h"
#include "attach/attach-peer.h"
#include "attach/detach-keys.h"
#include "base/fd.h"
#include "fuzz.h"
#include "protocol/attach-frame.h"

#define SENT_MAX (64 * 1024)

static int
listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    (void)unlink(path);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(fd, 4), ==, 0);
    return fd;
}

typedef struct {
    HfAttachEnd end;
    bool has_ended;
} Client;

static void
on_finished(HfAttachEnd end, const GError *error, gpointer user_data)
{
    Client *self = user_data;

    g_assert_false(self->has_ended);
    g_assert_true((end == HF_ATTACH_FAILED) == (error != NULL));
    self->end = end;
    self->has_ended = true;
}

/* Sends the input as packets, each with its size before it. True if all are such as a monitor
 * sends; what of them a client has to print is appended to @expected. */
static bool
send_packets(int fd, HfFuzzInput input, GString **expected)
{
    bool are_good = true;

    while (input.left > 0) {
        guint limit = (hf_fuzz_take_byte(&input) & 1) != 0 ? 9000 : 40;
        size_t size = hf_fuzz_take_number(&input, limit);
        size_t there = 0;
        const char *part = hf_fuzz_take_bytes(&input, size, &there);
        g_autofree char *packet = g_malloc0(size + 1);

        if (there > 0)
            memcpy(packet, part, there);
        /* An empty packet is the end to who receives it. */
        if (size == 0 || send(fd, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return are_good;
        are_good = are_good && size <= HF_ATTACH_PACKET_MAX &&
                   (packet[0] == HF_ATTACH_STREAM_STDOUT || packet[0] == HF_ATTACH_STREAM_STDERR);
        if (are_good)
            g_string_append_len(expected[packet[0] == HF_ATTACH_STREAM_STDERR], packet + 1,
                                (gssize)size - 1);
    }
    return are_good;
}

static void
check_output(int fd, const GString *expected)
{
    g_autofree char *text = g_malloc0(expected->len + 2);

    g_assert_cmpint(pread(fd, text, expected->len + 1, 0), ==, expected->len);
    hf_fuzz_assert_same(text, expected->len, expected->str, expected->len);
}

/* What a client prints is what good packets held; the first bad one ends it with an error. */
void
fuzz_attach_client(const char *bytes, size_t length)
{
    static const HfAttachClientHandlers handlers = {.on_finished = on_finished};
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "attach", NULL);
    hf_autofd listen_fd = listen_at(path);
    hf_autofd out_fd = memfd_create("out", MFD_CLOEXEC);
    hf_autofd err_fd = memfd_create("err", MFD_CLOEXEC);
    g_autoptr(GMainContext) context = g_main_context_new();
    const HfAttachClientOptions options = {
        .socket_path = path, .input_fd = -1, .output_fds = {out_fd, err_fd}};
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GString) err = g_string_new(NULL);
    GString *expected[] = {out, err};
    Client client = {0};
    g_autoptr(HfAttachClient) self =
        hf_attach_client_new(context, &options, &handlers, &client, NULL);

    g_assert_nonnull(self);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    bool are_good = send_packets(fd, (HfFuzzInput){bytes, length}, expected);
    hf_close_fd(&fd);
    hf_fuzz_wait(context, &client.has_ended);
    g_assert_cmpint(client.end, ==, are_good ? HF_ATTACH_ENDED : HF_ATTACH_FAILED);
    check_output(out_fd, out);
    check_output(err_fd, err);
}

typedef struct {
    GString *input;
    bool has_ended;
    bool is_gone;
} Server;

static void
on_input(HfAttachPeer *peer, const char *bytes, size_t length, gpointer user_data)
{
    Server *self = user_data;

    g_assert_cmpuint(length, >, 0);
    g_string_append_len(self->input, bytes, (gssize)length);
}

static void
on_input_ended(HfAttachPeer *peer, gpointer user_data)
{
    Server *self = user_data;

    g_assert_false(self->has_ended);
    self->has_ended = true;
}

static void
on_progress(HfAttachPeer *peer, gpointer user_data)
{
}

static void
on_gone(HfAttachPeer *peer, const GError *reason, gpointer user_data)
{
    Server *self = user_data;

    g_assert_false(self->is_gone);
    self->is_gone = true;
}

/* Takes what there is; packets have to be such as docs/attach.md says. */
static void
take_packets(int fd, GString *output)
{
    char packet[HF_ATTACH_PACKET_MAX + 1];
    ssize_t size;

    while ((size = recv(fd, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        g_assert_cmpint(size, <=, HF_ATTACH_PACKET_MAX);
        g_assert_cmpint(packet[0], ==, HF_ATTACH_STREAM_STDOUT);
        g_string_append_len(output, packet + 1, size - 1);
    }
}

typedef struct {
    HfAttachPeer *peer;
    int fd; /* the client's; -1: it has left */
    GString *typed;
    GString *printed;
    GString *seen;
} Talk;

/* A step of the client or of the container. */
static void
step(Talk *self, HfFuzzInput *input)
{
    guint8 choice = hf_fuzz_take_byte(input);
    size_t size = 0;
    const char *part = hf_fuzz_take_bytes(input, hf_fuzz_take_byte(input), &size);

    if ((choice & 3) == 0 && size > 0 && self->typed->len < SENT_MAX &&
        send(self->fd, part, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        g_string_append_len(self->typed, part, (gssize)size);
    if ((choice & 3) == 1 && self->printed->len < SENT_MAX) {
        hf_attach_peer_send(self->peer, HF_STREAM_STDOUT, part, size);
        g_string_append_len(self->printed, part, (gssize)size);
    }
    if ((choice & 3) == 2)
        (void)send(self->fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT);
    if ((choice & 3) == 3)
        hf_attach_peer_set_input_paused(self->peer, (choice & 4) != 0);
    if ((choice & 8) != 0)
        take_packets(self->fd, self->seen);
}

/* What is typed arrives, what is printed arrives, and each end is told once. */
void
fuzz_attach_peer(const char *bytes, size_t length)
{
    static const HfAttachPeerHandlers handlers = {on_input, on_input_ended, on_progress, on_gone};
    HfFuzzInput input = {bytes, length};
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GString) received = g_string_new(NULL);
    g_autoptr(GString) typed = g_string_new(NULL);
    g_autoptr(GString) printed = g_string_new(NULL);
    g_autoptr(GString) seen = g_string_new(NULL);
    Server server = {.input = received};
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==,
                    0);
    Talk talk = {hf_attach_peer_new(context, fds[0], &handlers, &server), fds[1], typed, printed,
                 seen};
    while (input.left > 0) {
        step(&talk, &input);
        if (input.left % 3 == 0)
            (void)g_main_context_iteration(context, FALSE);
    }
    hf_attach_peer_set_input_paused(talk.peer, false);
    while (hf_attach_peer_get_pending(talk.peer) > 0) {
        take_packets(talk.fd, seen);
        (void)g_main_context_iteration(context, FALSE);
    }
    take_packets(talk.fd, seen);
    g_assert_cmpint(shutdown(talk.fd, SHUT_WR), ==, 0);
    hf_fuzz_wait(context, &server.has_ended);
    hf_close_fd(&talk.fd);
    hf_fuzz_wait(context, &server.is_gone);
    hf_attach_peer_free(talk.peer);
    hf_fuzz_assert_same(received->str, received->len, typed->str, typed->len);
    hf_fuzz_assert_same(seen->str, seen->len, printed->str, printed->len);
}

static bool
filter(HfDetachKeys *keys, const char *bytes, size_t length, GString *sent)
{
    g_autofree char *out = g_malloc(length + HF_DETACH_KEYS_MAX);
    size_t size = 0;
    bool were_typed = hf_detach_keys_filter(keys, bytes, length, out, &size);

    g_string_append_len(sent, out, (gssize)size);
    return were_typed;
}

/* However what is typed is cut, the same is sent and the keys count at the same place. */
void
fuzz_detach_keys(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autofree char *text = hf_fuzz_take_text(&input);
    HfDetachKeys keys = {0};
    g_autoptr(GString) sent = g_string_new(NULL);
    g_autoptr(GString) same = g_string_new(NULL);
    bool are_typed = false;

    if (!hf_detach_keys_parse(text, &keys, NULL))
        return;
    HfDetachKeys other = keys;
    bool were_typed = filter(&keys, input.at, input.left, sent);
    while (input.left > 0 && !are_typed) {
        size_t size = 0;
        const char *part = hf_fuzz_take_bytes(&input, 1, &size);

        are_typed = filter(&other, part, size, same);
    }
    g_assert_true(are_typed == were_typed);
    hf_fuzz_assert_same(same->str, same->len, sent->str, sent->len);
}
