/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/fifo-reader.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "test-kit.h"

typedef struct {
    GMainContext *context;
    char *dir;
    char *path;
    HfFifoReader *reader;
    GString *bytes;
    guint reads;
    guint ends;
} Fixture;

static void
on_bytes(const char *bytes, size_t length, gpointer user_data)
{
    Fixture *self = user_data;

    g_string_append_len(self->bytes, bytes, (gssize)length);
    self->reads++;
}

static void
on_end(gpointer user_data)
{
    Fixture *self = user_data;

    self->ends++;
}

static const HfFifoReaderHandlers handlers = {on_bytes, on_end};

static void
set_up(Fixture *self, bool stays_open)
{
    g_autoptr(GError) error = NULL;

    *self = (Fixture){.context = g_main_context_new(), .dir = hf_test_make_dir()};
    self->path = g_build_filename(self->dir, "fifo", NULL);
    self->bytes = g_string_new(NULL);
    g_assert_cmpint(mkfifo(self->path, 0600), ==, 0);
    self->reader =
        hf_fifo_reader_new(self->context, self->path, stays_open, &handlers, self, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *self)
{
    hf_fifo_reader_free(self->reader);
    hf_test_remove_dir(self->dir);
    g_free(self->path);
    g_string_free(self->bytes, TRUE);
    g_main_context_unref(self->context);
}

static int
open_writer(const Fixture *self)
{
    int fd = open(self->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
write_text(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

static void
test_no_writer_yet_is_no_end(void)
{
    Fixture self;

    set_up(&self, false);
    assert_asleep(self.context);
    g_assert_cmpuint(self.ends, ==, 0);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "hello");
    assert_asleep(self.context);

    g_assert_cmpstr(self.bytes->str, ==, "hello");
    g_assert_cmpuint(self.ends, ==, 0);
    tear_down(&self);
}

static void
test_last_writer_that_leaves_is_the_end(void)
{
    Fixture self;

    set_up(&self, false);
    int first = open_writer(&self);
    int second = open_writer(&self);
    write_text(first, "a");
    hf_close_fd(&first);
    settle_without_spinning(self.context);
    g_assert_cmpuint(self.ends, ==, 0);
    write_text(second, "b");
    hf_close_fd(&second);
    assert_asleep(self.context);

    g_assert_cmpstr(self.bytes->str, ==, "ab");
    g_assert_cmpuint(self.ends, ==, 1);
    tear_down(&self);
}

static void
test_after_the_end_writers_are_refused(void)
{
    Fixture self;

    set_up(&self, false);
    int writer = open_writer(&self);
    hf_close_fd(&writer);
    assert_asleep(self.context);

    g_assert_cmpuint(self.ends, ==, 1);
    g_assert_cmpint(open(self.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
    g_assert_cmpint(errno, ==, ENXIO);
    tear_down(&self);
}

static void
test_one_that_stays_open_takes_one_writer_after_the_other(void)
{
    Fixture self;

    set_up(&self, true);
    for (int i = 0; i < 3; i++) {
        int writer = open_writer(&self);

        write_text(writer, "x");
        hf_close_fd(&writer);
        assert_asleep(self.context);
    }

    g_assert_cmpstr(self.bytes->str, ==, "xxx");
    g_assert_cmpuint(self.ends, ==, 0);
    tear_down(&self);
}

static void
test_nothing_is_read_while_paused(void)
{
    Fixture self;

    set_up(&self, false);
    hf_fifo_reader_set_paused(self.reader, true);
    int writer = open_writer(&self);
    write_text(writer, "later");
    hf_close_fd(&writer);
    assert_asleep(self.context);
    g_assert_cmpuint(self.bytes->len, ==, 0);
    g_assert_cmpuint(self.ends, ==, 0);
    hf_fifo_reader_set_paused(self.reader, false);
    assert_asleep(self.context);

    g_assert_cmpstr(self.bytes->str, ==, "later");
    g_assert_cmpuint(self.ends, ==, 1);
    tear_down(&self);
}

static void
test_finish_reads_what_is_there_though_the_writer_stays(void)
{
    Fixture self;
    g_autofree char *text = g_strnfill(60000, 'x');

    set_up(&self, false);
    hf_autofd writer = open_writer(&self);
    write_text(writer, text);
    hf_fifo_reader_finish(self.reader);
    g_assert_cmpuint(self.reads, ==, 0);
    assert_asleep(self.context);

    g_assert_cmpstr(self.bytes->str, ==, text);
    g_assert_cmpuint(self.reads, >, 1);
    g_assert_cmpuint(self.ends, ==, 1);
    tear_down(&self);
}

static void
test_finish_while_paused_waits(void)
{
    Fixture self;

    set_up(&self, true);
    hf_autofd writer = open_writer(&self);
    write_text(writer, "text");
    hf_fifo_reader_set_paused(self.reader, true);
    hf_fifo_reader_finish(self.reader);
    assert_asleep(self.context);
    g_assert_cmpuint(self.ends, ==, 0);
    hf_fifo_reader_set_paused(self.reader, false);
    assert_asleep(self.context);

    g_assert_cmpstr(self.bytes->str, ==, "text");
    g_assert_cmpuint(self.ends, ==, 1);
    tear_down(&self);
}

static void
test_finish_twice_ends_once(void)
{
    Fixture self;

    set_up(&self, false);
    hf_fifo_reader_finish(self.reader);
    hf_fifo_reader_finish(self.reader);
    assert_asleep(self.context);
    hf_fifo_reader_finish(self.reader);
    assert_asleep(self.context);

    g_assert_cmpuint(self.ends, ==, 1);
    tear_down(&self);
}

static void
test_file_is_read_to_its_end(void)
{
    Fixture self;
    g_autoptr(GError) error = NULL;

    set_up(&self, false);
    g_clear_pointer(&self.reader, hf_fifo_reader_free);
    hf_test_write_file(self.dir, "file", "contents");
    g_autofree char *path = g_build_filename(self.dir, "file", NULL);
    self.reader = hf_fifo_reader_new(self.context, path, true, &handlers, &self, &error);
    g_assert_no_error(error);
    assert_asleep(self.context);

    g_assert_cmpstr(self.bytes->str, ==, "contents");
    g_assert_cmpuint(self.ends, ==, 1);
    tear_down(&self);
}

static void
test_path_that_is_missing_is_named(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_fifo_reader_new(NULL, "/no/such", false, &handlers, NULL, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_nonnull(strstr(error->message, "/no/such"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/attach/fifo-reader/no-writer-yet-is-no-end", test_no_writer_yet_is_no_end);
    hf_test_add("/attach/fifo-reader/last-writer-that-leaves-is-the-end",
                test_last_writer_that_leaves_is_the_end);
    hf_test_add("/attach/fifo-reader/after-the-end-writers-are-refused",
                test_after_the_end_writers_are_refused);
    hf_test_add("/attach/fifo-reader/one-that-stays-open-takes-one-writer-after-the-other",
                test_one_that_stays_open_takes_one_writer_after_the_other);
    hf_test_add("/attach/fifo-reader/nothing-is-read-while-paused",
                test_nothing_is_read_while_paused);
    hf_test_add("/attach/fifo-reader/finish-reads-what-is-there-though-the-writer-stays",
                test_finish_reads_what_is_there_though_the_writer_stays);
    hf_test_add("/attach/fifo-reader/finish-while-paused-waits", test_finish_while_paused_waits);
    hf_test_add("/attach/fifo-reader/finish-twice-ends-once", test_finish_twice_ends_once);
    hf_test_add("/attach/fifo-reader/file-is-read-to-its-end", test_file_is_read_to_its_end);
    hf_test_add("/attach/fifo-reader/path-that-is-missing-is-named",
                test_path_that_is_missing_is_named);
    return g_test_run();
}
