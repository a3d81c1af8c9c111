/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <string.h>

#include "process-place.h"

#define LINE(time, stream, flag, text) \
    "2026-01-01T00:00:" time ".000000001+00:00 " stream " " flag " " text "\n"

#define LOG                          \
    LINE("01", "stdout", "F", "one") \
    LINE("02", "stderr", "F", "two") \
    LINE("03", "stdout", "P", "thr") \
    LINE("04", "stdout", "F", "ee")

typedef struct {
    Place place;
    HfLogOptions *options;
    GString *text; /* each entry, "o:" or "e:" before it and "|" behind it, "+" if partial */
    const char *end_after;
    GThread *writer;
    int exit_fd; /* the monitor's side of `exit` */
    int lock_fd;
} Fixture;

static void
use_log(Fixture *self, const char *target)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *json = g_strdup_printf(
        "{\"args\":[\"sh\"],\"monitorArgs\":[\"--stdin\",\"--log-path=%s\"]}", target);

    hf_test_write_file(self->place.path, "process.json", json);
    g_clear_object(&self->place.process);
    self->place.process = hf_process_load(self->place.container, "init", &error);
    g_assert_no_error(error);
}

static void
set_up(Fixture *self)
{
    *self = (Fixture){.exit_fd = -1, .lock_fd = -1};
    place_set_up(&self->place, "runc");
    g_autofree char *target = g_strdup_printf("k8s-file:%s/ctr.log", self->place.path);
    use_log(self, target);
    hf_test_write_file(self->place.path, "ctr.log", LOG);
    self->options = hf_log_options_new();
    self->text = g_string_new(NULL);
}

static void
tear_down(Fixture *self)
{
    g_clear_object(&self->options);
    g_string_free(self->text, TRUE);
    hf_close_fd(&self->exit_fd);
    hf_close_fd(&self->lock_fd);
    place_tear_down(&self->place);
}

static gboolean
on_entry(const HfLogEntry *entry, gpointer user_data)
{
    Fixture *self = user_data;
    gsize length = 0;
    const char *bytes = hf_log_entry_get_bytes(entry, &length);

    g_string_append(self->text,
                    hf_log_entry_get_stream(entry) == HF_LOG_STREAM_STDERR ? "e:" : "o:");
    g_string_append_len(self->text, bytes, (gssize)length);
    g_string_append(self->text, hf_log_entry_is_partial(entry) ? "+|" : "|");
    return self->end_after == NULL || strstr(self->text->str, self->end_after) == NULL;
}

static void
assert_reads(Fixture *self, const char *expected)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(
        hf_process_read_log(self->place.process, self->options, NULL, on_entry, self, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(self->text->str, ==, expected);
}

static void
test_all_is_read_and_parts_are_joined(void)
{
    Fixture fixture;

    set_up(&fixture);

    assert_reads(&fixture, "o:one|e:two|o:three|");

    tear_down(&fixture);
}

static gboolean
note_time(const HfLogEntry *entry, gpointer user_data)
{
    *(gint64 *)user_data = hf_log_entry_get_time_ns(entry);
    return FALSE;
}

static void
test_time_is_in_nanoseconds(void)
{
    gint64 seen = 0;
    Fixture fixture;

    set_up(&fixture);

    g_assert_true(hf_process_read_log(fixture.place.process, NULL, NULL, note_time, &seen, NULL));

    g_assert_cmpint(seen, ==, G_GINT64_CONSTANT(1767225601000000001));
    tear_down(&fixture);
}

static void
test_tail_stream_since_and_until_choose(void)
{
    g_autoptr(GDateTime) second = g_date_time_new_utc(2026, 1, 1, 0, 0, 2);
    g_autoptr(GDateTime) third = g_date_time_new_utc(2026, 1, 1, 0, 0, 3);
    Fixture fixture;

    set_up(&fixture);
    g_object_set(fixture.options, "tail", (gint64)1, NULL);
    assert_reads(&fixture, "o:three|");
    g_string_truncate(fixture.text, 0);
    g_object_set(fixture.options, "tail", (gint64)-1, "stream", HF_LOG_STREAM_STDERR, NULL);
    assert_reads(&fixture, "e:two|");
    g_string_truncate(fixture.text, 0);
    g_object_set(fixture.options, "stream", HF_LOG_STREAM_ALL, "since", second, "until", third,
                 NULL);

    assert_reads(&fixture, "e:two|");

    tear_down(&fixture);
}

static void
test_caller_ends_it(void)
{
    Fixture fixture;

    set_up(&fixture);
    fixture.end_after = "one|";

    assert_reads(&fixture, "o:one|");

    tear_down(&fixture);
}

static void
test_json_file_is_read(void)
{
    Fixture fixture;

    set_up(&fixture);
    g_autofree char *target = g_strdup_printf("json-file:%s/json.log", fixture.place.path);
    use_log(&fixture, target);
    hf_test_write_file(fixture.place.path, "json.log",
                       "{\"log\":\"a\\\"b\\n\",\"stream\":\"stderr\","
                       "\"time\":\"2026-01-01T00:00:00.5Z\"}\n");

    assert_reads(&fixture, "e:a\"b|");

    tear_down(&fixture);
}

static void
test_process_without_a_file_is_told(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    use_log(&fixture, "journald:");

    g_assert_null(hf_process_dup_log_path(fixture.place.process));
    g_assert_false(
        hf_process_read_log(fixture.place.process, NULL, NULL, on_entry, &fixture, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    tear_down(&fixture);
}

/* A monitor that lives: its lock, and its side of `exit`. */
static void
begin_monitor(Fixture *self)
{
    place_make_fifo(&self->place, "exit");
    self->exit_fd = place_open_fifo(&self->place, "exit");
    self->lock_fd = place_lock(&self->place);
    place_write_process(&self->place, getpid());
    g_object_set(self->options, "follow", TRUE, NULL);
}

static void
append(Fixture *self, const char *text)
{
    hf_autofd fd = openat(self->place.dir_fd, "ctr.log", O_WRONLY | O_APPEND | O_CLOEXEC);

    g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
}

/* What a monitor does at the end: the last of the log, then the hang-up. */
static gpointer
write_and_end(gpointer data)
{
    Fixture *self = data;

    append(self, LINE("05", "stdout", "F", "last"));
    hf_test_write_file(self->place.path, "exitStatus", "0");
    hf_close_fd(&self->exit_fd);
    return NULL;
}

static gboolean
on_entry_then_end(const HfLogEntry *entry, gpointer user_data)
{
    Fixture *self = user_data;

    (void)on_entry(entry, self);
    if (self->writer == NULL && strstr(self->text->str, "ee|") != NULL)
        self->writer = g_thread_new("writer", write_and_end, self);
    return TRUE;
}

static void
test_following_ends_with_the_process_and_has_its_last_line(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    begin_monitor(&fixture);

    g_assert_true(hf_process_read_log(fixture.place.process, fixture.options, NULL,
                                      on_entry_then_end, &fixture, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(fixture.text->str, ==, "o:one|e:two|o:thr+|o:ee|o:last|");
    g_thread_join(fixture.writer);
    tear_down(&fixture);
}

static void
test_following_a_process_that_has_ended_ends(void)
{
    Fixture fixture;

    set_up(&fixture);
    place_write_ended(&fixture.place);
    hf_test_write_file(fixture.place.path, "exitStatus", "0");
    g_object_set(fixture.options, "follow", TRUE, NULL);

    assert_reads(&fixture, "o:one|e:two|o:thr+|o:ee|");

    tear_down(&fixture);
}

static gpointer
rotate(gpointer data)
{
    Fixture *self = data;

    g_assert_cmpint(renameat(self->place.dir_fd, "ctr.log", self->place.dir_fd, "ctr.log.1"), ==,
                    0);
    hf_test_write_file(self->place.path, "ctr.log", LINE("09", "stdout", "F", "new"));
    return NULL;
}

static gboolean
on_entry_then_rotate(const HfLogEntry *entry, gpointer user_data)
{
    Fixture *self = user_data;

    if (self->writer == NULL)
        self->writer = g_thread_new("rotate", rotate, self);
    return on_entry(entry, self);
}

static void
test_following_goes_on_in_a_new_file(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    begin_monitor(&fixture);
    fixture.end_after = "new|";

    g_assert_true(hf_process_read_log(fixture.place.process, fixture.options, NULL,
                                      on_entry_then_rotate, &fixture, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(fixture.text->str, ==, "o:one|e:two|o:thr+|o:ee|o:new|");
    g_thread_join(fixture.writer);
    tear_down(&fixture);
}

static gpointer
cancel(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void
test_following_can_be_cancelled(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fixture fixture;

    set_up(&fixture);
    begin_monitor(&fixture);
    GThread *thread = g_thread_new("cancel", cancel, cancellable);

    g_assert_false(hf_process_read_log(fixture.place.process, fixture.options, cancellable,
                                       on_entry, &fixture, &error));

    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join(thread);
    tear_down(&fixture);
}

static gboolean
keep(const HfLogEntry *entry, gpointer user_data)
{
    *(HfLogEntry **)user_data = hf_log_entry_copy(entry);
    return FALSE;
}

static void
test_copy_of_an_entry_outlives_the_call(void)
{
    HfLogEntry *copy = NULL;
    gsize length = 0;
    Fixture fixture;

    set_up(&fixture);

    g_assert_true(hf_process_read_log(fixture.place.process, NULL, NULL, keep, &copy, NULL));

    const char *bytes = hf_log_entry_get_bytes(copy, &length);
    g_assert_cmpmem(bytes, (int)length, "one", 3);
    hf_log_entry_free(copy);
    tear_down(&fixture);
}

#define ADD(name, function) hf_test_add("/library/process-log/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("all-is-read-and-parts-are-joined", test_all_is_read_and_parts_are_joined);
    ADD("time-is-in-nanoseconds", test_time_is_in_nanoseconds);
    ADD("tail-stream-since-and-until-choose", test_tail_stream_since_and_until_choose);
    ADD("caller-ends-it", test_caller_ends_it);
    ADD("json-file-is-read", test_json_file_is_read);
    ADD("process-without-a-file-is-told", test_process_without_a_file_is_told);
    ADD("following-ends-with-the-process-and-has-its-last-line",
        test_following_ends_with_the_process_and_has_its_last_line);
    ADD("following-a-process-that-has-ended-ends", test_following_a_process_that_has_ended_ends);
    ADD("following-goes-on-in-a-new-file", test_following_goes_on_in_a_new_file);
    ADD("following-can-be-cancelled", test_following_can_be_cancelled);
    ADD("copy-of-an-entry-outlives-the-call", test_copy_of_an_entry_outlives_the_call);
    return g_test_run();
}
