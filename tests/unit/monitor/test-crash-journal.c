/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "logging/cri-file.h"
#include "logging/raw-file.h"
#include "monitor/crash-journal.h"
#include "test-kit.h"

/* A "program" here is a journal with a router and one log. To kill it is to drop the router without
 * a last flush; the file is mapped, so what it holds is there for the next. */

#define LINE_MAX_LENGTH 100

typedef struct {
    char *dir;
    int dir_fd;
    bool is_raw;
    HfCrashJournal *journal;
    HfLogRouter *router;
} Fixture;

static void
begin_program(Fixture *fixture, bool is_adopting)
{
    static const HfLogRouterHandlers handlers = {0};
    g_autofree char *path = g_build_filename(fixture->dir, "log", NULL);
    g_autoptr(GError) error = NULL;

    fixture->journal = hf_crash_journal_new(fixture->dir_fd, LINE_MAX_LENGTH, is_adopting, &error);
    g_assert_no_error(error);
    fixture->router = hf_log_router_new(NULL, LINE_MAX_LENGTH, &handlers, NULL);
    const HfFileSinkOptions options = {
        .path = path,
        .files_max = 1,
        .mark = hf_crash_journal_get_mark(fixture->journal, 0),
        .handed = hf_crash_journal_is_left(fixture->journal)
                      ? hf_crash_journal_get_handed(fixture->journal)
                      : NULL,
    };
    HfLogSink *sink =
        fixture->is_raw ? hf_raw_file_new(&options, &error) : hf_cri_file_new(&options, &error);
    g_assert_no_error(error);
    hf_log_router_take_sink(fixture->router, sink);
    if (hf_crash_journal_is_left(fixture->journal))
        hf_crash_journal_replay(fixture->journal, fixture->router);
}

static void
kill_program(Fixture *fixture)
{
    g_clear_pointer(&fixture->router, hf_log_router_free);
    g_clear_pointer(&fixture->journal, hf_crash_journal_free);
}

static void
set_up(Fixture *fixture, bool is_raw)
{
    *fixture = (Fixture){.dir = hf_test_make_dir(), .is_raw = is_raw};
    fixture->dir_fd = open(fixture->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    begin_program(fixture, false);
}

static void
tear_down(Fixture *fixture)
{
    kill_program(fixture);
    hf_close_fd(&fixture->dir_fd);
    hf_test_remove_dir(fixture->dir);
}

/* As the pump does: the read. */
static void
read_bytes(Fixture *fixture, HfStream stream, const char *text)
{
    size_t size = HF_CRASH_JOURNAL_ROOM;
    char *room = hf_crash_journal_prepare(fixture->journal, stream, &size);

    memcpy(room, text, strlen(text));
}

/* The read is given to the log; the program lives on. */
static void
print(Fixture *fixture, HfStream stream, const char *text)
{
    read_bytes(fixture, stream, text);
    hf_crash_journal_begin(fixture->journal, strlen(text));
    hf_log_router_write(fixture->router, stream, text, strlen(text), true);
    hf_crash_journal_end(fixture->journal, fixture->router);
}

static void
assert_log_is(Fixture *fixture, const char *expected)
{
    g_autofree char *text = hf_test_read_file(fixture->dir, "log");
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) found = g_string_new(NULL);

    if (fixture->is_raw) {
        g_assert_cmpstr(text, ==, expected);
        return;
    }
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        const char *stream = strchr(*line, ' ');

        g_assert_nonnull(stream);
        g_string_append_printf(found, "%s|", stream + 1);
    }
    g_assert_cmpstr(found->str, ==, expected);
}

static void
test_read_that_nobody_looked_at_is_logged(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "one\n");
    read_bytes(&fixture, HF_STREAM_STDERR, "two\n");

    kill_program(&fixture);
    begin_program(&fixture, true);

    assert_log_is(&fixture, "stdout F one|stderr F two|");
    tear_down(&fixture);
}

static void
test_half_lines_go_on(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "one\nbeg");
    print(&fixture, HF_STREAM_STDERR, "err");

    kill_program(&fixture);
    begin_program(&fixture, true);
    print(&fixture, HF_STREAM_STDOUT, "in\n");
    print(&fixture, HF_STREAM_STDERR, "or\n");

    assert_log_is(&fixture, "stdout F one|stdout F begin|stderr F error|");
    tear_down(&fixture);
}

static void
test_batch_that_was_not_begun_is_logged(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "be");
    read_bytes(&fixture, HF_STREAM_STDOUT, "gin\ntwo\n");
    hf_crash_journal_begin(fixture.journal, 8);

    kill_program(&fixture);
    begin_program(&fixture, true);

    assert_log_is(&fixture, "stdout F begin|stdout F two|");
    tear_down(&fixture);
}

static void
test_batch_that_is_in_the_log_is_not_logged_again(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "be");
    read_bytes(&fixture, HF_STREAM_STDOUT, "gin\ntwo\nthr");
    hf_crash_journal_begin(fixture.journal, 11);
    hf_log_router_write(fixture.router, HF_STREAM_STDOUT, "gin\ntwo\nthr", 11, true);

    kill_program(&fixture);
    begin_program(&fixture, true);
    print(&fixture, HF_STREAM_STDOUT, "ee\n");

    assert_log_is(&fixture, "stdout F begin|stdout F two|stdout F three|");
    tear_down(&fixture);
}

/* What a write that was interrupted leaves: the mark is older than the file. */
static void
write_behind_mark(Fixture *fixture, const char *text)
{
    g_autofree char *path = g_build_filename(fixture->dir, "log", NULL);
    hf_autofd fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

    g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

static void
test_half_record_is_cut_off_and_written_whole(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    read_bytes(&fixture, HF_STREAM_STDOUT, "one\ntwo\nthree\n");
    hf_crash_journal_begin(fixture.journal, 14);
    write_behind_mark(&fixture, "T stdout F one\nT stdout F tw");

    kill_program(&fixture);
    begin_program(&fixture, true);

    assert_log_is(&fixture, "stdout F one|stdout F two|stdout F three|");
    tear_down(&fixture);
}

static void
test_raw_log_goes_on_within_a_line(void)
{
    Fixture fixture;
    set_up(&fixture, true);
    print(&fixture, HF_STREAM_STDOUT, "zero\n");
    read_bytes(&fixture, HF_STREAM_STDOUT, "one\ntwo\nthree\n");
    hf_crash_journal_begin(fixture.journal, 14);
    write_behind_mark(&fixture, "one\nt");

    kill_program(&fixture);
    begin_program(&fixture, true);

    assert_log_is(&fixture, "zero\none\ntwo\nthree\n");
    tear_down(&fixture);
}

static void
test_flush_of_half_lines_is_not_repeated(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "out");
    print(&fixture, HF_STREAM_STDERR, "err");
    hf_crash_journal_begin(fixture.journal, 0);
    write_behind_mark(&fixture, "T stdout P out\n");

    kill_program(&fixture);
    begin_program(&fixture, true);
    print(&fixture, HF_STREAM_STDOUT, "!\n");

    assert_log_is(&fixture, "stdout P out|stderr P err|stdout F !|");
    tear_down(&fixture);
}

static void
test_second_kill_while_it_goes_on_loses_nothing(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "be");
    read_bytes(&fixture, HF_STREAM_STDOUT, "gin\nend\n");
    kill_program(&fixture);
    begin_program(&fixture, true);

    kill_program(&fixture);
    begin_program(&fixture, true);

    assert_log_is(&fixture, "stdout F begin|stdout F end|");
    tear_down(&fixture);
}

static void
test_journal_of_another_make_is_not_used(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    read_bytes(&fixture, HF_STREAM_STDOUT, "one\n");
    kill_program(&fixture);
    hf_test_write_file(fixture.dir, "journal", "what is this");

    begin_program(&fixture, true);

    g_assert_false(hf_crash_journal_is_left(fixture.journal));
    print(&fixture, HF_STREAM_STDOUT, "two\n");
    assert_log_is(&fixture, "stdout F two|");
    tear_down(&fixture);
}

static void
test_released_memory_keeps_half_lines(void)
{
    Fixture fixture;
    set_up(&fixture, false);
    print(&fixture, HF_STREAM_STDOUT, "be");
    hf_crash_journal_release(fixture.journal);

    kill_program(&fixture);
    begin_program(&fixture, true);
    print(&fixture, HF_STREAM_STDOUT, "gin\n");

    assert_log_is(&fixture, "stdout F begin|");
    tear_down(&fixture);
}

#define ADD(name, test) hf_test_add("/monitor/crash-journal/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("read-that-nobody-looked-at-is-logged", test_read_that_nobody_looked_at_is_logged);
    ADD("half-lines-go-on", test_half_lines_go_on);
    ADD("batch-that-was-not-begun-is-logged", test_batch_that_was_not_begun_is_logged);
    ADD("batch-that-is-in-the-log-is-not-logged-again",
        test_batch_that_is_in_the_log_is_not_logged_again);
    ADD("half-record-is-cut-off-and-written-whole", test_half_record_is_cut_off_and_written_whole);
    ADD("raw-log-goes-on-within-a-line", test_raw_log_goes_on_within_a_line);
    ADD("flush-of-half-lines-is-not-repeated", test_flush_of_half_lines_is_not_repeated);
    ADD("second-kill-while-it-goes-on-loses-nothing",
        test_second_kill_while_it_goes_on_loses_nothing);
    ADD("journal-of-another-make-is-not-used", test_journal_of_another_make_is_not_used);
    ADD("released-memory-keeps-half-lines", test_released_memory_keeps_half_lines);
    return g_test_run();
}
