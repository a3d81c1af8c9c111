/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "log-kit.h"
#include "logging/json-file.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    char *path;
    HfLogSink *sink;
} Fixture;

static Fixture
set_up(const char *tag, const char *const *labels, gint64 size_max)
{
    Fixture fixture = {.dir = hf_test_make_dir()};
    HfFileSinkOptions options = {.files_max = 1000, .size_max = size_max};
    g_autoptr(GError) error = NULL;

    fixture.path = g_build_filename(fixture.dir, "ctr-json.log", NULL);
    options.path = fixture.path;
    fixture.sink = hf_json_file_new(&options, tag, labels, &error);
    g_assert_no_error(error);
    return fixture;
}

static void
tear_down(Fixture *fixture)
{
    hf_log_sink_free(fixture->sink);
    g_free(fixture->path);
    hf_test_remove_dir(fixture->dir);
}

static void
append(Fixture *fixture, const char *text, bool is_partial, long nsec)
{
    HfLogRecord record = {
        .bytes = text,
        .length = strlen(text),
        .is_partial = is_partial,
        .time = {.tv_sec = 1795407637, .tv_nsec = nsec},
    };

    fixture->sink->klass->append(fixture->sink, &record);
}

static HfIoResult
flush(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    return fixture->sink->klass->flush(fixture->sink, &error);
}

static void
test_lines_are_dockers(void)
{
    Fixture fixture = set_up(NULL, NULL, 0);
    HfLogRecord record = {.stream = HF_STREAM_STDERR,
                          .bytes = "e<",
                          .length = 2,
                          .time = {.tv_sec = 1795407637, .tv_nsec = 5}};

    append(&fixture, "one", false, 5);
    append(&fixture, "", false, 5);
    append(&fixture, "part", true, 5);
    fixture.sink->klass->append(fixture.sink, &record);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    log_kit_assert_contents(
        fixture.path,
        "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T04:20:37.000000005Z\"}\n"
        "{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T04:20:37.000000005Z\"}\n"
        "{\"log\":\"part\",\"stream\":\"stdout\",\"time\":\"2026-11-23T04:20:37.000000005Z\"}\n"
        "{\"log\":\"e\\u003c\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-23T04:20:37."
        "000000005Z\"}\n");
    tear_down(&fixture);
}

static void
test_fraction_has_no_zeros_at_its_end(void)
{
    static const struct {
        long nsec;
        const char *time;
    } times[] = {
        {0, "37Z"},
        {100000000, "37.1Z"},
        {120, "37.00000012Z"},
        {999999999, "37.999999999Z"},
        {10, "37.00000001Z"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        Fixture fixture = set_up(NULL, NULL, 0);
        g_autofree char *expected = g_strdup_printf("{\"log\":\"x\\n\",\"stream\":\"stdout\","
                                                    "\"time\":\"2026-11-23T04:20:%s\"}\n",
                                                    times[i].time);

        append(&fixture, "x", false, times[i].nsec);
        g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

        log_kit_assert_contents(fixture.path, expected);
        tear_down(&fixture);
    }
}

static void
test_tag_and_labels_are_attrs(void)
{
    const char *labels[] = {"b=2", "a=1", NULL};
    Fixture fixture = set_up("web", labels, 0);

    append(&fixture, "x", false, 1);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    log_kit_assert_contents(
        fixture.path, "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"1\",\"b\":\"2\","
                      "\"tag\":\"web\"},\"time\":\"2026-11-23T04:20:37.000000001Z\"}\n");
    tear_down(&fixture);
}

static void
test_rotation_keeps_every_line_whole(void)
{
    Fixture fixture = set_up(NULL, NULL, 1000);
    g_autoptr(GString) expected = g_string_new(NULL);

    for (guint i = 0; i < 500; i++) {
        g_autofree char *text = g_strdup_printf("line %u &", i);

        append(&fixture, text, false, 1);
        g_string_append_printf(expected,
                               "{\"log\":\"line %u \\u0026\\n\",\"stream\":\"stdout\","
                               "\"time\":\"2026-11-23T04:20:37.000000001Z\"}\n",
                               i);
    }
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    GString *log = log_kit_read_rotated(fixture.path);
    g_assert_cmpstr(log->str, ==, expected->str);
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

static void
test_dropped_records_are_counted_by_their_messages(void)
{
    Fixture fixture = set_up(NULL, NULL, 0);

    log_kit_limit_files(1);
    append(&fixture, "torn", false, 1);
    append(&fixture, "a<b\xff", false, 1);
    append(&fixture, "\n", true, 1);
    append(&fixture, "", false, 1);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_FAILED);
    fixture.sink->klass->drop_pending(fixture.sink);
    log_kit_limit_files(RLIM_INFINITY);
    g_assert_cmpint(flush(&fixture), ==, HF_IO_DATA);

    GString *log = log_kit_read(fixture.path);
    g_assert_true(g_str_has_prefix(log->str, "{\"log\":\"torn\\n\""));
    g_assert_nonnull(
        strstr(log->str, "\n{\"log\":\"holdfast: 4 bytes in 3 records were not logged: "));
    g_string_free(log, TRUE);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/logging/json-file/" name, function)
    ADD("lines-are-dockers", test_lines_are_dockers);
    ADD("fraction-has-no-zeros-at-its-end", test_fraction_has_no_zeros_at_its_end);
    ADD("tag-and-labels-are-attrs", test_tag_and_labels_are_attrs);
    ADD("rotation-keeps-every-line-whole", test_rotation_keeps_every_line_whole);
    ADD("dropped-records-are-counted-by-their-messages",
        test_dropped_records_are_counted_by_their_messages);
    return g_test_run();
}
