/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* holdfast-seccomp-agent: its policy file, what a runtime sends it, and the records that it writes
 * and `holdfast events` reads. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "fuzz.h"
#include "seccomp-agent/record-file.h"
#include "seccomp-agent/seccomp-peer.h"
#include "seccomp-agent/seccomp-policy.h"
#include "seccomp-agent/seccomp-records.h"
#include "seccomp-agent/seccomp-state.h"
#include "state/seccomp-record.h"

#define RECORDS_SIZE_MAX (1024 * 1024)
/* More than have a record each. */
#define CALLS_MAX 400

/* The filter's descriptor is one of those that belong to the state. */
void
fuzz_seccomp_state(const char *bytes, size_t length)
{
    g_auto(HfSeccompState) state = {0};
    g_autoptr(GError) error = NULL;

    if (!hf_seccomp_state_parse(bytes, length, &state, &error)) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_null(state.container_id);
        return;
    }
    g_assert_nonnull(state.container_id);
    g_assert_cmpuint(state.seccomp_fd, <, state.fd_count);
}

/* Any policy decides any call, a rule for all calls leaves nothing to the kernel's answer, and
 * nothing passes where nothing is allowed. */
void
fuzz_seccomp_policy(const char *bytes, size_t length)
{
    static const char *const calls[] = {"mkdir", "openat", "syscall_4711"};
    g_autoptr(GError) error = NULL;
    HfSeccompPolicy *policy = hf_seccomp_policy_parse(bytes, length, &error);
    bool may_pass = length > 0 && (memmem(bytes, length, "log", 3) != NULL ||
                                   memmem(bytes, length, "continue", 8) != NULL ||
                                   memmem(bytes, length, "\\", 1) != NULL);

    if (policy == NULL) {
        g_assert_true(g_error_matches(error, HF_ERROR, HF_ERROR_PROTOCOL) ||
                      g_error_matches(error, HF_ERROR, HF_ERROR_LIMIT));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return;
    }
    for (gint64 i = 0; i < 12; i++) {
        HfSeccompVerdict verdict =
            hf_seccomp_policy_decide(policy, calls[i % 3], 1 + i * 20 * G_USEC_PER_SEC);
        bool passes = verdict.action == HF_SECCOMP_LOG || verdict.action == HF_SECCOMP_CONTINUE;

        g_assert_nonnull(hf_seccomp_action_to_string(verdict.action));
        g_assert_true(may_pass || !passes);
        if (verdict.action == HF_SECCOMP_ERRNO || verdict.action == HF_SECCOMP_LIMITED)
            g_assert_cmpint(verdict.errnum, >, 0);
    }
    hf_seccomp_policy_free(policy);
}

typedef struct {
    bool is_done;
    bool is_taken;
    guint fd_count;
} Outcome;

static void
on_state(HfSeccompPeer *peer, const HfSeccompState *state, int take_fd, gpointer user_data)
{
    Outcome *self = user_data;

    g_assert_false(self->is_done);
    g_assert_nonnull(state->container_id);
    g_assert_cmpint(fcntl(take_fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    hf_close_fd(&take_fd);
    self->is_done = true;
    self->is_taken = true;
}

static void
on_refused(HfSeccompPeer *peer, const GError *error, gpointer user_data)
{
    Outcome *self = user_data;

    g_assert_false(self->is_done);
    g_assert_nonnull(error);
    self->is_done = true;
}

/* A piece of the message, with descriptors or without. FALSE: the agent has hung up. */
static bool
send_piece(int fd, HfFuzzInput *input, GString *sent, guint *fd_count)
{
    guint8 choice = hf_fuzz_take_byte(input);
    guint count = (choice & 0xc0) == 0 ? choice % 4 : (choice == 0xff ? 20 : 0);
    size_t length = 0;
    const char *bytes = hf_fuzz_take_bytes(input, hf_fuzz_take_byte(input) + 1u, &length);
    struct iovec part = {(void *)bytes, length};
    int fds[20];

    if (length == 0)
        return true;
    for (guint i = 0; i < count; i++)
        fds[i] = STDERR_FILENO;
    if (!hf_fuzz_send_fds(fd, &part, fds, count))
        return false;
    g_string_append_len(sent, bytes, (gssize)length);
    *fd_count += count;
    return true;
}

/* Whether what was sent is a state with its descriptors. */
static bool
is_good(const GString *sent, guint fd_count)
{
    g_auto(HfSeccompState) state = {0};

    return fd_count <= HF_SECCOMP_FDS_MAX &&
           hf_seccomp_state_parse(sent->str, sent->len, &state, NULL) && state.fd_count == fd_count;
}

/* However a message is cut, it has one outcome; a good one is taken, and all other descriptors are
 * closed. */
void
fuzz_seccomp_peer(const char *bytes, size_t length)
{
    static const HfSeccompPeerHandlers handlers = {on_state, on_refused};
    HfFuzzInput input = {bytes, length};
    int lowest = hf_fuzz_get_lowest_fd();
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GString) sent = g_string_new(NULL);
    Outcome outcome = {0};
    guint fd_count = 0;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
    HfSeccompPeer *peer = hf_seccomp_peer_new(context, fds[0], &handlers, &outcome);
    while (input.left > 0 && !outcome.is_done && send_piece(fds[1], &input, sent, &fd_count)) {
        if (sent->len % 3 != 0)
            (void)g_main_context_iteration(context, FALSE);
    }
    (void)shutdown(fds[1], SHUT_WR);
    hf_fuzz_wait(context, &outcome.is_done);
    g_assert_true(hf_seccomp_peer_is_done(peer));
    g_assert_true(outcome.is_taken || !is_good(sent, fd_count));
    hf_seccomp_peer_free(peer);
    hf_close_fd(&fds[1]);
    g_clear_pointer(&context, g_main_context_unref);
    g_assert_cmpint(hf_fuzz_get_lowest_fd(), ==, lowest);
}

/* What is printed of a record is harmless. */
void
fuzz_seccomp_record(const char *bytes, size_t length)
{
    g_auto(HfSeccompRecord) record = {0};
    g_autoptr(GError) error = NULL;

    if (!hf_seccomp_record_parse(bytes, length, &record, &error)) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        return;
    }
    g_assert_cmpuint(record.count, >, 0);
    g_assert_cmpuint(strlen(record.syscall), <=, HF_SECCOMP_RECORD_WORD_MAX);
    for (const char *at = record.syscall; *at != '\0'; at++)
        g_assert_true(g_ascii_isalnum(*at) || strchr("_-", *at) != NULL ||
                      strcmp(record.syscall, "*") == 0);
    for (const char *at = record.action; at != NULL && *at != '\0'; at++)
        g_assert_true(g_ascii_isalnum(*at) || strchr("_-", *at) != NULL);
}

static void
on_records_failed(const GError *error, gpointer user_data)
{
    g_assert_not_reached();
}

static void
add_call(HfSeccompRecords *records, HfFuzzInput *input)
{
    struct seccomp_data data = {0};
    size_t size = 0;
    guint8 choice = hf_fuzz_take_byte(input);
    const char *bytes = hf_fuzz_take_bytes(input, choice & 15, &size);
    HfSeccompVerdict verdict = {(HfSeccompAction)((choice >> 4) % (HF_SECCOMP_LIMITED + 1)), EPERM,
                                true};
    HfSeccompCall call;

    if (size > 0)
        memcpy(&data, bytes, size);
    if ((choice & 0x80) != 0)
        data.arch = 0xc000003e;
    hf_seccomp_call_init(&call, choice, &data);
    g_autofree char *name = hf_seccomp_call_dup_name(&call);
    g_autofree char *arch = hf_seccomp_call_dup_arch(&call);
    hf_seccomp_records_add(records, &call, name, arch, &verdict);
}

/* Whatever is called, `holdfast events` reads what is written of it, and each call is counted once.
 */
void
fuzz_seccomp_records(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "records", NULL);
    g_autofree char *text = NULL;
    guint64 told = 0;
    guint64 count = 0;

    (void)unlink(path);
    g_autoptr(HfRecordFile) file = hf_record_file_new(path, RECORDS_SIZE_MAX, NULL);
    g_assert_nonnull(file);
    g_autoptr(HfSeccompRecords) records =
        hf_seccomp_records_new(context, file, "a\"b\n", on_records_failed, NULL);
    for (; input.left > 0 && count < CALLS_MAX; count++)
        add_call(records, &input);
    hf_seccomp_records_flush(records);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        g_auto(HfSeccompRecord) record = {0};
        g_autoptr(GError) error = NULL;

        g_assert_true(hf_seccomp_record_parse(*line, strlen(*line), &record, &error));
        told += record.count;
    }
    g_assert_cmpuint(told, ==, count);
}
