/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <glib.h>

#include "attach/stdin-pump.h"
#include "base/error.h"
#include "base/fd.h"
#include "loop-checks.h"
#include "test-kit.h"

#define LIMIT_BYTES 100000
#define PIPE_BYTES 65536

typedef struct {
    GMainContext *context;
    HfStdinPump *pump;
    int read_fd;  /* the container's end */
    int write_fd; /* the pump's, until it takes it */
    guint n_pressure;
    guint n_broken;
    int broken_code;
    GByteArray *received;
} Fixture;

static void
on_pressure(gpointer user_data)
{
    ((Fixture *)user_data)->n_pressure++;
}

static void
on_broken(const GError *error, gpointer user_data)
{
    Fixture *self = user_data;

    g_assert_true(error->domain == HF_ERROR);
    self->broken_code = error->code;
    self->n_broken++;
}

static void
set_up(Fixture *self)
{
    static const HfStdinHandlers handlers = {on_pressure, on_broken};
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    g_assert_cmpint(fcntl(fds[0], F_SETFL, O_NONBLOCK), ==, 0);
    *self = (Fixture){.read_fd = fds[0], .write_fd = fds[1]};
    self->context = g_main_context_new();
    self->received = g_byte_array_new();
    self->pump = hf_stdin_pump_new(self->context, LIMIT_BYTES, &handlers, self);
}

static void
tear_down(Fixture *self)
{
    hf_stdin_pump_free(self->pump);
    settle_without_spinning(self->context);
    hf_close_fd(&self->read_fd);
    hf_close_fd(&self->write_fd);
    g_byte_array_unref(self->received);
    g_main_context_unref(self->context);
}

static void
give_fd(Fixture *self)
{
    hf_stdin_pump_take_fd(self->pump, hf_steal_fd(&self->write_fd));
}

static void
push_text(Fixture *self, const char *text)
{
    hf_stdin_pump_push(self->pump, text, strlen(text));
}

/* Returns the offset behind what it pushed. */
static gsize
push_pattern(Fixture *self, gsize offset, gsize length)
{
    g_autofree guint8 *bytes = g_malloc(length);

    fill_pattern(bytes, length, offset);
    hf_stdin_pump_push(self->pump, (const char *)bytes, length);
    return offset + length;
}

/* One read of at most @size bytes. FALSE at the end; nothing to read is no end. */
static bool
container_reads(Fixture *self, gsize size)
{
    guint8 bytes[16384];
    ssize_t n = read(self->read_fd, bytes, MIN(size, sizeof bytes));

    if (n < 0)
        g_assert_cmpint(errno, ==, EAGAIN);
    if (n > 0)
        g_byte_array_append(self->received, bytes, (guint)n);
    return n != 0;
}

static void
container_reads_until(Fixture *self, gsize total, gsize step)
{
    while (self->received->len < total) {
        g_assert_true(container_reads(self, step));
        settle_without_spinning(self->context);
    }
}

static void
assert_received_pattern(const Fixture *self, gsize length)
{
    g_autofree char *expected = checksum_of_pattern(length);
    g_autofree char *got =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, self->received->data, self->received->len);

    g_assert_cmpuint(self->received->len, ==, length);
    g_assert_cmpstr(got, ==, expected);
}

static void
test_bytes_go_through_at_once(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    push_text(&self, "ls\n");

    g_assert_true(container_reads(&self, 100));
    g_assert_cmpmem(self.received->data, self.received->len, "ls\n", 3);
    assert_asleep(self.context);
    tear_down(&self);
}

static void
test_bytes_wait_for_the_descriptor(void)
{
    Fixture self;

    set_up(&self);
    push_text(&self, "typed ");
    push_text(&self, "early");
    assert_asleep(self.context);
    give_fd(&self);
    push_text(&self, " and late");
    container_reads_until(&self, 20, 100);

    g_assert_cmpmem(self.received->data, self.received->len, "typed early and late", 20);
    tear_down(&self);
}

static void
test_slow_container_gets_every_byte(void)
{
    Fixture self;
    gsize pushed = 0;

    set_up(&self);
    give_fd(&self);
    for (int round = 0; round < 20; round++) {
        while (!hf_stdin_pump_is_full(self.pump))
            pushed = push_pattern(&self, pushed, 32768);
        while (hf_stdin_pump_is_full(self.pump)) {
            g_assert_true(container_reads(&self, 777));
            settle_without_spinning(self.context);
        }
    }
    container_reads_until(&self, pushed, 4000);

    assert_received_pattern(&self, pushed);
    g_assert_cmpuint(self.n_pressure, ==, 40);
    assert_asleep(self.context);
    tear_down(&self);
}

/* The descriptor may have room again before the main loop sees it. */
static void
test_push_never_overtakes_what_waits(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    gsize pushed = push_pattern(&self, 0, PIPE_BYTES + 1000);
    g_assert_true(container_reads(&self, 16384));
    pushed = push_pattern(&self, pushed, 1000);
    container_reads_until(&self, pushed, 16384);

    assert_received_pattern(&self, pushed);
    tear_down(&self);
}

static void
test_container_that_does_not_read_makes_it_full_without_spinning(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    (void)push_pattern(&self, 0, PIPE_BYTES + LIMIT_BYTES - 1);
    g_assert_false(hf_stdin_pump_is_full(self.pump));
    g_assert_cmpuint(self.n_pressure, ==, 0);
    push_text(&self, "x");

    g_assert_true(hf_stdin_pump_is_full(self.pump));
    g_assert_cmpuint(self.n_pressure, ==, 1);
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_broken, ==, 0);
    tear_down(&self);
}

static void
test_a_push_larger_than_the_limit_is_taken_whole(void)
{
    Fixture self;

    set_up(&self);
    gsize pushed = push_pattern(&self, 0, 3 * LIMIT_BYTES);
    g_assert_true(hf_stdin_pump_is_full(self.pump));
    give_fd(&self);
    container_reads_until(&self, pushed, 16384);

    assert_received_pattern(&self, pushed);
    g_assert_false(hf_stdin_pump_is_full(self.pump));
    tear_down(&self);
}

static void
test_close_with_nothing_pending_is_seen_at_once(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    push_text(&self, "bye");
    hf_stdin_pump_close(self.pump);
    hf_stdin_pump_close(self.pump);

    g_assert_true(container_reads(&self, 100));
    g_assert_false(container_reads(&self, 100));
    tear_down(&self);
}

static void
test_close_waits_for_what_is_pending(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    gsize pushed = push_pattern(&self, 0, PIPE_BYTES + 50000);
    hf_stdin_pump_close(self.pump);
    push_text(&self, "too late");
    while (container_reads(&self, 5000))
        settle_without_spinning(self.context);

    assert_received_pattern(&self, pushed);
    assert_asleep(self.context);
    tear_down(&self);
}

static void
test_close_before_the_descriptor_is_there(void)
{
    Fixture self;

    set_up(&self);
    push_text(&self, "all I say");
    hf_stdin_pump_close(self.pump);
    give_fd(&self);
    while (container_reads(&self, 100))
        settle_without_spinning(self.context);

    g_assert_cmpmem(self.received->data, self.received->len, "all I say", 9);
    tear_down(&self);
}

static void
test_close_before_anything(void)
{
    Fixture self;

    set_up(&self);
    hf_stdin_pump_close(self.pump);
    give_fd(&self);

    g_assert_false(container_reads(&self, 100));
    assert_asleep(self.context);
    tear_down(&self);
}

static void
test_container_that_closed_its_end_is_told_from_the_main_loop(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    hf_close_fd(&self.read_fd);
    push_text(&self, "anybody?");
    g_assert_cmpuint(self.n_broken, ==, 0);
    push_text(&self, "hello?");
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_broken, ==, 1);
    g_assert_cmpint(self.broken_code, ==, HF_ERROR_FAILED);
    g_assert_cmpuint(self.n_pressure, ==, 0);
    tear_down(&self);
}

static void
test_container_that_goes_away_relieves_the_pressure(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    (void)push_pattern(&self, 0, PIPE_BYTES + LIMIT_BYTES);
    g_assert_true(hf_stdin_pump_is_full(self.pump));
    hf_close_fd(&self.read_fd);
    assert_asleep(self.context);

    g_assert_false(hf_stdin_pump_is_full(self.pump));
    g_assert_cmpuint(self.n_pressure, ==, 2);
    g_assert_cmpuint(self.n_broken, ==, 1);
    tear_down(&self);
}

static void
test_close_after_it_broke_is_harmless(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    hf_close_fd(&self.read_fd);
    push_text(&self, "anybody?");
    hf_stdin_pump_close(self.pump);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_broken, ==, 1);
    tear_down(&self);
}

static void
test_free_with_pending_bytes(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    (void)push_pattern(&self, 0, PIPE_BYTES + 1000);
    g_clear_pointer(&self.pump, hf_stdin_pump_free);
    assert_asleep(self.context);

    container_reads_until(&self, PIPE_BYTES, 16384);
    g_assert_false(container_reads(&self, 1));
    tear_down(&self);
}

static void
test_free_while_broken_is_due(void)
{
    Fixture self;

    set_up(&self);
    give_fd(&self);
    hf_close_fd(&self.read_fd);
    push_text(&self, "anybody?");
    g_clear_pointer(&self.pump, hf_stdin_pump_free);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_broken, ==, 0);
    tear_down(&self);
}

static int
open_raw_terminal(const char *name)
{
    struct termios settings;
    int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(tcgetattr(fd, &settings), ==, 0);
    cfmakeraw(&settings);
    g_assert_cmpint(tcsetattr(fd, TCSANOW, &settings), ==, 0);
    return fd;
}

/* Makes the pump's end a terminal; its name is in @out_name. */
static void
use_terminal(Fixture *self, char *out_name, gsize size)
{
    hf_close_fd(&self->write_fd);
    hf_close_fd(&self->read_fd);
    self->write_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(self->write_fd, >=, 0);
    g_assert_cmpint(unlockpt(self->write_fd), ==, 0);
    g_assert_cmpint(ptsname_r(self->write_fd, out_name, size), ==, 0);
    self->read_fd = open_raw_terminal(out_name);
}

static bool
has_received_100000(gpointer user_data)
{
    Fixture *self = user_data;

    for (int i = 0; i < 10; i++)
        g_assert_true(container_reads(self, 500));
    return self->received->len >= 100000;
}

static void
test_slow_terminal_gets_every_byte(void)
{
    Fixture self;
    char name[64];

    set_up(&self);
    use_terminal(&self, name, sizeof name);
    give_fd(&self);
    gsize pushed = push_pattern(&self, 0, 100000);
    /* The kernel hands a terminal's bytes over in a thread of its own. */
    hf_test_wait(self.context, "the terminal has it all", has_received_100000, &self);

    assert_received_pattern(&self, pushed);
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_broken, ==, 0);
    tear_down(&self);
}

/* The kernel keeps what it has room for until somebody opens the terminal, and reports a hang-up
 * all the while. */
static void
test_terminal_that_nobody_has_open_is_waited_for_without_spinning(void)
{
    Fixture self;
    char name[64];

    set_up(&self);
    use_terminal(&self, name, sizeof name);
    give_fd(&self);
    hf_close_fd(&self.read_fd);
    gsize pushed = push_pattern(&self, 0, 200000);
    settle_without_spinning(self.context);
    g_assert_true(hf_stdin_pump_is_full(self.pump));
    self.read_fd = open_raw_terminal(name);
    while (self.received->len < pushed) {
        g_assert_true(container_reads(&self, 4000));
        (void)g_main_context_iteration(self.context, FALSE);
    }

    assert_received_pattern(&self, pushed);
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_broken, ==, 0);
    tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* As in the monitor. */
    (void)signal(SIGPIPE, SIG_IGN);

    hf_test_add("/attach/stdin-pump/bytes-go-through-at-once", test_bytes_go_through_at_once);
    hf_test_add("/attach/stdin-pump/bytes-wait-for-the-descriptor",
                test_bytes_wait_for_the_descriptor);
    hf_test_add("/attach/stdin-pump/slow-container-gets-every-byte",
                test_slow_container_gets_every_byte);
    hf_test_add("/attach/stdin-pump/push-never-overtakes-what-waits",
                test_push_never_overtakes_what_waits);
    hf_test_add("/attach/stdin-pump/container-that-does-not-read-makes-it-full-without-spinning",
                test_container_that_does_not_read_makes_it_full_without_spinning);
    hf_test_add("/attach/stdin-pump/a-push-larger-than-the-limit-is-taken-whole",
                test_a_push_larger_than_the_limit_is_taken_whole);
    hf_test_add("/attach/stdin-pump/close-with-nothing-pending-is-seen-at-once",
                test_close_with_nothing_pending_is_seen_at_once);
    hf_test_add("/attach/stdin-pump/close-waits-for-what-is-pending",
                test_close_waits_for_what_is_pending);
    hf_test_add("/attach/stdin-pump/close-before-the-descriptor-is-there",
                test_close_before_the_descriptor_is_there);
    hf_test_add("/attach/stdin-pump/close-before-anything", test_close_before_anything);
    hf_test_add("/attach/stdin-pump/container-that-closed-its-end-is-told-from-the-main-loop",
                test_container_that_closed_its_end_is_told_from_the_main_loop);
    hf_test_add("/attach/stdin-pump/container-that-goes-away-relieves-the-pressure",
                test_container_that_goes_away_relieves_the_pressure);
    hf_test_add("/attach/stdin-pump/close-after-it-broke-is-harmless",
                test_close_after_it_broke_is_harmless);
    hf_test_add("/attach/stdin-pump/free-with-pending-bytes", test_free_with_pending_bytes);
    hf_test_add("/attach/stdin-pump/free-while-broken-is-due", test_free_while_broken_is_due);
    hf_test_add("/attach/stdin-pump/slow-terminal-gets-every-byte",
                test_slow_terminal_gets_every_byte);
    hf_test_add("/attach/stdin-pump/terminal-that-nobody-has-open-is-waited-for-without-spinning",
                test_terminal_that_nobody_has_open_is_waited_for_without_spinning);

    return g_test_run();
}
