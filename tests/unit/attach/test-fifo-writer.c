/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "attach/fifo-writer.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "test-kit.h"

#define LONG_MS 600000
#define BIG (256 * 1024)

typedef struct {
    GMainContext *context;
    char *dir;
    char *path;
    HfFifoWriter *writer;
    guint congestion_changes;
    guint finishes;
    GError *failure;
} Fixture;

static void
on_congestion(gpointer user_data)
{
    Fixture *self = user_data;

    self->congestion_changes++;
}

static void
on_failed(const GError *error, gpointer user_data)
{
    Fixture *self = user_data;

    g_assert_null(self->failure);
    self->failure = g_error_copy(error);
}

static void
on_finished(gpointer user_data)
{
    Fixture *self = user_data;

    self->finishes++;
}

static const HfFifoWriterHandlers handlers = {on_congestion, on_failed, on_finished};

static void
set_up_for(Fixture *self, const char *path)
{
    g_autoptr(GError) error = NULL;

    *self = (Fixture){.context = g_main_context_new(), .dir = hf_test_make_dir()};
    self->path = path != NULL ? g_strdup(path) : g_build_filename(self->dir, "fifo", NULL);
    if (path == NULL)
        g_assert_cmpint(mkfifo(self->path, 0600), ==, 0);
    self->writer = hf_fifo_writer_new(self->context, self->path, &handlers, self, &error);
    g_assert_no_error(error);
}

static void
set_up(Fixture *self)
{
    set_up_for(self, NULL);
}

static void
tear_down(Fixture *self)
{
    hf_fifo_writer_free(self->writer);
    hf_test_remove_dir(self->dir);
    g_free(self->path);
    g_clear_error(&self->failure);
    g_main_context_unref(self->context);
}

static int
open_reader(const Fixture *self)
{
    int fd = open(self->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
push_pattern(Fixture *self, gsize length)
{
    g_autofree guint8 *bytes = g_malloc(length);

    fill_pattern(bytes, length, 0);
    hf_fifo_writer_push(self->writer, (const char *)bytes, length);
}

/* Reads what is there. */
static void
read_some(int fd, GByteArray *into)
{
    guint8 bytes[10000];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        g_byte_array_append(into, bytes, (guint)n);
}

static void
assert_is_pattern(const GByteArray *bytes, gsize length)
{
    g_autofree char *expected = checksum_of_pattern(length);
    g_autofree char *found =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);

    g_assert_cmpuint(bytes->len, ==, length);
    g_assert_cmpstr(found, ==, expected);
}

static bool
is_finished(gpointer user_data)
{
    Fixture *self = user_data;

    return self->finishes > 0;
}

static void
test_what_fits_waits_in_the_fifo_for_a_reader(void)
{
    Fixture self;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    set_up(&self);
    push_pattern(&self, 1000);
    assert_asleep(self.context);
    hf_autofd reader = open_reader(&self);
    read_some(reader, bytes);

    assert_is_pattern(bytes, 1000);
    g_assert_cmpuint(self.congestion_changes, ==, 0);
    tear_down(&self);
}

static void
test_more_than_fits_is_congestion_until_it_is_read(void)
{
    Fixture self;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    set_up(&self);
    push_pattern(&self, BIG);
    assert_asleep(self.context);
    g_assert_true(hf_fifo_writer_is_congested(self.writer));
    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, BIG);
    hf_autofd reader = open_reader(&self);
    while (bytes->len < BIG) {
        read_some(reader, bytes);
        settle_without_spinning(self.context);
    }

    assert_is_pattern(bytes, BIG);
    g_assert_false(hf_fifo_writer_is_congested(self.writer));
    g_assert_cmpuint(self.congestion_changes, ==, 2);
    assert_asleep(self.context);
    tear_down(&self);
}

static void
test_readers_that_come_and_go_lose_nothing(void)
{
    Fixture self;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    set_up(&self);
    push_pattern(&self, BIG);
    while (bytes->len < BIG) {
        hf_autofd reader = open_reader(&self);

        read_some(reader, bytes);
        hf_close_fd(&reader);
        settle_without_spinning(self.context);
    }

    assert_is_pattern(bytes, BIG);
    g_assert_no_error(self.failure);
    tear_down(&self);
}

static void
test_finish_without_anything_written(void)
{
    Fixture self;

    set_up(&self);
    hf_fifo_writer_finish(self.writer, LONG_MS);
    g_assert_cmpuint(self.finishes, ==, 0);
    settle_without_spinning(self.context);

    g_assert_cmpuint(self.finishes, ==, 1);
    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, 0);
    assert_asleep(self.context);
    tear_down(&self);
}

static void
test_finish_leaves_a_reader_what_is_in_the_fifo(void)
{
    Fixture self;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    set_up(&self);
    hf_autofd reader = open_reader(&self);
    push_pattern(&self, 1000);
    hf_fifo_writer_finish(self.writer, LONG_MS);
    settle_without_spinning(self.context);
    g_assert_cmpuint(self.finishes, ==, 1);
    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, 0);
    g_clear_pointer(&self.writer, hf_fifo_writer_free);
    read_some(reader, bytes);

    assert_is_pattern(bytes, 1000);
    tear_down(&self);
}

static void
test_finish_waits_for_a_reader_who_has_not_come_yet(void)
{
    Fixture self;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    set_up(&self);
    push_pattern(&self, 1000);
    hf_fifo_writer_finish(self.writer, LONG_MS);
    settle_without_spinning(self.context);
    g_assert_cmpuint(self.finishes, ==, 0);
    hf_autofd reader = open_reader(&self);
    hf_test_wait(self.context, "the end", is_finished, &self);
    read_some(reader, bytes);

    assert_is_pattern(bytes, 1000);
    tear_down(&self);
}

static bool
has_read_all(gpointer user_data)
{
    GByteArray *bytes = user_data;

    return bytes->len == BIG;
}

typedef struct {
    Fixture *self;
    GByteArray *bytes;
    int fd;
} SlowReader;

static gboolean
read_a_little(gpointer user_data)
{
    SlowReader *reader = user_data;
    guint8 bytes[3000];
    ssize_t n = read(reader->fd, bytes, sizeof bytes);

    if (n > 0)
        g_byte_array_append(reader->bytes, bytes, (guint)n);
    return G_SOURCE_CONTINUE;
}

static void
test_finish_serves_a_slow_reader_to_the_end(void)
{
    Fixture self;
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    set_up(&self);
    hf_autofd fd = open_reader(&self);
    push_pattern(&self, BIG);
    SlowReader reader = {&self, bytes, fd};
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_callback(source, read_a_little, &reader, NULL);
    g_source_attach(source, self.context);
    hf_fifo_writer_finish(self.writer, LONG_MS);
    hf_test_wait(self.context, "all bytes", has_read_all, bytes);
    hf_test_wait(self.context, "the end", is_finished, &self);
    g_source_destroy(source);

    assert_is_pattern(bytes, BIG);
    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, 0);
    tear_down(&self);
}

static void
test_finish_gives_up_what_nobody_reads(void)
{
    Fixture self;

    set_up(&self);
    push_pattern(&self, BIG);
    hf_fifo_writer_finish(self.writer, 1);
    hf_test_wait(self.context, "the end", is_finished, &self);

    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, BIG);
    assert_asleep(self.context);
    tear_down(&self);
}

static void
test_finish_counts_what_waits_in_a_fifo_without_a_reader(void)
{
    Fixture self;

    set_up(&self);
    push_pattern(&self, 1000);
    hf_fifo_writer_finish(self.writer, 1);
    hf_test_wait(self.context, "the end", is_finished, &self);

    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, 1000);
    tear_down(&self);
}

static void
test_file_is_appended_to(void)
{
    Fixture self;
    char *dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(dir, "file", NULL);

    hf_test_write_file(dir, "file", "before,");
    set_up_for(&self, path);
    hf_fifo_writer_push(self.writer, "after", 5);
    hf_fifo_writer_finish(self.writer, LONG_MS);
    settle_without_spinning(self.context);

    g_autofree char *text = hf_test_read_file(dir, "file");
    g_assert_cmpstr(text, ==, "before,after");
    g_assert_cmpuint(self.finishes, ==, 1);
    g_assert_cmpuint(hf_fifo_writer_get_pending(self.writer), ==, 0);
    tear_down(&self);
    hf_test_remove_dir(dir);
}

static void
test_device_that_takes_nothing_fails_once(void)
{
    Fixture self;

    set_up_for(&self, "/dev/full");
    push_pattern(&self, 1000);
    push_pattern(&self, 1000);
    hf_fifo_writer_finish(self.writer, LONG_MS);
    settle_without_spinning(self.context);

    g_assert_error(self.failure, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    g_assert_false(hf_fifo_writer_is_congested(self.writer));
    g_assert_cmpuint(self.finishes, ==, 1);
    tear_down(&self);
}

static void
test_path_that_cannot_be_opened_is_named(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *missing = g_build_filename(dir, "missing", NULL);
    const char *const paths[] = {missing, dir};

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_fifo_writer_new(NULL, paths[i], &handlers, NULL, &error));

        g_assert_cmpuint(error->domain, ==, G_FILE_ERROR);
        g_assert_nonnull(strstr(error->message, paths[i]));
    }
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/attach/fifo-writer/what-fits-waits-in-the-fifo-for-a-reader",
                test_what_fits_waits_in_the_fifo_for_a_reader);
    hf_test_add("/attach/fifo-writer/more-than-fits-is-congestion-until-it-is-read",
                test_more_than_fits_is_congestion_until_it_is_read);
    hf_test_add("/attach/fifo-writer/readers-that-come-and-go-lose-nothing",
                test_readers_that_come_and_go_lose_nothing);
    hf_test_add("/attach/fifo-writer/finish-without-anything-written",
                test_finish_without_anything_written);
    hf_test_add("/attach/fifo-writer/finish-leaves-a-reader-what-is-in-the-fifo",
                test_finish_leaves_a_reader_what_is_in_the_fifo);
    hf_test_add("/attach/fifo-writer/finish-waits-for-a-reader-who-has-not-come-yet",
                test_finish_waits_for_a_reader_who_has_not_come_yet);
    hf_test_add("/attach/fifo-writer/finish-serves-a-slow-reader-to-the-end",
                test_finish_serves_a_slow_reader_to_the_end);
    hf_test_add("/attach/fifo-writer/finish-gives-up-what-nobody-reads",
                test_finish_gives_up_what_nobody_reads);
    hf_test_add("/attach/fifo-writer/finish-counts-what-waits-in-a-fifo-without-a-reader",
                test_finish_counts_what_waits_in_a_fifo_without_a_reader);
    hf_test_add("/attach/fifo-writer/file-is-appended-to", test_file_is_appended_to);
    hf_test_add("/attach/fifo-writer/device-that-takes-nothing-fails-once",
                test_device_that_takes_nothing_fails_once);
    hf_test_add("/attach/fifo-writer/path-that-cannot-be-opened-is-named",
                test_path_that_cannot_be_opened_is_named);
    return g_test_run();
}
