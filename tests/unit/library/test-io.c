/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "library/io-private.h"
#include "test-kit.h"

#define DEADLINE_MS 60000

/* This program's side: what it types and reads; and the FIFOs, which the test opens as a monitor
 * does. */
typedef struct {
    char *parent;
    HfFifoSet *fifos;
    HfIo *io;
    int input[2];
    int output[2];
    int error[2];
} Fixture;

static void
make_pipe(int fds[2])
{
    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
}

static void
close_pipe(int fds[2])
{
    hf_close_fd(&fds[0]);
    hf_close_fd(&fds[1]);
}

static void
set_up(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    self->parent = hf_test_make_dir();
    self->fifos = hf_fifo_set_new(self->parent, "p", FALSE, &error);
    g_assert_no_error(error);
    make_pipe(self->input);
    make_pipe(self->output);
    make_pipe(self->error);
    self->io = hf_io_new(self->fifos, self->input[0], self->output[1], self->error[1], &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *self)
{
    g_clear_object(&self->io);
    g_clear_object(&self->fifos);
    close_pipe(self->input);
    close_pipe(self->output);
    close_pipe(self->error);
    hf_test_remove_dir(self->parent);
}

/* The container's side of a FIFO. */
static int
open_fifo(const Fixture *self, int which, int flags)
{
    int fd = open(self->fifos->paths[which], flags | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static bool
wait_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, DEADLINE_MS) == 1;
}

static void
assert_reads(int fd, const char *expected)
{
    gsize length = strlen(expected);
    g_autofree char *bytes = g_malloc0(length + 1);

    for (gsize at = 0; at < length;) {
        g_assert_true(wait_readable(fd));
        ssize_t count = read(fd, bytes + at, length - at);
        g_assert_cmpint(count, >, 0);
        at += (gsize)count;
    }
    g_assert_cmpstr(bytes, ==, expected);
}

static void
assert_ends(int fd)
{
    char byte;

    g_assert_true(wait_readable(fd));
    g_assert_cmpint(read(fd, &byte, 1), ==, 0);
}

static void
write_text(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, (int)strlen(text));
}

/* Writes until there is no more room; how much that was. */
static gsize
fill(int fd)
{
    g_autofree char *bytes = g_strnfill(4096, 'x');
    int flags = fcntl(fd, F_GETFL);
    gsize sum = 0;
    ssize_t count = 0;

    g_assert_cmpint(fcntl(fd, F_SETFL, flags | O_NONBLOCK), ==, 0);
    while ((count = write(fd, bytes, 4096)) > 0)
        sum += (gsize)count;
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(fcntl(fd, F_SETFL, flags), ==, 0);
    return sum;
}

static void
assert_wait_ends(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_io_wait(self->io, NULL, &error));
    g_assert_no_error(error);
}

static void
test_both_outputs_come_until_the_other_side_closes(void)
{
    Fixture fixture;

    set_up(&fixture);
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);
    int err = open_fifo(&fixture, HF_FIFO_STDERR, O_WRONLY);
    write_text(out, "out");
    write_text(err, "err");
    hf_close_fd(&out);
    hf_close_fd(&err);

    assert_wait_ends(&fixture);

    assert_reads(fixture.output[0], "out");
    assert_reads(fixture.error[0], "err");
    tear_down(&fixture);
}

static void
test_one_output_goes_on_after_the_other_has_ended(void)
{
    Fixture fixture;

    set_up(&fixture);
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);
    int err = open_fifo(&fixture, HF_FIFO_STDERR, O_WRONLY);
    hf_close_fd(&err);

    write_text(out, "still");
    assert_reads(fixture.output[0], "still");

    hf_close_fd(&out);
    assert_wait_ends(&fixture);
    tear_down(&fixture);
}

static void
test_input_waits_for_a_reader(void)
{
    Fixture fixture;

    set_up(&fixture);
    write_text(fixture.input[1], "typed early");
    hf_close_fd(&fixture.input[1]);

    int in = open_fifo(&fixture, HF_FIFO_STDIN, O_RDONLY | O_NONBLOCK);

    assert_reads(in, "typed early");
    assert_ends(in);
    hf_close_fd(&in);
    tear_down(&fixture);
}

static void
test_no_input_is_an_end_at_once(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autoptr(HfFifoSet) fifos = hf_fifo_set_new(parent, "p", FALSE, &error);
    g_autoptr(HfIo) io = hf_io_new(fifos, -1, -1, -1, &error);
    g_assert_no_error(error);

    hf_autofd in = open(fifos->paths[HF_FIFO_STDIN], O_RDONLY | O_CLOEXEC);

    assert_ends(in);
    g_clear_object(&io);
    hf_test_remove_dir(parent);
}

static void
test_closing_the_input_ends_what_the_reader_reads(void)
{
    Fixture fixture;

    set_up(&fixture);
    int in = open_fifo(&fixture, HF_FIFO_STDIN, O_RDONLY | O_NONBLOCK);
    write_text(fixture.input[1], "a");
    assert_reads(in, "a");

    hf_io_close_input(fixture.io);

    assert_ends(in);
    hf_io_close_input(fixture.io);
    hf_close_fd(&in);
    tear_down(&fixture);
}

static void
test_closing_the_input_does_not_wait_for_a_reader(void)
{
    char byte;
    Fixture fixture;

    set_up(&fixture);
    write_text(fixture.input[1], "kept");

    hf_io_close_input(fixture.io);

    g_assert_cmpint(read(fixture.input[0], &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'k');
    tear_down(&fixture);
}

static void
test_closing_the_input_does_not_need_the_fifos_name(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    g_assert_true(hf_fifo_set_remove(fixture.fifos, &error));

    hf_io_close_input(fixture.io);

    g_assert_no_error(error);
    tear_down(&fixture);
}

static void
test_input_ends_when_its_reader_is_gone(void)
{
    Fixture fixture;

    set_up(&fixture);
    int in = open_fifo(&fixture, HF_FIFO_STDIN, O_RDONLY | O_NONBLOCK);
    write_text(fixture.input[1], "a");
    assert_reads(in, "a");

    /* No SIGPIPE, which would end the test. */
    hf_close_fd(&in);
    write_text(fixture.input[1], "b");

    hf_io_close_input(fixture.io);
    tear_down(&fixture);
}

static void
test_more_input_than_the_fifo_holds_arrives_whole(void)
{
    gsize size = 300000;
    g_autofree char *sent = g_malloc(size + 1);
    Fixture fixture;

    for (gsize i = 0; i < size; i++)
        sent[i] = (char)('a' + i % 23);
    sent[size] = '\0';
    set_up(&fixture);
    int in = open_fifo(&fixture, HF_FIFO_STDIN, O_RDONLY | O_NONBLOCK);

    for (gsize at = 0; at < size; at += 50000) {
        g_autofree char *part = g_strndup(sent + at, 50000);

        write_text(fixture.input[1], part);
        if (at > 0) {
            g_autofree char *expected = g_strndup(sent + at - 50000, 50000);
            assert_reads(in, expected);
        }
    }
    hf_close_fd(&fixture.input[1]);

    assert_reads(in, sent + size - 50000);
    assert_ends(in);
    hf_close_fd(&in);
    tear_down(&fixture);
}

static void
test_output_that_is_discarded_does_not_hold_the_process_up(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autoptr(HfFifoSet) fifos = hf_fifo_set_new(parent, "p", FALSE, &error);
    g_autoptr(HfIo) io = hf_io_new(fifos, -1, -1, -1, &error);
    g_autofree char *block = g_strnfill(65536, 'x');
    g_assert_no_error(error);
    int out = open(fifos->paths[HF_FIFO_STDOUT], O_WRONLY | O_CLOEXEC);
    int err = open(fifos->paths[HF_FIFO_STDERR], O_WRONLY | O_CLOEXEC);

    for (int i = 0; i < 8; i++)
        write_text(out, block);
    hf_close_fd(&out);
    hf_close_fd(&err);

    g_assert_true(hf_io_wait(io, NULL, &error));
    g_assert_no_error(error);
    g_clear_object(&io);
    hf_test_remove_dir(parent);
}

static void
test_output_without_a_reader_is_discarded_and_no_signal(void)
{
    g_autofree char *block = g_strnfill(65536, 'x');
    Fixture fixture;

    set_up(&fixture);
    hf_close_fd(&fixture.output[0]);
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);
    int err = open_fifo(&fixture, HF_FIFO_STDERR, O_WRONLY);

    for (int i = 0; i < 8; i++)
        write_text(out, block);
    write_text(err, "other");
    hf_close_fd(&out);
    hf_close_fd(&err);

    assert_wait_ends(&fixture);
    assert_reads(fixture.error[0], "other");
    tear_down(&fixture);
}

static void
test_a_full_output_does_not_hold_the_other_up(void)
{
    Fixture fixture;

    set_up(&fixture);
    (void)fill(fixture.output[1]);
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);
    int err = open_fifo(&fixture, HF_FIFO_STDERR, O_WRONLY);
    write_text(out, "waits");

    write_text(err, "passes");
    assert_reads(fixture.error[0], "passes");

    hf_close_fd(&out);
    hf_close_fd(&err);
    tear_down(&fixture);
}

static void
test_what_waits_for_a_full_output_follows_when_there_is_room(void)
{
    Fixture fixture;

    set_up(&fixture);
    gsize length = fill(fixture.output[1]);
    g_autofree char *before = g_strnfill(length, 'x');
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);
    int err = open_fifo(&fixture, HF_FIFO_STDERR, O_WRONLY);
    write_text(out, "after");
    hf_close_fd(&out);
    hf_close_fd(&err);

    assert_reads(fixture.output[0], before);
    assert_reads(fixture.output[0], "after");

    assert_wait_ends(&fixture);
    tear_down(&fixture);
}

static void
test_cancelling_ends_with_a_full_output(void)
{
    Fixture fixture;

    set_up(&fixture);
    (void)fill(fixture.output[1]);
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);
    write_text(out, "waits");

    hf_io_cancel(fixture.io);

    assert_wait_ends(&fixture);
    hf_close_fd(&out);
    tear_down(&fixture);
}

static void
test_what_is_in_the_fifo_stays_for_the_next(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    /* As a monitor holds it: both sides. */
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_RDWR);
    write_text(out, "first");
    assert_reads(fixture.output[0], "first");
    hf_io_cancel(fixture.io);
    write_text(out, "second");

    g_autoptr(HfIo) next =
        hf_io_new(fixture.fifos, -1, fixture.output[1], fixture.error[1], &error);

    g_assert_no_error(error);
    assert_reads(fixture.output[0], "second");
    g_clear_object(&next);
    hf_close_fd(&out);
    tear_down(&fixture);
}

static void
test_cancelling_before_anybody_came_ends_and_may_be_repeated(void)
{
    Fixture fixture;

    set_up(&fixture);

    hf_io_cancel(fixture.io);
    hf_io_cancel(fixture.io);

    assert_wait_ends(&fixture);
    tear_down(&fixture);
}

static gpointer
cancel(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void
test_waiting_can_be_cancelled(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fixture fixture;

    set_up(&fixture);
    GThread *thread = g_thread_new("cancel", cancel, cancellable);

    g_assert_false(hf_io_wait(fixture.io, cancellable, &error));

    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join(thread);
    tear_down(&fixture);
}

static void
test_outputs_that_nobody_will_open_are_ended(void)
{
    Fixture fixture;

    set_up(&fixture);

    hf_io_end_output(fixture.io);

    assert_wait_ends(&fixture);
    tear_down(&fixture);
}

static void
test_missing_fifo_is_named(void)
{
    g_autoptr(GError) error = NULL;
    char *parent = hf_test_make_dir();
    g_autofree char *path = g_build_filename(parent, "missing", NULL);
    g_autoptr(HfStdio) stdio = hf_stdio_new(path, NULL, NULL);
    g_autoptr(HfFifoSet) fifos = hf_fifo_set_new_for_stdio(stdio, FALSE);

    g_autoptr(HfIo) io = hf_io_new(fifos, -1, -1, -1, &error);

    g_assert_null(io);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_nonnull(strstr(error->message, path));
    hf_test_remove_dir(parent);
}

static void
test_dropping_it_ends_the_threads(void)
{
    Fixture fixture;

    set_up(&fixture);
    int in = open_fifo(&fixture, HF_FIFO_STDIN, O_RDONLY | O_NONBLOCK);
    int out = open_fifo(&fixture, HF_FIFO_STDOUT, O_WRONLY);

    g_clear_object(&fixture.io);

    assert_ends(in);
    hf_close_fd(&in);
    hf_close_fd(&out);
    tear_down(&fixture);
}

#define ADD(name, function) hf_test_add("/library/io/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* As in a program that does nothing about it. */
    (void)signal(SIGPIPE, SIG_DFL);
    ADD("both-outputs-come-until-the-other-side-closes",
        test_both_outputs_come_until_the_other_side_closes);
    ADD("one-output-goes-on-after-the-other-has-ended",
        test_one_output_goes_on_after_the_other_has_ended);
    ADD("input-waits-for-a-reader", test_input_waits_for_a_reader);
    ADD("no-input-is-an-end-at-once", test_no_input_is_an_end_at_once);
    ADD("closing-the-input-ends-what-the-reader-reads",
        test_closing_the_input_ends_what_the_reader_reads);
    ADD("closing-the-input-does-not-wait-for-a-reader",
        test_closing_the_input_does_not_wait_for_a_reader);
    ADD("closing-the-input-does-not-need-the-fifos-name",
        test_closing_the_input_does_not_need_the_fifos_name);
    ADD("input-ends-when-its-reader-is-gone", test_input_ends_when_its_reader_is_gone);
    ADD("more-input-than-the-fifo-holds-arrives-whole",
        test_more_input_than_the_fifo_holds_arrives_whole);
    ADD("output-that-is-discarded-does-not-hold-the-process-up",
        test_output_that_is_discarded_does_not_hold_the_process_up);
    ADD("output-without-a-reader-is-discarded-and-no-signal",
        test_output_without_a_reader_is_discarded_and_no_signal);
    ADD("a-full-output-does-not-hold-the-other-up", test_a_full_output_does_not_hold_the_other_up);
    ADD("what-waits-for-a-full-output-follows-when-there-is-room",
        test_what_waits_for_a_full_output_follows_when_there_is_room);
    ADD("cancelling-ends-with-a-full-output", test_cancelling_ends_with_a_full_output);
    ADD("what-is-in-the-fifo-stays-for-the-next", test_what_is_in_the_fifo_stays_for_the_next);
    ADD("cancelling-before-anybody-came-ends-and-may-be-repeated",
        test_cancelling_before_anybody_came_ends_and_may_be_repeated);
    ADD("waiting-can-be-cancelled", test_waiting_can_be_cancelled);
    ADD("outputs-that-nobody-will-open-are-ended", test_outputs_that_nobody_will_open_are_ended);
    ADD("missing-fifo-is-named", test_missing_fifo_is_named);
    ADD("dropping-it-ends-the-threads", test_dropping_it_ends_the_threads);
    return g_test_run();
}
