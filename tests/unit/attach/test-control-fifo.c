/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/control-fifo.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "test-kit.h"

typedef struct {
    GMainContext *context;
    char *dir;
    int dir_fd;
    HfControlFifo *fifo;
    GString *lines; /* each line followed by '|', "TOO LONG" for one that was dropped */
} Fixture;

static void
on_line(const char *line, gpointer user_data)
{
    Fixture *self = user_data;

    g_string_append_printf(self->lines, "%s|", line != NULL ? line : "TOO LONG");
}

static HfControlFifo *
make_fifo(Fixture *self, GError **error)
{
    return hf_control_fifo_new(self->context, self->dir_fd, "ctl", on_line, self, error);
}

static void
set_up_dir(Fixture *self)
{
    *self = (Fixture){0};
    self->context = g_main_context_new();
    self->dir = hf_test_make_dir();
    self->dir_fd = open(self->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    self->lines = g_string_new(NULL);
}

static void
set_up(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    set_up_dir(self);
    self->fifo = make_fifo(self, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *self)
{
    hf_control_fifo_free(self->fifo);
    hf_close_fd(&self->dir_fd);
    hf_test_remove_dir(self->dir);
    g_string_free(self->lines, TRUE);
    g_main_context_unref(self->context);
}

/* As engines do. */
static int
open_writer(const Fixture *self)
{
    int fd = openat(self->dir_fd, "ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
write_text(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

static mode_t
mode_of_fifo(const Fixture *self)
{
    struct stat status;

    g_assert_cmpint(fstatat(self->dir_fd, "ctl", &status, AT_SYMLINK_NOFOLLOW), ==, 0);
    return status.st_mode;
}

static void
test_lines_are_handed_on(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "1 24 80\n2 0 0\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "1 24 80|2 0 0|");
    tear_down(&self);
}

static void
test_line_that_comes_byte_by_byte(void)
{
    Fixture self;
    const char *text = "1 24 80\n1 25 81\n";

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    for (gsize i = 0; i < strlen(text); i++) {
        g_assert_cmpint(write(writer, text + i, 1), ==, 1);
        settle_without_spinning(self.context);
    }

    g_assert_cmpstr(self.lines->str, ==, "1 24 80|1 25 81|");
    tear_down(&self);
}

static void
test_garbage_spoils_no_line_but_its_own(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "\xff\x01%n;\n\n\n1 24 80\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "\xff\x01%n;|||1 24 80|");
    tear_down(&self);
}

static void
test_overlong_line_is_dropped_and_the_next_is_not(void)
{
    Fixture self;
    g_autofree char *overlong = g_strnfill(5000, '7');

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "1 24 80\n");
    write_text(writer, overlong);
    write_text(writer, "\n2 0 0\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "1 24 80|TOO LONG|2 0 0|");
    tear_down(&self);
}

static void
test_two_writers(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd first = open_writer(&self);
    hf_autofd second = open_writer(&self);
    write_text(first, "1 1 1\n");
    write_text(second, "1 2 2\n");
    write_text(first, "1 3 3\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "1 1 1|1 2 2|1 3 3|");
    tear_down(&self);
}

static void
test_last_writer_that_leaves_is_no_event(void)
{
    Fixture self;

    set_up(&self);
    int writer = open_writer(&self);
    write_text(writer, "1 1 1\n");
    hf_close_fd(&writer);
    assert_asleep(self.context);
    writer = open_writer(&self);
    write_text(writer, "1 2 2\n");
    hf_close_fd(&writer);
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "1 1 1|1 2 2|");
    tear_down(&self);
}

static void
test_one_wake_up_reads_a_bounded_number_of_bytes(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    for (int i = 0; i < 2000; i++)
        write_text(writer, "1 24 80\n");
    (void)g_main_context_iteration(self.context, FALSE);
    g_assert_cmpuint(self.lines->len, <, 2000 * 8);
    settle_without_spinning(self.context);

    g_assert_cmpuint(self.lines->len, ==, 2000 * 8);
    tear_down(&self);
}

static void
test_mode_is_exact_whatever_the_umask(void)
{
    static const mode_t umasks[] = {0, 022, 0777};

    for (gsize i = 0; i < G_N_ELEMENTS(umasks); i++) {
        Fixture self;
        g_autoptr(GError) error = NULL;

        set_up_dir(&self);
        mode_t old_umask = umask(umasks[i]);
        self.fifo = make_fifo(&self, &error);
        (void)umask(old_umask);

        g_assert_no_error(error);
        g_assert_cmpint(mode_of_fifo(&self), ==, S_IFIFO | 0660);
        tear_down(&self);
    }
}

static void
test_fifo_that_is_there_keeps_its_reader_and_lines(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;
    char line[16] = "";

    set_up_dir(&self);
    g_assert_cmpint(mkfifoat(self.dir_fd, "ctl", 0600), ==, 0);
    hf_autofd other_reader = openat(self.dir_fd, "ctl", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    write_text(other_reader, "2 0 0\n");
    self.fifo = make_fifo(&self, &error);
    g_assert_no_error(error);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "1 2 3\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "1 2 3|");
    g_assert_cmpint(mode_of_fifo(&self), ==, S_IFIFO | 0660);
    g_assert_cmpint(read(other_reader, line, sizeof line), ==, 6);
    g_assert_cmpstr(line, ==, "2 0 0\n");
    tear_down(&self);
}

static void
test_other_file_of_that_name_is_refused(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    hf_test_write_file(self.dir, "ctl", "2 0 0\n");
    self.fifo = make_fifo(&self, &error);

    g_assert_null(self.fifo);
    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    tear_down(&self);
}

static void
test_symbolic_link_is_refused(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    g_assert_cmpint(mkfifoat(self.dir_fd, "real", 0600), ==, 0);
    g_assert_cmpint(symlinkat("real", self.dir_fd, "ctl"), ==, 0);
    self.fifo = make_fifo(&self, &error);

    g_assert_null(self.fifo);
    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    tear_down(&self);
}

static void
test_free_leaves_the_fifo_without_a_reader(void)
{
    Fixture self;

    set_up(&self);
    g_clear_pointer(&self.fifo, hf_control_fifo_free);

    g_assert_cmpint(openat(self.dir_fd, "ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
    g_assert_cmpint(errno, ==, ENXIO);
    tear_down(&self);
}

static void
test_free_with_unread_lines(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "2 0 0\n");
    g_clear_pointer(&self.fifo, hf_control_fifo_free);
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "");
    tear_down(&self);
}

static void
test_end_hands_on_what_waits(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd writer = open_writer(&self);
    for (int i = 0; i < 2000; i++)
        write_text(writer, "1 24 80\n");
    g_clear_pointer(&self.fifo, hf_control_fifo_end);

    g_assert_cmpuint(self.lines->len, ==, 2000 * 8);
    g_assert_cmpint(openat(self.dir_fd, "ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
    g_assert_cmpint(errno, ==, ENXIO);
    tear_down(&self);
}

/* Each line makes another one, as a writer that never stops would. */
static void
write_again(const char *line, gpointer user_data)
{
    Fixture *self = user_data;
    hf_autofd writer = open_writer(self);

    write_text(writer, "1 24 80\n");
    on_line(line, self);
}

static void
test_end_does_not_wait_for_a_writer_that_goes_on(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    self.fifo = hf_control_fifo_new(self.context, self.dir_fd, "ctl", write_again, &self, &error);
    g_assert_no_error(error);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "1 24 80\n");
    g_clear_pointer(&self.fifo, hf_control_fifo_end);

    g_assert_cmpuint(self.lines->len, >, 0);
    tear_down(&self);
}

static void
test_shared_fifo_keeps_what_was_written_before(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    g_assert_cmpint(mkfifoat(self.dir_fd, "ctl", 0600), ==, 0);
    hf_autofd writer = openat(self.dir_fd, "ctl", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    write_text(writer, "0 0 0\n");
    self.fifo =
        hf_control_fifo_new_shared(self.context, self.dir_fd, "ctl", on_line, &self, &error);
    g_assert_no_error(error);
    write_text(writer, "2 0 0\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "0 0 0|2 0 0|");
    g_assert_cmpint(mode_of_fifo(&self) & 07777, ==, 0600);
    tear_down(&self);
}

static void
test_shared_fifo_is_made_if_it_is_missing(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    self.fifo =
        hf_control_fifo_new_shared(self.context, self.dir_fd, "ctl", on_line, &self, &error);
    g_assert_no_error(error);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "2 0 0\n");
    assert_asleep(self.context);

    g_assert_cmpstr(self.lines->str, ==, "2 0 0|");
    tear_down(&self);
}

static void
test_shared_name_of_another_thing_is_refused(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up_dir(&self);
    hf_test_write_file(self.dir, "ctl", "mine");
    self.fifo =
        hf_control_fifo_new_shared(self.context, self.dir_fd, "ctl", on_line, &self, &error);

    g_assert_error(error, HF_ERROR, HF_ERROR_EXISTS);
    g_assert_null(self.fifo);
    tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/control-fifo/lines-are-handed-on", test_lines_are_handed_on);
    hf_test_add("/attach/control-fifo/line-that-comes-byte-by-byte",
                test_line_that_comes_byte_by_byte);
    hf_test_add("/attach/control-fifo/garbage-spoils-no-line-but-its-own",
                test_garbage_spoils_no_line_but_its_own);
    hf_test_add("/attach/control-fifo/overlong-line-is-dropped-and-the-next-is-not",
                test_overlong_line_is_dropped_and_the_next_is_not);
    hf_test_add("/attach/control-fifo/two-writers", test_two_writers);
    hf_test_add("/attach/control-fifo/last-writer-that-leaves-is-no-event",
                test_last_writer_that_leaves_is_no_event);
    hf_test_add("/attach/control-fifo/one-wake-up-reads-a-bounded-number-of-bytes",
                test_one_wake_up_reads_a_bounded_number_of_bytes);
    hf_test_add("/attach/control-fifo/mode-is-exact-whatever-the-umask",
                test_mode_is_exact_whatever_the_umask);
    hf_test_add("/attach/control-fifo/fifo-that-is-there-keeps-its-reader-and-lines",
                test_fifo_that_is_there_keeps_its_reader_and_lines);
    hf_test_add("/attach/control-fifo/other-file-of-that-name-is-refused",
                test_other_file_of_that_name_is_refused);
    hf_test_add("/attach/control-fifo/symbolic-link-is-refused", test_symbolic_link_is_refused);
    hf_test_add("/attach/control-fifo/free-leaves-the-fifo-without-a-reader",
                test_free_leaves_the_fifo_without_a_reader);
    hf_test_add("/attach/control-fifo/free-with-unread-lines", test_free_with_unread_lines);
    hf_test_add("/attach/control-fifo/end-hands-on-what-waits", test_end_hands_on_what_waits);
    hf_test_add("/attach/control-fifo/end-does-not-wait-for-a-writer-that-goes-on",
                test_end_does_not_wait_for_a_writer_that_goes_on);

    hf_test_add("/attach/control-fifo/shared-fifo-keeps-what-was-written-before",
                test_shared_fifo_keeps_what_was_written_before);
    hf_test_add("/attach/control-fifo/shared-fifo-is-made-if-it-is-missing",
                test_shared_fifo_is_made_if_it_is_missing);
    hf_test_add("/attach/control-fifo/shared-name-of-another-thing-is-refused",
                test_shared_name_of_another_thing_is_refused);

    return g_test_run();
}
