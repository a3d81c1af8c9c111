/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* File sinks take many lines at once; what comes of it is what comes of each by itself. */

#include <string.h>

#include <glib.h>

#include "log-kit.h"
#include "logging/cri-file.h"
#include "logging/json-file.h"
#include "logging/raw-file.h"
#include "test-kit.h"

typedef enum {
    FORMAT_CRI,
    FORMAT_CRI_UTC,
    FORMAT_JSON,
    FORMAT_RAW,
    FORMAT_COUNT,
} Format;

static HfLogSink *
make_sink(Format format, const char *path, gint64 size_max, gint64 global_size_max)
{
    HfFileSinkOptions options = {
        .path = path,
        .size_max = size_max,
        .files_max = 10000,
        .global_size_max = global_size_max,
        .is_utc = format == FORMAT_CRI_UTC,
    };
    g_autoptr(GError) error = NULL;
    HfLogSink *sink = format == FORMAT_JSON  ? hf_json_file_new(&options, "tag", NULL, &error)
                      : format == FORMAT_RAW ? hf_raw_file_new(&options, &error)
                                             : hf_cri_file_new(&options, &error);

    g_assert_no_error(error);
    return sink;
}

/* Lines of which some are empty, long, or not what JSON takes as it is. (transfer full) */
static GString *
make_text(GArray *lengths)
{
    GString *text = g_string_new(NULL);

    g_array_set_size(lengths, (guint)g_test_rand_int_range(1, 130));
    for (guint i = 0; i < lengths->len; i++) {
        bool is_long = g_test_rand_int_range(0, 40) == 0;
        size_t length = (size_t)g_test_rand_int_range(0, is_long ? 9000 : 150);

        for (size_t k = 0; k < length; k++)
            g_string_append_c(text, g_test_rand_int_range(0, 50) > 0
                                        ? 'a'
                                        : "\"\xff<\t\0\xc3\xa4"[g_test_rand_int_range(0, 7)]);
        g_string_append_c(text, '\n');
        g_array_index(lengths, size_t, i) = length;
    }
    return text;
}

static void
append_random_lines(HfLogSink *at_once, HfLogSink *one_by_one)
{
    g_autoptr(GArray) lengths = g_array_new(FALSE, FALSE, sizeof(size_t));
    GString *text = make_text(lengths);
    const HfLogLines lines = {
        .stream = g_test_rand_int_range(0, 2) == 0 ? HF_STREAM_STDOUT : HF_STREAM_STDERR,
        .time = {.tv_sec = 1795407637, .tv_nsec = g_test_rand_int_range(0, 3)},
        .bytes = text->str,
        .size = text->len,
        .lengths = (const size_t *)lengths->data,
        .count = lengths->len,
    };

    at_once->klass->append_lines(at_once, &lines);
    hf_log_sink_append_each(one_by_one, &lines);
    g_string_free(text, TRUE);
}

static void
flush(HfLogSink *sink)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(sink->klass->flush(sink, &error), ==, HF_IO_DATA);
    g_assert_no_error(error);
}

static void
compare(Format format, gint64 size_max, gint64 global_size_max)
{
    g_autofree char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "at-once", NULL);
    g_autofree char *expected_path = g_build_filename(dir, "one-by-one", NULL);
    g_autoptr(HfLogSink) sink = make_sink(format, path, size_max, global_size_max);
    g_autoptr(HfLogSink) expected_sink =
        make_sink(format, expected_path, size_max, global_size_max);

    for (guint round = 0; round < 60; round++) {
        append_random_lines(sink, expected_sink);
        if (g_test_rand_int_range(0, 4) == 0) {
            flush(sink);
            flush(expected_sink);
        }
    }
    flush(sink);
    flush(expected_sink);

    GString *log = log_kit_read_rotated(path);
    GString *expected = log_kit_read_rotated(expected_path);
    g_assert_cmpuint(expected->len, >, 0);
    log_kit_assert_bytes(log->str, log->len, expected->str, expected->len);
    g_string_free(log, TRUE);
    g_string_free(expected, TRUE);
    hf_test_remove_dir(g_steal_pointer(&dir));
}

static void
test_lines_at_once_are_written_as_one_by_one(void)
{
    for (Format format = 0; format < FORMAT_COUNT; format++)
        compare(format, 0, 0);
}

static void
test_full_files_are_put_aside_between_lines(void)
{
    for (Format format = 0; format < FORMAT_COUNT; format++)
        compare(format, 20000, 0);
}

static void
test_the_limit_on_all_bytes_ends_with_the_same_line(void)
{
    for (Format format = 0; format < FORMAT_COUNT; format++)
        compare(format, 0, g_test_rand_int_range(1, 300000));
}

static void
test_lines_for_a_full_disk_are_dropped_one_by_one(void)
{
    g_autofree char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autoptr(HfLogSink) sink = make_sink(FORMAT_CRI, "/dev/full", 0, 0);
    static const size_t lengths[] = {1, 1};
    const HfLogLines lines = {
        .bytes = "a\nb\n",
        .size = 4,
        .lengths = lengths,
        .count = 2,
    };
    g_autoptr(GError) error = NULL;

    while (sink->klass->get_pending(sink) < HF_FILE_SINK_PENDING_MAX - 100) {
        size_t before = sink->klass->get_pending(sink);

        sink->klass->append_lines(sink, &lines);
        g_assert_cmpuint(sink->klass->get_pending(sink), ==, before + 2 * 47);
        if (before == 0)
            g_assert_cmpint(sink->klass->flush(sink, &error), ==, HF_IO_FAILED);
    }
    for (guint i = 0; i < 10; i++)
        sink->klass->append_lines(sink, &lines);

    g_assert_cmpuint(sink->klass->get_pending(sink), <=, HF_FILE_SINK_PENDING_MAX);
    hf_test_remove_dir(g_steal_pointer(&dir));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/log-lines/lines-at-once-are-written-as-one-by-one",
                test_lines_at_once_are_written_as_one_by_one);
    hf_test_add("/logging/log-lines/full-files-are-put-aside-between-lines",
                test_full_files_are_put_aside_between_lines);
    hf_test_add("/logging/log-lines/the-limit-on-all-bytes-ends-with-the-same-line",
                test_the_limit_on_all_bytes_ends_with_the_same_line);
    hf_test_add("/logging/log-lines/lines-for-a-full-disk-are-dropped-one-by-one",
                test_lines_for_a_full_disk_are_dropped_one_by_one);
    return g_test_run();
}
