/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the monitor reads from others and says to them: control lines, notifications, log drivers,
 * sync messages, streams.json. */

#include <string.h>

#include "base/error.h"
#include "base/saved-state.h"
#include "fuzz.h"
#include "library/monitor-reply.h"
#include "protocol/control-line.h"
#include "protocol/log-label.h"
#include "protocol/log-spec.h"
#include "protocol/notify-filter.h"
#include "protocol/streams-file.h"
#include "protocol/sync-message.h"
#include "state/json-text.h"

static void
note_line(const char *line, gpointer user_data)
{
    GString *lines = user_data;
    HfControlCommand command = {0};
    unsigned short rows;
    unsigned short columns;

    if (line == NULL) {
        g_string_append(lines, "(dropped)\n");
        return;
    }
    g_assert_cmpuint(strlen(line), <, HF_CONTROL_LINE_MAX);
    g_assert_null(strchr(line, '\n'));
    g_string_append_printf(lines, "%s\n", line);
    if (hf_control_line_parse(line, &command, NULL) && command.kind == HF_CONTROL_RESIZE) {
        g_autofree char *again = g_strdup_printf("1 %d %d", command.rows, command.columns);
        HfControlCommand other = {0};

        g_assert_true(hf_control_line_parse(again, &other, NULL));
        g_assert_cmpint(other.rows, ==, command.rows);
        g_assert_cmpint(other.columns, ==, command.columns);
    }
    (void)!hf_control_line_parse_process(line, &command, NULL);
    (void)!hf_control_line_parse_size(line, &rows, &columns, NULL);
}

/* However the bytes are cut into reads, the lines are the same. */
void
fuzz_control_line(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    size_t piece = hf_fuzz_take_number(&input, 300) + 1;
    HfControlReader whole = {0};
    HfControlReader cut = {0};
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GString) same = g_string_new(NULL);

    hf_control_reader_push(&whole, input.at, input.left, note_line, lines);
    while (input.left > 0) {
        size_t size;
        const char *part = hf_fuzz_take_bytes(&input, piece, &size);

        hf_control_reader_push(&cut, part, size, note_line, same);
    }
    g_assert_cmpstr(same->str, ==, lines->str);
}

/* Nothing that speaks for the monitor passes, and nothing is made up. */
void
fuzz_notify_filter(const char *bytes, size_t length)
{
    size_t kept_length = 0;
    g_autofree char *kept = hf_notify_filter(bytes, length, &kept_length);

    if (kept == NULL)
        return;
    g_assert_cmpuint(kept_length, >, 0);
    g_assert_cmpuint(kept_length, <=, length);
    g_assert_null(memchr(kept, '\0', kept_length));
    g_auto(GStrv) lines = g_strsplit(kept, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_assert_nonnull(memmem(bytes, length, *line, strlen(*line)));
        g_assert_false(g_str_has_prefix(*line, "MAINPID"));
        g_assert_false(g_str_has_prefix(*line, "FD"));
        g_assert_false(g_str_has_prefix(*line, "BARRIER"));
        g_assert_false(g_str_has_prefix(*line, "EXTEND"));
    }
    size_t again_length = 0;
    g_autofree char *again = hf_notify_filter(kept, kept_length, &again_length);
    hf_fuzz_assert_same(again, again_length, kept, kept_length);
}

void
fuzz_log_spec(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autofree char *text = hf_fuzz_take_text(&input);
    g_autofree char *label = hf_fuzz_take_text(&input);
    HfLogSpec spec = {0};

    if (hf_log_spec_parse(text, &spec, NULL)) {
        const char *driver = hf_log_driver_to_string(spec.driver);
        g_autofree char *again =
            spec.path != NULL ? g_strconcat(driver, ":", spec.path, NULL) : g_strdup(driver);
        HfLogSpec other = {0};

        g_assert_true(hf_log_spec_parse(again, &other, NULL));
        g_assert_cmpint(other.driver, ==, spec.driver);
        g_assert_cmpstr(other.path, ==, spec.path);
        hf_log_spec_clear(&other);
        hf_log_spec_clear(&spec);
    }
    if (hf_log_label_check(label, NULL)) {
        for (const char *at = label; *at != '='; at++)
            g_assert_true(g_ascii_isupper(*at) || g_ascii_isdigit(*at) || *at == '_');
    }
}

/* What the monitor writes, the library reads, whatever a runtime printed. */
void
fuzz_sync_message(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    HfSyncKey key = hf_fuzz_take_number(&input, HF_SYNC_KEY_DATA);
    int value = (int)hf_fuzz_take_number(&input, 65535) - 32768;
    size_t size = 0;
    g_autofree char *line = hf_sync_message_format(key, value, input.at, input.left, &size);
    g_auto(HfMonitorReply) reply = {0};

    g_assert_cmpuint(size, <=, HF_SYNC_MESSAGE_MAX);
    g_assert_cmpuint(strlen(line), ==, size);
    g_assert_true(memchr(line, '\n', size) == line + size - 1);
    g_autoptr(JsonObject) object = hf_json_text_parse(line, size, NULL);
    /* With that, the library's parser marks numbers. */
    if (strstr(line, HF_JSON_NUMBER_MARK) != NULL)
        return;
    g_assert_nonnull(object);
    if (key != HF_SYNC_KEY_DATA)
        return;
    g_assert_true(hf_monitor_reply_parse(line, size, &reply, NULL) == (value != 0));
    if (value > 0)
        g_assert_cmpint(reply.pid, ==, value);
}

void
fuzz_monitor_reply(const char *bytes, size_t length)
{
    g_auto(HfMonitorReply) reply = {0};
    g_autoptr(GError) error = NULL;

    if (!hf_monitor_reply_parse(bytes, length, &reply, &error)) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        return;
    }
    g_assert_true(reply.kind == HF_MONITOR_REPLY_STARTED ? reply.pid > 0
                                                         : reply.kind == HF_MONITOR_REPLY_FAILED);
    g_autoptr(GError) told = NULL;
    g_assert_false(hf_monitor_reply_throw(&reply, NULL, NULL, &told));
    g_assert_nonnull(told);
}

void
fuzz_streams_file(const char *bytes, size_t length)
{
    g_auto(HfStreamsFile) file = {0};
    g_auto(HfStreamsFile) other = {0};

    if (!hf_streams_file_parse(bytes, length, &file, NULL))
        return;
    g_autofree char *text = hf_streams_file_format(&file);
    g_assert_true(hf_streams_file_parse(text, strlen(text), &other, NULL));
    g_autofree char *again = hf_streams_file_format(&other);
    g_assert_cmpstr(again, ==, text);
}

/* Any names are asked for, on two levels; then all is judged. */
void
fuzz_saved_state(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autofree char *name = hf_fuzz_take_text(&input);
    g_autoptr(GError) error = NULL;
    g_autoptr(HfStateReader) reader = hf_state_reader_new(input.at, input.left, NULL);
    size_t size = 0;

    if (reader == NULL)
        return;
    HfStateReader *below = hf_state_open(reader, name);
    HfStateReader *readers[] = {reader, below != NULL ? below : reader};
    for (guint i = 0; i < G_N_ELEMENTS(readers); i++) {
        gint64 number = hf_state_get_number(readers[i], name, -5, 5, 2);

        g_assert_cmpint(ABS(number), <=, 5);
        (void)hf_state_get_bool(readers[i], name);
        (void)hf_state_get_text(readers[i], name);
        (void)hf_state_get_bytes(readers[i], name, &size);
        g_assert_cmpint(hf_state_get_timer_ms(readers[i], name), >=, -1);
    }
    (void)hf_state_open_needed(reader, "needed");
    g_assert_true(hf_state_reader_check(reader, &error) == (error == NULL));
}
