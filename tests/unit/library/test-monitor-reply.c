/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/monitor-reply.h"
#include "protocol/sync-message.h"
#include "test-kit.h"

#define SOON_US (20 * 1000)
#define LONG_US (60 * G_USEC_PER_SEC)

static void
test_lines_are_understood(void)
{
    static const struct {
        const char *line;
        HfMonitorReplyKind kind;
        int pid;
        const char *message;
    } cases[] = {
        {"{\"data\": 12}\n", HF_MONITOR_REPLY_STARTED, 12, NULL},
        {"{\"data\":2147483647}", HF_MONITOR_REPLY_STARTED, 2147483647, NULL},
        {"{\"data\": -1}\n", HF_MONITOR_REPLY_FAILED, 0, NULL},
        {"{\"data\": -1, \"message\": \"no\\n\"}\n", HF_MONITOR_REPLY_FAILED, 0, "no"},
        {"{\"data\": -1, \"message\": 3}\n", HF_MONITOR_REPLY_FAILED, 0, NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
        g_autoptr(GError) error = NULL;

        g_assert_true(hf_monitor_reply_parse(cases[i].line, strlen(cases[i].line), &reply, &error));

        g_assert_no_error(error);
        g_assert_cmpint(reply.kind, ==, cases[i].kind);
        g_assert_cmpint(reply.pid, ==, cases[i].pid);
        g_assert_cmpstr(reply.message, ==, cases[i].message);
    }
}

static void
test_what_the_monitor_says_of_any_bytes_is_understood(void)
{
    static const char words[] = "a\0b\n\xff\x1b[31m";
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    g_autoptr(GError) error = NULL;
    size_t length = 0;
    g_autofree char *line =
        hf_sync_message_format(HF_SYNC_KEY_DATA, -1, words, sizeof words - 1, &length);

    g_assert_true(hf_monitor_reply_parse(line, length, &reply, &error));

    g_assert_no_error(error);
    g_assert_cmpint(reply.kind, ==, HF_MONITOR_REPLY_FAILED);
    g_assert_cmpstr(reply.message, ==, "a\xEF\xBF\xBD\x62\n\xEF\xBF\xBD\x1b[31m");
}

static void
test_nonsense_is_refused(void)
{
    static const char *const lines[] = {
        "{\"data\": 0}\n",
        "{\"data\": 2147483648}\n",
        "{\"data\": 1.5}\n",
        "{\"data\": \"1\"}\n",
        "{\"pid\": 1}\n",
        "{\"data\": 1",
        "[1]\n",
        "\n",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_monitor_reply_parse(lines[i], strlen(lines[i]), &reply, &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    }
}

typedef struct {
    int read_fd;
    int write_fd;
} Pipe;

static void
pipe_set_up(Pipe *self)
{
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
    self->read_fd = fds[0];
    self->write_fd = fds[1];
}

static void
pipe_tear_down(Pipe *self)
{
    hf_close_fd(&self->read_fd);
    hf_close_fd(&self->write_fd);
}

static void
say(const Pipe *self, const char *text)
{
    g_assert_cmpint(write(self->write_fd, text, strlen(text)), ==, (gssize)strlen(text));
}

static gboolean
read_reply(const Pipe *self, gint64 timeout_us, GCancellable *cancellable, HfMonitorReply *reply,
           GError **error)
{
    return hf_monitor_reply_read(self->read_fd, g_get_monotonic_time() + timeout_us, cancellable,
                                 reply, error);
}

static gpointer
say_the_rest(gpointer data)
{
    say(data, "ta\": 5}\n");
    return NULL;
}

static void
test_line_in_two_writes_is_one(void)
{
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    g_autoptr(GError) error = NULL;
    Pipe pipe;
    pipe_set_up(&pipe);
    say(&pipe, "{\"da");
    GThread *thread = g_thread_new("rest", say_the_rest, &pipe);

    g_assert_true(read_reply(&pipe, LONG_US, NULL, &reply, &error));

    g_thread_join(thread);
    g_assert_no_error(error);
    g_assert_cmpint(reply.pid, ==, 5);
    pipe_tear_down(&pipe);
}

/* An exec that ends at once. */
static void
test_second_line_is_left_alone(void)
{
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    g_autoptr(GError) error = NULL;
    Pipe pipe;
    pipe_set_up(&pipe);
    say(&pipe, "{\"data\": 5}\n{\"data\": 8}\n");

    g_assert_true(read_reply(&pipe, LONG_US, NULL, &reply, &error));

    g_assert_no_error(error);
    g_assert_cmpint(reply.pid, ==, 5);
    pipe_tear_down(&pipe);
}

static void
test_end_without_a_line_is_no_reply(void)
{
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_STARTED, 0, NULL};
    g_autoptr(GError) error = NULL;
    Pipe pipe;
    pipe_set_up(&pipe);
    hf_close_fd(&pipe.write_fd);

    g_assert_true(read_reply(&pipe, LONG_US, NULL, &reply, &error));

    g_assert_cmpint(reply.kind, ==, HF_MONITOR_REPLY_NONE);
    pipe_tear_down(&pipe);
}

static void
test_silence_has_a_limit(void)
{
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    g_autoptr(GError) error = NULL;
    Pipe pipe;
    pipe_set_up(&pipe);
    say(&pipe, "{\"data\"");

    g_assert_false(read_reply(&pipe, SOON_US, NULL, &reply, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_START_TIMED_OUT);
    pipe_tear_down(&pipe);
}

static gpointer
cancel(gpointer data)
{
    g_cancellable_cancel(data);
    return NULL;
}

static void
test_silence_can_be_cancelled(void)
{
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Pipe pipe;
    pipe_set_up(&pipe);
    GThread *thread = g_thread_new("cancel", cancel, cancellable);

    g_assert_false(read_reply(&pipe, LONG_US, cancellable, &reply, &error));

    g_thread_join(thread);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    pipe_tear_down(&pipe);
}

static void
test_endless_line_is_refused(void)
{
    g_auto(HfMonitorReply) reply = {HF_MONITOR_REPLY_NONE, 0, NULL};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(HF_SYNC_MESSAGE_MAX + 2048, 'x');
    Pipe pipe;
    pipe_set_up(&pipe);
    say(&pipe, text);

    g_assert_false(read_reply(&pipe, LONG_US, NULL, &reply, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    pipe_tear_down(&pipe);
}

static void
test_error_is_of_who_knows(void)
{
    static const struct {
        HfMonitorReplyKind kind;
        const char *message;
        const char *runtime_log;
        const char *monitor_log;
        int code;
        const char *text;
    } cases[] = {
        {HF_MONITOR_REPLY_FAILED, "said", "{\"level\":\"error\",\"msg\":\"of the runtime\"}\n",
         "{\"level\":\"error\",\"msg\":\"of the monitor\"}\n", HF_ERROR_RUNTIME_FAILED,
         "of the runtime"},
        {HF_MONITOR_REPLY_NONE, NULL, "{\"level\":\"error\",\"msg\":\"of the runtime\"}\n", NULL,
         HF_ERROR_RUNTIME_FAILED, "of the runtime"},
        {HF_MONITOR_REPLY_FAILED, "said", "", "{\"level\":\"error\",\"msg\":\"of the monitor\"}\n",
         HF_ERROR_RUNTIME_FAILED, "said"},
        {HF_MONITOR_REPLY_FAILED, "said", NULL, "{\"level\":\"error\",\"msg\":\"longer\"}\n",
         HF_ERROR_MONITOR_EXITED, "said"},
        {HF_MONITOR_REPLY_NONE, NULL, NULL, "{\"level\":\"error\",\"msg\":\"of the monitor\"}\n",
         HF_ERROR_MONITOR_EXITED, "of the monitor"},
        {HF_MONITOR_REPLY_NONE, NULL, "", "{\"level\":\"warning\",\"msg\":\"minor\"}\n",
         HF_ERROR_MONITOR_EXITED, "the monitor ended without a word"},
        {HF_MONITOR_REPLY_FAILED, "", NULL, NULL, HF_ERROR_CONTAINER_NOT_STARTED,
         "there is no process, and nobody said why"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const HfMonitorReply reply = {cases[i].kind, -1, (char *)cases[i].message};
        g_autoptr(GError) error = NULL;

        g_assert_false(
            hf_monitor_reply_throw(&reply, cases[i].runtime_log, cases[i].monitor_log, &error));

        g_assert_error(error, HF_ERROR, cases[i].code);
        g_assert_cmpstr(error->message, ==, cases[i].text);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/library/monitor-reply/lines-are-understood", test_lines_are_understood);
    hf_test_add("/library/monitor-reply/what-the-monitor-says-of-any-bytes-is-understood",
                test_what_the_monitor_says_of_any_bytes_is_understood);
    hf_test_add("/library/monitor-reply/nonsense-is-refused", test_nonsense_is_refused);
    hf_test_add("/library/monitor-reply/line-in-two-writes-is-one", test_line_in_two_writes_is_one);
    hf_test_add("/library/monitor-reply/second-line-is-left-alone", test_second_line_is_left_alone);
    hf_test_add("/library/monitor-reply/end-without-a-line-is-no-reply",
                test_end_without_a_line_is_no_reply);
    hf_test_add("/library/monitor-reply/silence-has-a-limit", test_silence_has_a_limit);
    hf_test_add("/library/monitor-reply/silence-can-be-cancelled", test_silence_can_be_cancelled);
    hf_test_add("/library/monitor-reply/endless-line-is-refused", test_endless_line_is_refused);
    hf_test_add("/library/monitor-reply/error-is-of-who-knows", test_error_is_of_who_knows);
    return g_test_run();
}
