/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <holdfast/events.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "test-kit.h"

#define WAIT_MS 60000
/* More than are told one by one. */
#define MANY 3000

typedef struct {
    char *root;
    char *dir; /* of the process `init` of the container `c` */
    HfEvents *events;
} Fixture;

static void
begin(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    self->events = hf_events_new(self->root, &error);
    g_assert_no_error(error);
}

static void
set_up(Fixture *self)
{
    self->root = hf_test_make_dir();
    self->dir = g_build_filename(self->root, "c", "init", NULL);
    self->events = NULL;
    g_assert_cmpint(g_mkdir_with_parents(self->dir, 0700), ==, 0);
}

static void
tear_down(Fixture *self)
{
    g_clear_object(&self->events);
    hf_test_remove_dir(self->root);
    g_free(self->dir);
}

static char *
at(const Fixture *self, const char *name)
{
    return g_build_filename(self->dir, name, NULL);
}

static void
append_text(const Fixture *self, const char *name, const char *text)
{
    g_autofree char *path = at(self, name);
    hf_autofd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

/* As holdfast-seccomp-agent writes it; @second: of the minute. */
static char *
make_line(int second, guint pid, const char *syscall, guint count)
{
    return g_strdup_printf("{\"time\":\"2026-01-31T23:59:%02d.000000007Z\",\"id\":\"c\",\"pid\":%u,"
                           "\"syscall\":\"%s\",\"arch\":\"SCMP_ARCH_X86_64\",\"args\":[\"0x0\"],"
                           "\"action\":\"errno\",\"errno\":\"EPERM\",\"count\":%u}\n",
                           second, pid, syscall, count);
}

static void
append(const Fixture *self, int second, guint pid, const char *syscall, guint count)
{
    g_autofree char *line = make_line(second, pid, syscall, count);

    append_text(self, "seccomp.json", line);
}

static void
rotate(const Fixture *self)
{
    g_autofree char *path = at(self, "seccomp.json");
    g_autofree char *full = at(self, "seccomp.json.1");

    g_assert_cmpint(rename(path, full), ==, 0);
}

static HfEvent *
next(Fixture *self)
{
    g_autoptr(GError) error = NULL;
    HfEvent *event = hf_events_try_next(self->events, &error);

    g_assert_no_error(error);
    return event;
}

/* "TYPE PROCESS NUMBER [SYSCALL ACTION PID]" */
static char *
describe(const HfEvent *event)
{
    HfEventType type = hf_event_get_event_type(event);
    GString *text = g_string_new(hf_event_type_to_string(type));

    g_string_append_printf(text, " %s %d", hf_event_get_process_id(event),
                           (int)hf_event_get_number(event));
    if (type == HF_EVENT_SECCOMP)
        g_string_append_printf(text, " %s %s %u", hf_event_get_syscall(event),
                               hf_event_get_action(event), hf_event_get_pid(event));
    return g_string_free(text, FALSE);
}

static void
assert_next(Fixture *self, const char *expected)
{
    g_autoptr(HfEvent) event = next(self);

    g_assert_nonnull(event);
    g_autofree char *text = describe(event);
    g_assert_cmpstr(text, ==, expected);
}

static void
assert_none(Fixture *self)
{
    g_autoptr(HfEvent) event = next(self);

    g_assert_null(event);
}

static void
test_record_is_told_with_its_parts(void)
{
    Fixture fixture;

    set_up(&fixture);
    append(&fixture, 58, 77, "mkdir", 3);
    begin(&fixture);
    g_autoptr(HfEvent) event = next(&fixture);
    g_assert_nonnull(event);
    g_assert_cmpint(hf_event_get_event_type(event), ==, HF_EVENT_SECCOMP);
    g_assert_cmpstr(hf_event_get_container_id(event), ==, "c");
    g_assert_cmpstr(hf_event_get_process_id(event), ==, "init");
    g_assert_cmpstr(hf_event_get_syscall(event), ==, "mkdir");
    g_assert_cmpstr(hf_event_get_action(event), ==, "errno");
    g_assert_cmpuint(hf_event_get_pid(event), ==, 77);
    g_assert_cmpint(hf_event_get_number(event), ==, 3);
    g_assert_cmpint(hf_event_get_time_us(event), ==,
                    G_GINT64_CONSTANT(1769903998) * G_USEC_PER_SEC);
    g_assert_null(hf_event_get_checkpoint(event));
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_copy_has_the_same_parts(void)
{
    Fixture fixture;

    set_up(&fixture);
    append(&fixture, 58, 77, "mkdir", 3);
    begin(&fixture);
    HfEvent *event = next(&fixture);
    g_autoptr(HfEvent) copy = hf_event_copy(event);
    hf_event_free(event);
    g_autofree char *text = describe(copy);
    g_assert_cmpstr(text, ==, "seccomp init 3 mkdir errno 77");
    tear_down(&fixture);
}

static void
test_other_events_have_no_call(void)
{
    Fixture fixture;

    set_up(&fixture);
    append_text(&fixture, "pid", "1");
    begin(&fixture);
    g_autoptr(HfEvent) event = next(&fixture);
    g_assert_null(hf_event_get_syscall(event));
    g_assert_null(hf_event_get_action(event));
    g_assert_cmpuint(hf_event_get_pid(event), ==, 0);
    tear_down(&fixture);
}

static void
test_lines_are_told_as_they_come(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    assert_none(&fixture);
    for (int i = 0; i < 3; i++) {
        struct pollfd ready = {hf_events_get_fd(fixture.events), POLLIN, 0};

        append(&fixture, 10 + i, 1, "mkdir", 1);
        g_assert_cmpint(poll(&ready, 1, WAIT_MS), ==, 1);
        assert_next(&fixture, "seccomp init 1 mkdir errno 1");
        assert_none(&fixture);
    }
    tear_down(&fixture);
}

static void
test_half_a_line_waits_for_its_rest(void)
{
    Fixture fixture;
    g_autofree char *line = make_line(1, 1, "mkdir", 1);
    g_autofree char *half = g_strndup(line, 50);

    set_up(&fixture);
    append(&fixture, 1, 5, "chdir", 2);
    append_text(&fixture, "seccomp.json", half);
    begin(&fixture);
    assert_next(&fixture, "seccomp init 2 chdir errno 5");
    assert_none(&fixture);
    append_text(&fixture, "seccomp.json", line + 50);
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_rotation_loses_and_doubles_nothing(void)
{
    Fixture fixture;

    set_up(&fixture);
    append(&fixture, 1, 1, "mkdir", 1);
    rotate(&fixture);
    append(&fixture, 2, 2, "mkdir", 1);
    begin(&fixture);
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    assert_next(&fixture, "seccomp init 1 mkdir errno 2");
    append(&fixture, 3, 3, "mkdir", 1);
    rotate(&fixture);
    append(&fixture, 4, 4, "mkdir", 1);
    assert_next(&fixture, "seccomp init 1 mkdir errno 3");
    assert_next(&fixture, "seccomp init 1 mkdir errno 4");
    /* Twice between two looks: what was in the first of them is gone. */
    append(&fixture, 5, 5, "mkdir", 1);
    rotate(&fixture);
    append(&fixture, 6, 6, "mkdir", 1);
    rotate(&fixture);
    append(&fixture, 7, 7, "mkdir", 1);
    assert_next(&fixture, "seccomp init 1 mkdir errno 6");
    assert_next(&fixture, "seccomp init 1 mkdir errno 7");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_removed_file_that_comes_again_tells_nothing_twice(void)
{
    Fixture fixture;

    set_up(&fixture);
    append(&fixture, 1, 1, "mkdir", 1);
    rotate(&fixture);
    append(&fixture, 2, 2, "mkdir", 1);
    begin(&fixture);
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    assert_next(&fixture, "seccomp init 1 mkdir errno 2");
    g_autofree char *path = at(&fixture, "seccomp.json");
    g_assert_cmpint(unlink(path), ==, 0);
    assert_none(&fixture);
    append(&fixture, 3, 3, "mkdir", 1);
    assert_next(&fixture, "seccomp init 1 mkdir errno 3");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_file_that_was_cut_is_read_on(void)
{
    Fixture fixture;

    set_up(&fixture);
    append(&fixture, 1, 1, "mkdir", 1);
    append(&fixture, 2, 2, "mkdir", 1);
    begin(&fixture);
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    assert_next(&fixture, "seccomp init 1 mkdir errno 2");
    g_autofree char *path = at(&fixture, "seccomp.json");
    g_autofree char *line = make_line(1, 1, "mkdir", 1);
    /* The second line, as a full disk makes the agent do. */
    g_assert_cmpint(truncate(path, (off_t)strlen(line)), ==, 0);
    assert_none(&fixture);
    append(&fixture, 3, 3, "mkdir", 1);
    assert_next(&fixture, "seccomp init 1 mkdir errno 3");
    /* Everything, with another line behind before anybody looks. */
    g_assert_cmpint(truncate(path, 0), ==, 0);
    append(&fixture, 4, 4, "mkdir", 1);
    assert_next(&fixture, "seccomp init 1 mkdir errno 4");
    assert_none(&fixture);
    tear_down(&fixture);
}

/* Of all that is told by now, in the order of its times: how many events, and of how many calls. */
static guint
count_all(Fixture *self, guint64 *out_calls, guint *out_others)
{
    gint64 last_us = 0;
    guint count = 0;

    *out_calls = 0;
    *out_others = 0;
    for (;;) {
        g_autoptr(HfEvent) event = next(self);

        if (event == NULL)
            return count;
        g_assert_cmpint(hf_event_get_time_us(event), >=, last_us);
        last_us = hf_event_get_time_us(event);
        if (hf_event_get_event_type(event) != HF_EVENT_SECCOMP) {
            (*out_others)++;
            continue;
        }
        *out_calls += (guint64)hf_event_get_number(event);
        count++;
    }
}

static void
test_burst_is_counted_and_hides_nothing(void)
{
    Fixture fixture;
    g_autoptr(GString) lines = g_string_new(NULL);
    guint64 calls = 0;
    guint others = 0;

    set_up(&fixture);
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *line = make_line(1, i + 1, i % 2 == 0 ? "mkdir" : "chdir", 2);

        g_string_append(lines, line);
    }
    append_text(&fixture, "seccomp.json", lines->str);
    append_text(&fixture, "pid", "1");
    append_text(&fixture, "exitStatus", "3");
    begin(&fixture);
    /* 64 by themselves, and one for each name. */
    g_assert_cmpuint(count_all(&fixture, &calls, &others), ==, 66);
    g_assert_cmpuint(calls, ==, 2 * MANY);
    g_assert_cmpuint(others, ==, 2);
    tear_down(&fixture);
}

static void
test_names_without_end_are_counted_as_one(void)
{
    Fixture fixture;
    g_autoptr(GString) lines = g_string_new(NULL);
    guint64 calls = 0;
    guint others = 0;

    set_up(&fixture);
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("syscall_%u", i);
        g_autofree char *line = make_line(1, 1, name, 1);

        g_string_append(lines, line);
    }
    append_text(&fixture, "seccomp.json", lines->str);
    begin(&fixture);
    g_assert_cmpuint(count_all(&fixture, &calls, &others), ==, 64 + 256 + 1);
    g_assert_cmpuint(calls, ==, MANY);
    tear_down(&fixture);
}

static void
test_agents_record_of_all_others_is_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    append_text(&fixture, "seccomp.json",
                "{\"time\":\"2026-01-31T23:59:58Z\",\"id\":\"c\",\"syscall\":\"*\",\"count\":9}\n");
    begin(&fixture);
    g_autoptr(HfEvent) event = next(&fixture);
    g_assert_nonnull(event);
    g_assert_cmpstr(hf_event_get_syscall(event), ==, "*");
    g_assert_null(hf_event_get_action(event));
    g_assert_cmpuint(hf_event_get_pid(event), ==, 0);
    g_assert_cmpint(hf_event_get_number(event), ==, 9);
    tear_down(&fixture);
}

static void
test_what_makes_no_sense_is_passed_over(void)
{
    Fixture fixture;
    g_autofree char *name = g_strnfill(65, 'x');
    const char *names[] = {"", "a\\nb", "a b", "\\u001b[31m", "\xc2\x9b", "**", name};
    /* Two blocks of the reader: what follows stands where a line could begin. */
    g_autofree char *block = g_strnfill(2 * 16384, 'x');
    g_autofree char *line = make_line(1, 66, "mkdir", 1);

    set_up(&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        append(&fixture, 1, 1, names[i], 1);
    append(&fixture, 1, 1, "mkdir", 0);
    append_text(&fixture, "seccomp.json",
                "\n\n{}\n[]\nx\n{\"syscall\":\"mkdir\",\"count\":1}\n"
                "{\"time\":\"never\",\"syscall\":\"mkdir\",\"count\":1}\n");
    append(&fixture, 1, 7, "chdir", 2);
    append_text(&fixture, "seccomp.json", block);
    begin(&fixture);
    assert_next(&fixture, "seccomp init 2 chdir errno 7");
    assert_none(&fixture);
    append_text(&fixture, "seccomp.json", line);
    append(&fixture, 2, 8, "chdir", 2);
    assert_next(&fixture, "seccomp init 2 chdir errno 8");
    assert_none(&fixture);
    tear_down(&fixture);
}

/* In place of seccomp.json, while there is a record that must not be told. */
static void
put_hostile(const Fixture *self, int kind, const char *path)
{
    g_autofree char *other = at(self, "other");
    g_autofree char *line = make_line(1, 1, "mkdir", 1);

    append_text(self, "other", line);
    if (kind == 0)
        g_assert_cmpint(symlink(other, path), ==, 0);
    else if (kind == 1)
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    else if (kind == 2)
        g_assert_cmpint(mkdir(path, 0700), ==, 0);
    else
        g_assert_cmpint(rename(other, path), ==, 0);
    if (kind == 3)
        g_assert_cmpint(truncate(path, 5 * 1024 * 1024), ==, 0);
    if (kind == 4)
        g_assert_cmpint(chmod(path, 0606), ==, 0);
}

static void
test_what_is_no_file_of_ours_is_refused(void)
{
    static const char *const names[] = {"seccomp.json", "seccomp.json.1"};

    for (int i = 0; i < 10; i++) {
        Fixture fixture;

        set_up(&fixture);
        append_text(&fixture, "pid", "5");
        g_autofree char *path = at(&fixture, names[i % 2]);
        put_hostile(&fixture, i / 2, path);
        if (i % 2 == 1)
            append(&fixture, 1, 1, "chdir", 1);
        begin(&fixture);
        if (i % 2 == 1)
            assert_next(&fixture, "seccomp init 1 chdir errno 1");
        assert_next(&fixture, "created init 5");
        assert_none(&fixture);
        tear_down(&fixture);
    }
}

static void
test_process_made_again_is_read_from_its_beginning(void)
{
    Fixture fixture;
    g_autofree char *hidden = NULL;

    set_up(&fixture);
    append(&fixture, 1, 1, "mkdir", 1);
    begin(&fixture);
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    hidden = g_build_filename(fixture.root, ".deleted-c", NULL);
    g_autofree char *container = g_path_get_dirname(fixture.dir);
    g_assert_cmpint(rename(container, hidden), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(fixture.dir, 0700), ==, 0);
    append(&fixture, 1, 1, "mkdir", 1);
    /* The record is older than the deletion. */
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    g_autoptr(HfEvent) deleted = next(&fixture);
    g_assert_nonnull(deleted);
    g_assert_cmpint(hf_event_get_event_type(deleted), ==, HF_EVENT_DELETED);
    assert_none(&fixture);
    tear_down(&fixture);
}

/* How many watches there are. */
static guint
count_watches(const Fixture *self)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", hf_events_get_fd(self->events));
    g_autofree char *text = NULL;
    guint count = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (const char *at = text; (at = strstr(at, "inotify wd:")) != NULL; at++)
        count++;
    return count;
}

static void
test_files_that_are_gone_are_not_watched(void)
{
    Fixture fixture;
    guint count;

    set_up(&fixture);
    begin(&fixture);
    count = count_watches(&fixture);
    for (int i = 1; i < 4; i++) {
        append(&fixture, i, 1, "mkdir", 1);
        assert_next(&fixture, "seccomp init 1 mkdir errno 1");
        g_assert_cmpuint(count_watches(&fixture), ==, count + 1);
        rotate(&fixture);
    }
    append(&fixture, 5, 1, "mkdir", 1);
    assert_next(&fixture, "seccomp init 1 mkdir errno 1");
    /* A process that is removed while somebody has its file open. */
    g_autofree char *path = at(&fixture, "seccomp.json");
    g_autofree char *full = at(&fixture, "seccomp.json.1");
    hf_autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(unlink(path), ==, 0);
    g_assert_cmpint(unlink(full), ==, 0);
    g_assert_cmpint(rmdir(fixture.dir), ==, 0);
    assert_none(&fixture);
    g_assert_cmpuint(count_watches(&fixture), ==, count - 1);
    hf_close_fd(&fd);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) hf_test_add("/library/events-seccomp/" name, function)
    ADD("record-is-told-with-its-parts", test_record_is_told_with_its_parts);
    ADD("copy-has-the-same-parts", test_copy_has_the_same_parts);
    ADD("other-events-have-no-call", test_other_events_have_no_call);
    ADD("lines-are-told-as-they-come", test_lines_are_told_as_they_come);
    ADD("half-a-line-waits-for-its-rest", test_half_a_line_waits_for_its_rest);
    ADD("rotation-loses-and-doubles-nothing", test_rotation_loses_and_doubles_nothing);
    ADD("removed-file-that-comes-again-tells-nothing-twice",
        test_removed_file_that_comes_again_tells_nothing_twice);
    ADD("file-that-was-cut-is-read-on", test_file_that_was_cut_is_read_on);
    ADD("burst-is-counted-and-hides-nothing", test_burst_is_counted_and_hides_nothing);
    ADD("names-without-end-are-counted-as-one", test_names_without_end_are_counted_as_one);
    ADD("agents-record-of-all-others-is-told", test_agents_record_of_all_others_is_told);
    ADD("what-makes-no-sense-is-passed-over", test_what_makes_no_sense_is_passed_over);
    ADD("what-is-no-file-of-ours-is-refused", test_what_is_no_file_of_ours_is_refused);
    ADD("process-made-again-is-read-from-its-beginning",
        test_process_made_again_is_read_from_its_beginning);
    ADD("files-that-are-gone-are-not-watched", test_files_that_are_gone_are_not_watched);
#undef ADD
    return g_test_run();
}
