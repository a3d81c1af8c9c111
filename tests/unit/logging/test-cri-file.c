/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "log-kit.h"
#include "logging/cri-file.h"
#include "logging/log-mark.h"
#include "test-kit.h"

#define RECORD_OVERHEAD (HF_CRI_PREFIX_MAX + 1)

typedef struct {
    char *dir;
    char *path;
    HfLogSink *sink;
} Fixture;

static Fixture
set_up(void)
{
    Fixture fixture = {.dir = hf_test_make_dir()};

    fixture.path = g_build_filename(fixture.dir, "ctr.log", NULL);
    return fixture;
}

static void
open_sink(Fixture *fixture, HfFileSinkOptions options)
{
    g_autoptr(GError) error = NULL;

    options.path = options.path != NULL ? options.path : fixture->path;
    options.files_max = MAX(options.files_max, 1);
    fixture->sink = hf_cri_file_new(&options, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture)
{
    hf_log_sink_free(fixture->sink);
    g_free(fixture->path);
    hf_test_remove_dir(fixture->dir);
}

static void
append_bytes(Fixture *fixture, const char *bytes, size_t length)
{
    HfLogRecord record = {
        .bytes = bytes,
        .length = length,
        .time = {.tv_sec = 1795407637, .tv_nsec = 5},
    };

    fixture->sink->klass->append(fixture->sink, &record);
}

static void
append(Fixture *fixture, const char *text)
{
    append_bytes(fixture, text, strlen(text));
}

static void
append_many(Fixture *fixture, const char *text, guint count)
{
    for (guint i = 0; i < count; i++)
        append(fixture, text);
}

static size_t
get_pending(const Fixture *fixture)
{
    return fixture->sink->klass->get_pending(fixture->sink);
}

static HfIoResult
flush(Fixture *fixture, GError **error)
{
    return fixture->sink->klass->flush(fixture->sink, error);
}

static void
flush_all(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    HfIoResult result = flush(fixture, &error);

    g_assert_no_error(error);
    g_assert_cmpint(result, ==, HF_IO_DATA);
    g_assert_cmpuint(get_pending(fixture), ==, 0);
}

static void
flush_in_vain(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(flush(fixture, &error), ==, HF_IO_FAILED);
    g_assert_nonnull(error);
}

/* The container's bytes in the log, its own report excepted. */
static void
assert_logged(const Fixture *fixture, const char *expected)
{
    GString *log = log_kit_read_rotated(fixture->path);
    GString *bytes = log_kit_join(log, HF_STREAM_STDOUT);

    log_kit_assert_bytes(bytes->str, bytes->len, expected, strlen(expected));
    g_string_free(log, TRUE);
    g_string_free(bytes, TRUE);
}

static void
test_records_are_written_by_flush(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){.is_utc = true});
    append(&fixture, "one");
    append(&fixture, "");
    log_kit_assert_contents(fixture.path, "");
    flush_all(&fixture);

    log_kit_assert_contents(fixture.path, "2026-11-23T04:20:37.000000005Z stdout F one\n"
                                          "2026-11-23T04:20:37.000000005Z stdout F \n");
    tear_down(&fixture);
}

static void
test_path_may_contain_colons(void)
{
    Fixture fixture = set_up();
    g_autofree char *path = g_build_filename(fixture.dir, "a:b:c.log", NULL);

    open_sink(&fixture, (HfFileSinkOptions){.path = path, .is_utc = true});
    append(&fixture, "one");
    flush_all(&fixture);

    log_kit_assert_contents(path, "2026-11-23T04:20:37.000000005Z stdout F one\n");
    tear_down(&fixture);
}

static void
test_message_bytes_are_kept_as_they_are(void)
{
    static const char bytes[] = "a\0b\xff\xfe\xc3\x28\r";
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    append_bytes(&fixture, bytes, sizeof bytes - 1);
    flush_all(&fixture);

    GString *log = log_kit_read(fixture.path);
    g_assert_cmpuint(log->len, ==, RECORD_OVERHEAD + sizeof bytes - 1);
    log_kit_assert_bytes(log->str + HF_CRI_PREFIX_MAX, sizeof bytes - 1, bytes, sizeof bytes - 1);
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_pending_counts_what_waits(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "one");
    append(&fixture, "");

    g_assert_cmpuint(get_pending(&fixture), ==, 2 * RECORD_OVERHEAD + 3);
    tear_down(&fixture);
}

static void
test_many_empty_lines_do_not_grow_the_buffer(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    for (guint i = 0; i < 100000; i++) {
        append(&fixture, "");
        g_assert_cmpuint(get_pending(&fixture), <=, 256 * 1024);
    }
    flush_all(&fixture);

    GString *log = log_kit_read(fixture.path);
    g_assert_cmpuint(log->len, ==, 100000 * RECORD_OVERHEAD);
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_records_larger_than_the_buffer_are_written(void)
{
    Fixture fixture = set_up();
    g_autofree char *text = g_strnfill(3 * 1024 * 1024, 'x');
    g_autofree char *expected = g_strdup_printf("a\n%s\nb\n", text);

    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "a");
    append(&fixture, text);
    append(&fixture, "b");
    flush_all(&fixture);

    assert_logged(&fixture, expected);
    tear_down(&fixture);
}

static void
test_release_memory_keeps_what_waits(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "one");
    fixture.sink->klass->release_memory(fixture.sink);
    flush_all(&fixture);
    fixture.sink->klass->release_memory(fixture.sink);
    append(&fixture, "two");
    flush_all(&fixture);

    assert_logged(&fixture, "one\ntwo\n");
    tear_down(&fixture);
}

/* Random lines, flushed at random; returns what the container wrote. */
static GString *
append_random_lines(Fixture *fixture, guint count)
{
    GString *bytes = g_string_new(NULL);

    for (guint i = 0; i < count; i++) {
        g_autofree char *text = g_strnfill((gsize)g_test_rand_int_range(0, 300), 'x');
        g_autofree char *line = g_strdup_printf("%u %s", i, text);

        append(fixture, line);
        g_string_append_printf(bytes, "%s\n", line);
        if (g_test_rand_int_range(0, 10) == 0)
            flush_all(fixture);
    }
    flush_all(fixture);
    return bytes;
}

static void
test_rotation_loses_and_repeats_nothing(void)
{
    static const gint64 sizes[] = {1, 100, 4096, 10000};

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        Fixture fixture = set_up();

        open_sink(&fixture, (HfFileSinkOptions){.size_max = sizes[i], .files_max = 100000});
        GString *bytes = append_random_lines(&fixture, 100);

        assert_logged(&fixture, bytes->str);
        g_string_free(bytes, TRUE);
        tear_down(&fixture);
    }
}

static void
test_files_stay_within_the_limit_and_end_with_records(void)
{
    Fixture fixture = set_up();
    g_autofree char *first = g_strconcat(fixture.path, ".1", NULL);

    open_sink(&fixture, (HfFileSinkOptions){.size_max = 4096, .files_max = 100000});
    g_string_free(append_random_lines(&fixture, 300), TRUE);

    for (guint number = 1;; number++) {
        g_autofree char *path = g_strdup_printf("%s.%u", fixture.path, number);
        if (!g_file_test(path, G_FILE_TEST_EXISTS))
            break;
        GString *log = log_kit_read(path);
        g_assert_cmpuint(log->len, <=, 4096);
        g_assert_cmpuint(log->len, >, 4096 - 400);
        g_string_free(log_kit_join(log, HF_STREAM_STDOUT), TRUE);
        g_string_free(log, TRUE);
    }
    g_assert_true(g_file_test(first, G_FILE_TEST_EXISTS));
    tear_down(&fixture);
}

static void
test_failed_rotation_is_told_with_nothing_left(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up();
    g_autofree char *obstacle = g_strconcat(fixture.path, ".1", NULL);

    g_assert_no_errno(mkdir(obstacle, 0700));
    open_sink(&fixture, (HfFileSinkOptions){.size_max = 60});
    append_many(&fixture, "one", 2);
    HfIoResult while_blocked = flush(&fixture, &error);
    size_t pending = get_pending(&fixture);
    g_assert_no_errno(rmdir(obstacle));
    append(&fixture, "two");
    flush_all(&fixture);

    g_assert_cmpint(while_blocked, ==, HF_IO_FAILED);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    g_assert_cmpuint(pending, ==, 0);
    assert_logged(&fixture, "one\none\ntwo\n");
    tear_down(&fixture);
}

static void
test_records_wait_while_the_disk_is_full(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(RECORD_OVERHEAD + 10);
    append(&fixture, "one");
    append(&fixture, "two");
    flush_in_vain(&fixture);
    append(&fixture, "three");
    flush_in_vain(&fixture);
    log_kit_limit_files(RLIM_INFINITY);
    flush_all(&fixture);

    assert_logged(&fixture, "one\ntwo\nthree\n");
    tear_down(&fixture);
}

/* The numbers of the report's line. */
static void
read_report(const GString *log, guint64 *out_bytes, guint64 *out_records)
{
    const char *report = strstr(log->str, " stderr F holdfast: ");

    g_assert_nonnull(report);
    g_assert_cmpint(sscanf(report,
                           " stderr F holdfast: %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT
                           " records were not logged: ",
                           out_bytes, out_records),
                    ==, 2);
}

/* So much that it is more than can wait. */
#define FLOOD_RECORDS 20000
#define FLOOD_TEXT "0123456789012345678901234567890123456789012345678"

static void
test_one_report_tells_exactly_what_a_full_disk_cost(void)
{
    guint64 bytes = 0;
    guint64 records = 0;
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(10);
    append(&fixture, "first");
    flush_in_vain(&fixture);
    append_many(&fixture, FLOOD_TEXT, FLOOD_RECORDS);
    size_t pending = get_pending(&fixture);
    log_kit_limit_files(RLIM_INFINITY);
    flush_all(&fixture);

    GString *log = log_kit_read(fixture.path);
    guint written = log_kit_count(log, FLOOD_TEXT "\n");
    read_report(log, &bytes, &records);
    g_assert_cmpuint(pending, <=, HF_FILE_SINK_PENDING_MAX);
    g_assert_cmpuint(written, >, HF_FILE_SINK_PENDING_MAX / 120);
    g_assert_cmpuint(records, ==, FLOOD_RECORDS - written);
    g_assert_cmpuint(bytes, ==, records * strlen(FLOOD_TEXT));
    g_assert_cmpuint(log_kit_count(log, "holdfast: "), ==, 1);
    g_assert_nonnull(strstr(log->str, "File too large\n"));
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_report_stands_where_the_records_are_missing(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(10);
    append(&fixture, "first");
    flush_in_vain(&fixture);
    append_many(&fixture, FLOOD_TEXT, FLOOD_RECORDS);
    log_kit_limit_files(RLIM_INFINITY);
    flush_all(&fixture);
    append(&fixture, "last");
    flush_all(&fixture);

    GString *log = log_kit_read(fixture.path);
    const char *report = strstr(log->str, "holdfast: ");
    const char *last = strstr(log->str, "stdout F last\n");
    g_assert_nonnull(report);
    g_assert_null(strstr(report, FLOOD_TEXT));
    g_assert_true(report < last);
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_full_device_keeps_and_drops_within_the_bound(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){.path = "/dev/full"});
    append(&fixture, "first");
    HfIoResult result = flush(&fixture, &error);
    append_many(&fixture, FLOOD_TEXT, FLOOD_RECORDS);

    g_assert_cmpint(result, ==, HF_IO_FAILED);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    g_assert_cmpuint(get_pending(&fixture), <=, HF_FILE_SINK_PENDING_MAX);
    flush_in_vain(&fixture);
    tear_down(&fixture);
}

static void
test_drop_pending_keeps_only_the_rest_of_a_torn_record(void)
{
    guint64 bytes = 0;
    guint64 records = 0;
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(RECORD_OVERHEAD + 10);
    append(&fixture, "one");
    append(&fixture, "two");
    append(&fixture, "three");
    append(&fixture, "");
    flush_in_vain(&fixture);
    fixture.sink->klass->drop_pending(fixture.sink);
    log_kit_limit_files(RLIM_INFINITY);
    append(&fixture, "four");
    flush_all(&fixture);

    assert_logged(&fixture, "one\ntwo\nfour\n");
    GString *log = log_kit_read(fixture.path);
    read_report(log, &bytes, &records);
    g_assert_cmpuint(records, ==, 2);
    g_assert_cmpuint(bytes, ==, strlen("three"));
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_reopen_flushes_to_the_renamed_file_first(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up();
    g_autofree char *renamed = g_strconcat(fixture.path, ".1", NULL);

    open_sink(&fixture, (HfFileSinkOptions){0});
    append(&fixture, "one");
    g_assert_no_errno(rename(fixture.path, renamed));
    gboolean ok = fixture.sink->klass->reopen(fixture.sink, &error);
    append(&fixture, "two");
    flush_all(&fixture);

    g_assert_no_error(error);
    g_assert_true(ok);
    GString *old = log_kit_read(renamed);
    g_assert_nonnull(strstr(old->str, " stdout F one\n"));
    g_assert_null(strstr(old->str, "two"));
    g_string_free(old, TRUE);
    assert_logged(&fixture, "one\ntwo\n");
    tear_down(&fixture);
}

static void
test_reopen_of_the_same_file_loses_nothing(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(RECORD_OVERHEAD + 10);
    append(&fixture, "one");
    append(&fixture, "two");
    gboolean ok = fixture.sink->klass->reopen(fixture.sink, &error);
    log_kit_limit_files(RLIM_INFINITY);
    flush_all(&fixture);

    g_assert_no_error(error);
    g_assert_true(ok);
    assert_logged(&fixture, "one\ntwo\n");
    tear_down(&fixture);
}

static void
test_rest_of_a_torn_record_does_not_reach_another_file(void)
{
    guint64 bytes = 0;
    guint64 records = 0;
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up();
    g_autofree char *renamed = g_strconcat(fixture.path, ".old", NULL);

    open_sink(&fixture, (HfFileSinkOptions){0});
    log_kit_limit_files(RECORD_OVERHEAD + 3 + HF_CRI_PREFIX_MAX + 1);
    append(&fixture, "one");
    append(&fixture, "two");
    append(&fixture, "three");
    g_assert_no_errno(rename(fixture.path, renamed));
    g_assert_true(fixture.sink->klass->reopen(fixture.sink, &error));
    log_kit_limit_files(RLIM_INFINITY);
    flush_all(&fixture);

    g_assert_no_error(error);
    assert_logged(&fixture, "three\n");
    GString *log = log_kit_read(fixture.path);
    read_report(log, &bytes, &records);
    g_assert_cmpuint(records, ==, 1);
    g_assert_cmpuint(bytes, ==, strlen("wo"));
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_nothing_is_written_beyond_the_global_limit(void)
{
    guint64 records = 0;
    guint64 bytes = 0;
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){.global_size_max = 2 * RECORD_OVERHEAD + 8});
    append(&fixture, "one");
    append(&fixture, "three+");
    append(&fixture, "x");
    append(&fixture, "");
    flush_all(&fixture);
    hf_file_sink_get_over_limit(fixture.sink, &records, &bytes);

    assert_logged(&fixture, "one\n");
    g_assert_cmpuint(records, ==, 3);
    g_assert_cmpuint(bytes, ==, 7);
    tear_down(&fixture);
}

static void
test_global_limit_may_be_reached_exactly(void)
{
    Fixture fixture = set_up();

    open_sink(&fixture, (HfFileSinkOptions){.global_size_max = 2 * RECORD_OVERHEAD + 8});
    append(&fixture, "one");
    append(&fixture, "three");
    append(&fixture, "");
    flush_all(&fixture);

    assert_logged(&fixture, "one\nthree\n");
    tear_down(&fixture);
}

/* Reads the FIFO dry while the sink is flushed. */
static GString *
drain_fifo(Fixture *fixture)
{
    hf_autofd reader = open(fixture->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    g_autofree char *buffer = g_malloc(65536);
    GString *text = g_string_new(NULL);
    ssize_t n;

    do {
        g_autoptr(GError) error = NULL;

        n = read(reader, buffer, 65536);
        if (n > 0)
            g_string_append_len(text, buffer, n);
        (void)!flush(fixture, &error);
        g_assert_no_error(error);
    } while (n > 0);
    return text;
}

static void
test_fifo_without_a_reader_keeps_and_counts(void)
{
    guint64 bytes = 0;
    guint64 records = 0;
    g_autoptr(GError) error = NULL;
    Fixture fixture = set_up();

    g_assert_no_errno(mkfifo(fixture.path, 0600));
    open_sink(&fixture, (HfFileSinkOptions){.size_max = 100, .files_max = 1});
    append_many(&fixture, FLOOD_TEXT, FLOOD_RECORDS);
    HfIoResult result = flush(&fixture, &error);
    size_t pending = get_pending(&fixture);
    bool is_lossy = fixture.sink->klass->is_lossy(fixture.sink);
    GString *text = drain_fifo(&fixture);

    g_assert_no_error(error);
    g_assert_cmpint(result, ==, HF_IO_AGAIN);
    g_assert_cmpuint(pending, <=, HF_FILE_SINK_PENDING_MAX);
    g_assert_true(is_lossy);
    guint written = log_kit_count(text, FLOOD_TEXT "\n");
    read_report(text, &bytes, &records);
    g_assert_cmpuint(records, ==, FLOOD_RECORDS - written);
    g_assert_cmpuint(bytes, ==, records * strlen(FLOOD_TEXT));
    g_assert_nonnull(strstr(text->str, "the log's reader is too slow\n"));
    g_string_free(log_kit_join(text, HF_STREAM_STDOUT), TRUE);
    g_string_free(text, TRUE);
    tear_down(&fixture);
}

static void
test_slow_fifo_reader_does_not_get_a_report_for_each_record(void)
{
    Fixture fixture = set_up();
    char buffer[4096];
    GString *text = g_string_new(NULL);

    g_assert_no_errno(mkfifo(fixture.path, 0600));
    open_sink(&fixture, (HfFileSinkOptions){.files_max = 1});
    hf_autofd reader = open(fixture.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    append_many(&fixture, FLOOD_TEXT, FLOOD_RECORDS);
    for (guint i = 0; i < 1000; i++) {
        ssize_t n = read(reader, buffer, sizeof buffer);
        g_string_append_len(text, buffer, MAX(n, 0));
        (void)!flush(&fixture, NULL);
        append_many(&fixture, FLOOD_TEXT, 100);
    }
    GString *rest = drain_fifo(&fixture);
    g_string_append_len(text, rest->str, (gssize)rest->len);

    g_assert_cmpuint(log_kit_count(text, "holdfast: "), >, 0);
    g_assert_cmpuint(log_kit_count(text, "holdfast: "), <, 20);
    g_string_free(log_kit_join(text, HF_STREAM_STDOUT), TRUE);
    g_string_free(text, TRUE);
    g_string_free(rest, TRUE);
    tear_down(&fixture);
}

static void
test_sync_fd_is_the_files_and_none_of_a_fifo(void)
{
    Fixture fixture = set_up();
    g_autofree char *fifo = g_build_filename(fixture.dir, "fifo", NULL);
    HfFileSinkOptions options = {.path = fifo, .files_max = 1};
    g_autoptr(GError) error = NULL;

    g_assert_no_errno(mkfifo(fifo, 0600));
    g_autoptr(HfLogSink) stream = hf_cri_file_new(&options, &error);
    open_sink(&fixture, (HfFileSinkOptions){0});

    g_assert_no_error(error);
    g_assert_cmpint(stream->klass->get_sync_fd(stream), ==, -1);
    g_assert_no_errno(fsync(fixture.sink->klass->get_sync_fd(fixture.sink)));
    tear_down(&fixture);
}

/* The mark may be all that is left of this program: what it counts has to be in the file. */
static void
test_mark_counts_no_record_that_is_not_in_the_file(void)
{
    static const char text[] = "a record of 20 bytes";
    Fixture fixture = set_up();
    HfLogMark mark = {0};
    const HfLogMarkPlace *place = hf_log_mark_get(&mark);

    open_sink(&fixture, (HfFileSinkOptions){.mark = &mark, .is_utc = false});
    for (guint i = 0; i < 100000 && place->size == 0; i++) {
        append(&fixture, text);
        place = hf_log_mark_get(&mark);
    }

    g_assert_cmpuint(place->size, >, 0);
    g_assert_cmpuint(place->consumed[HF_STREAM_STDOUT] / sizeof text, ==,
                     place->size / (RECORD_OVERHEAD + sizeof text - 1));
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/cri-file/" name, function)
    ADD("records-are-written-by-flush", test_records_are_written_by_flush);
    ADD("path-may-contain-colons", test_path_may_contain_colons);
    ADD("message-bytes-are-kept-as-they-are", test_message_bytes_are_kept_as_they_are);
    ADD("pending-counts-what-waits", test_pending_counts_what_waits);
    ADD("many-empty-lines-do-not-grow-the-buffer", test_many_empty_lines_do_not_grow_the_buffer);
    ADD("records-larger-than-the-buffer-are-written",
        test_records_larger_than_the_buffer_are_written);
    ADD("release-memory-keeps-what-waits", test_release_memory_keeps_what_waits);
    ADD("rotation-loses-and-repeats-nothing", test_rotation_loses_and_repeats_nothing);
    ADD("files-stay-within-the-limit-and-end-with-records",
        test_files_stay_within_the_limit_and_end_with_records);
    ADD("failed-rotation-is-told-with-nothing-left",
        test_failed_rotation_is_told_with_nothing_left);
    ADD("records-wait-while-the-disk-is-full", test_records_wait_while_the_disk_is_full);
    ADD("one-report-tells-exactly-what-a-full-disk-cost",
        test_one_report_tells_exactly_what_a_full_disk_cost);
    ADD("report-stands-where-the-records-are-missing",
        test_report_stands_where_the_records_are_missing);
    ADD("full-device-keeps-and-drops-within-the-bound",
        test_full_device_keeps_and_drops_within_the_bound);
    ADD("drop-pending-keeps-only-the-rest-of-a-torn-record",
        test_drop_pending_keeps_only_the_rest_of_a_torn_record);
    ADD("reopen-flushes-to-the-renamed-file-first", test_reopen_flushes_to_the_renamed_file_first);
    ADD("reopen-of-the-same-file-loses-nothing", test_reopen_of_the_same_file_loses_nothing);
    ADD("rest-of-a-torn-record-does-not-reach-another-file",
        test_rest_of_a_torn_record_does_not_reach_another_file);
    ADD("nothing-is-written-beyond-the-global-limit",
        test_nothing_is_written_beyond_the_global_limit);
    ADD("global-limit-may-be-reached-exactly", test_global_limit_may_be_reached_exactly);
    ADD("fifo-without-a-reader-keeps-and-counts", test_fifo_without_a_reader_keeps_and_counts);
    ADD("slow-fifo-reader-does-not-get-a-report-for-each-record",
        test_slow_fifo_reader_does_not_get_a_report_for_each_record);
    ADD("sync-fd-is-the-files-and-none-of-a-fifo", test_sync_fd_is_the_files_and_none_of_a_fifo);
    ADD("mark-counts-no-record-that-is-not-in-the-file",
        test_mark_counts_no_record_that_is_not_in_the_file);
    return g_test_run();
}
