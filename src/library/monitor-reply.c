/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "base/io.h"
#include "library/monitor-reply.h"
#include "library/runtime-command.h"
#include "protocol/sync-message.h"
#include "state/json-text.h"

/* How this works: the line is `{"data": PID}`, or `{"data": -1, "message": "..."}`. Where a start
 * failed there are up to three texts, and whose text it is tells which error it is:
 *
 *   the runtime's JSON log has an error    RUNTIME_FAILED, in the runtime's words
 *   there is one, and the line has words   RUNTIME_FAILED, what the runtime printed
 *   there is none, and words anywhere      MONITOR_EXITED, the runtime was never reached
 *   no words at all                        CONTAINER_NOT_STARTED, or MONITOR_EXITED if not even a
 *                                          line came */

#define KEY "data"

void
hf_monitor_reply_clear(HfMonitorReply *self)
{
    g_clear_pointer(&self->message, g_free);
}

gboolean
hf_monitor_reply_parse(const char *line, gsize length, HfMonitorReply *out_reply, GError **error)
{
    g_autoptr(JsonObject) object = hf_json_text_parse(line, length, error);

    if (object == NULL) {
        g_prefix_error(error, "the monitor's message: ");
        return FALSE;
    }
    JsonNode *number = json_object_get_member(object, KEY);
    JsonNode *message = json_object_get_member(object, "message");
    if (number == NULL || !JSON_NODE_HOLDS_VALUE(number) ||
        json_node_get_value_type(number) != G_TYPE_INT64 || json_node_get_int(number) == 0 ||
        json_node_get_int(number) > G_MAXINT32)
        return hf_throw(error, HF_ERROR_PROTOCOL, "the monitor's message has no pid");
    if (json_node_get_int(number) > 0) {
        out_reply->kind = HF_MONITOR_REPLY_STARTED;
        out_reply->pid = (int)json_node_get_int(number);
        return TRUE;
    }
    out_reply->kind = HF_MONITOR_REPLY_FAILED;
    if (message != NULL && JSON_NODE_HOLDS_VALUE(message) &&
        json_node_get_value_type(message) == G_TYPE_STRING)
        out_reply->message = g_strstrip(g_strdup(json_node_get_string(message)));
    return TRUE;
}

/* FALSE without an error: @fd is to be read. */
static gboolean
wait_readable(int fd, gint64 deadline_us, GPollFD *cancelled, GError **error)
{
    gint64 left_us = deadline_us - g_get_monotonic_time();
    GPollFD fds[] = {{.fd = fd, .events = G_IO_IN}, *cancelled};

    if (left_us <= 0)
        return hf_throw(error, HF_ERROR_START_TIMED_OUT, "no process within the time limit");
    (void)g_poll(fds, G_N_ELEMENTS(fds), (int)MIN(left_us / 1000 + 1, G_MAXINT32));
    return TRUE;
}

static HfIoResult
read_line(int fd, gint64 deadline_us, GCancellable *cancellable, GPollFD *cancelled, GString *line,
          GError **error)
{
    while (line->len <= HF_SYNC_MESSAGE_MAX) {
        char bytes[1024];
        size_t length;
        HfIoResult result = hf_io_read(fd, bytes, sizeof bytes, &length, error);

        if (result == HF_IO_DATA)
            g_string_append_len(line, bytes, (gssize)length);
        else if (result != HF_IO_AGAIN)
            return result;
        const char *newline = memchr(line->str, '\n', line->len);
        /* An exec that is quick has its exit status told by then. */
        if (newline != NULL)
            return g_string_truncate(line, (gsize)(newline - line->str) + 1), HF_IO_DATA;
        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            return HF_IO_FAILED;
        if (result == HF_IO_AGAIN && !wait_readable(fd, deadline_us, cancelled, error))
            return HF_IO_FAILED;
    }
    return hf_throw(error, HF_ERROR_PROTOCOL, "the monitor's message is too long"), HF_IO_FAILED;
}

gboolean
hf_monitor_reply_read(int fd, gint64 deadline_us, GCancellable *cancellable,
                      HfMonitorReply *out_reply, GError **error)
{
    g_autoptr(GString) line = g_string_new(NULL);
    GPollFD cancelled = {.fd = -1};

    (void)g_cancellable_make_pollfd(cancellable, &cancelled);
    HfIoResult result = read_line(fd, deadline_us, cancellable, &cancelled, line, error);
    if (cancelled.fd >= 0)
        g_cancellable_release_fd(cancellable);
    if (result == HF_IO_FAILED)
        return FALSE;
    if (line->len == 0) {
        out_reply->kind = HF_MONITOR_REPLY_NONE;
        return TRUE;
    }
    /* An exec that ends at once has its status told in a second line. */
    const char *end = memchr(line->str, '\n', line->len);
    gsize length = end != NULL ? (gsize)(end - line->str) : line->len;
    return hf_monitor_reply_parse(line->str, length, out_reply, error);
}

gboolean
hf_monitor_reply_throw(const HfMonitorReply *self, const char *runtime_log, const char *monitor_log,
                       GError **error)
{
    g_autofree char *runtime_words =
        runtime_log != NULL ? hf_runtime_command_find_error(runtime_log, strlen(runtime_log))
                            : NULL;
    g_autofree char *monitor_words =
        monitor_log != NULL ? hf_runtime_command_find_error(monitor_log, strlen(monitor_log))
                            : NULL;
    bool has_message = self->message != NULL && *self->message != '\0';

    if (runtime_words != NULL)
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s", runtime_words);
    if (has_message && runtime_log != NULL)
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s", self->message);
    if (has_message || monitor_words != NULL)
        return hf_throw(error, HF_ERROR_MONITOR_EXITED, "%s",
                        has_message ? self->message : monitor_words);
    if (self->kind == HF_MONITOR_REPLY_NONE)
        return hf_throw(error, HF_ERROR_MONITOR_EXITED, "the monitor ended without a word");
    return hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED,
                    "there is no process, and nobody said why");
}
