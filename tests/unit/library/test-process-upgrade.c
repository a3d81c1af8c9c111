/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* This program is the monitor that is asked, and a thread of it answers. */

#include <poll.h>
#include <string.h>

#include "process-place.h"

#define ASKED "3 0 0\n"

typedef struct {
    Place place;
    int control_fd;
    int lock_fd;
    const char *answer; /* what `upgrade` is to hold once somebody has asked */
    GThread *thread;
} Monitor;

static void
set_up(Monitor *self)
{
    guint64 ticks = 0;

    *self = (Monitor){0};
    place_set_up(&self->place, "runc");
    place_write_process(&self->place, getpid());
    place_make_fifo(&self->place, "control");
    self->control_fd = place_open_fifo(&self->place, "control");
    self->lock_fd = place_lock(&self->place);
    g_assert_true(hf_process_read_start_time(getpid(), &ticks, NULL));
    place_write_number(&self->place, "monitor.start", ticks);
    place_write_number(&self->place, "monitor.pid", (guint64)getpid());
}

static void
tear_down(Monitor *self)
{
    if (self->thread != NULL)
        g_thread_join(self->thread);
    hf_close_fd(&self->control_fd);
    hf_close_fd(&self->lock_fd);
    place_tear_down(&self->place);
}

static gpointer
answer(gpointer user_data)
{
    const Monitor *self = user_data;
    struct pollfd poll_fd = {.fd = self->control_fd, .events = POLLIN};
    char line[16] = "";

    g_assert_cmpint(poll(&poll_fd, 1, 60000), ==, 1);
    g_assert_cmpint(read(self->control_fd, line, sizeof line - 1), ==, strlen(ASKED));
    g_assert_cmpstr(line, ==, ASKED);
    hf_test_write_file(self->place.path, "upgrade", self->answer);
    return NULL;
}

static void
will_answer(Monitor *self, const char *text)
{
    self->answer = text;
    self->thread = g_thread_new("monitor", answer, self);
}

static void
assert_fails(HfProcess *process, GCancellable *cancellable, GQuark domain, int code,
             const char *words)
{
    g_autoptr(GError) error = NULL;
    gboolean is_upgraded = TRUE;

    g_assert_false(hf_process_upgrade_monitor(process, TRUE, &is_upgraded, cancellable, &error));
    g_assert_error(error, domain, code);
    g_assert_nonnull(strstr(error->message, words));
    g_assert_true(is_upgraded);
}

static void
test_installed_program_is_not_asked(void)
{
    g_autoptr(GError) error = NULL;
    gboolean is_upgraded = TRUE;
    Monitor monitor;
    char byte;

    set_up(&monitor);
    g_assert_true(
        hf_process_upgrade_monitor(monitor.place.process, FALSE, &is_upgraded, NULL, &error));

    g_assert_no_error(error);
    g_assert_false(is_upgraded);
    g_assert_cmpint(read(monitor.control_fd, &byte, 1), ==, -1);
    tear_down(&monitor);
}

static void
test_next_answer_counts(void)
{
    static const char *const before[] = {NULL, "", "4\nnot today\n", "\xff\n", "0\n"};

    for (gsize i = 0; i < G_N_ELEMENTS(before); i++) {
        g_autoptr(GError) error = NULL;
        gboolean is_upgraded = FALSE;
        Monitor monitor;

        set_up(&monitor);
        if (before[i] != NULL)
            hf_test_write_file(monitor.place.path, "upgrade", before[i]);
        will_answer(&monitor, "5\n");
        g_assert_true(
            hf_process_upgrade_monitor(monitor.place.process, TRUE, &is_upgraded, NULL, &error));
        g_assert_no_error(error);
        g_assert_true(is_upgraded);
        tear_down(&monitor);
    }
}

static void
test_reason_is_told(void)
{
    Monitor monitor;

    set_up(&monitor);
    hf_test_write_file(monitor.place.path, "upgrade", "1\n");
    will_answer(&monitor, "2\nnot\ntoday\n");

    assert_fails(monitor.place.process, NULL, HF_ERROR, HF_ERROR_FAILED, "init': not\ntoday");
    tear_down(&monitor);
}

static void
test_waiting_can_be_cancelled(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Monitor monitor;

    set_up(&monitor);
    g_cancellable_cancel(cancellable);

    assert_fails(monitor.place.process, cancellable, G_IO_ERROR, G_IO_ERROR_CANCELLED, "");
    tear_down(&monitor);
}

static void
test_missing_monitor_or_process_is_told(void)
{
    Monitor monitor;
    HfProcess *process;

    set_up(&monitor);
    process = monitor.place.process;
    hf_close_fd(&monitor.lock_fd);
    assert_fails(process, NULL, HF_ERROR, HF_ERROR_INVALID_STATE, "no monitor");
    place_write_ended(&monitor.place);
    assert_fails(process, NULL, HF_ERROR, HF_ERROR_CONTAINER_EXITED, "has ended");
    g_assert_no_errno(unlinkat(monitor.place.dir_fd, "pid", 0));
    assert_fails(process, NULL, HF_ERROR, HF_ERROR_CONTAINER_NOT_STARTED, "not started");
    tear_down(&monitor);
}

static void
test_version_is_that_of_a_living_monitor(void)
{
    Monitor monitor;
    HfProcess *process;

    set_up(&monitor);
    process = monitor.place.process;
    g_assert_null(hf_process_dup_monitor_version(process));
    hf_test_write_file(monitor.place.path, "monitor.version", "\xff");
    g_assert_null(hf_process_dup_monitor_version(process));
    hf_test_write_file(monitor.place.path, "monitor.version", "1.2.3\n");
    g_autofree char *version = hf_process_dup_monitor_version(process);
    g_assert_cmpstr(version, ==, "1.2.3");
    hf_close_fd(&monitor.lock_fd);
    g_assert_null(hf_process_dup_monitor_version(process));
    tear_down(&monitor);
}

static void
take_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}

static bool
has_result(gpointer user_data)
{
    return *(GAsyncResult **)user_data != NULL;
}

static void
test_main_loop_need_not_wait(void)
{
    GAsyncResult *result = NULL;
    g_autoptr(GError) error = NULL;
    gboolean is_upgraded = FALSE;
    Monitor monitor;
    HfProcess *process;

    set_up(&monitor);
    process = monitor.place.process;
    will_answer(&monitor, "1\n");
    hf_process_upgrade_monitor_async(process, TRUE, NULL, take_result, &result);
    hf_test_wait(NULL, "the result", has_result, &result);
    g_assert_true(hf_process_upgrade_monitor_finish(process, result, &is_upgraded, &error));
    g_assert_no_error(error);
    g_assert_true(is_upgraded);
    g_clear_object(&result);
    g_thread_join(g_steal_pointer(&monitor.thread));

    will_answer(&monitor, "2\nno\n");
    hf_process_upgrade_monitor_async(process, TRUE, NULL, take_result, &result);
    hf_test_wait(NULL, "the result", has_result, &result);
    g_assert_false(hf_process_upgrade_monitor_finish(process, result, &is_upgraded, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_FAILED);
    g_clear_object(&result);
    tear_down(&monitor);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/process-upgrade/installed-program-is-not-asked",
                test_installed_program_is_not_asked);
    hf_test_add("/library/process-upgrade/next-answer-counts", test_next_answer_counts);
    hf_test_add("/library/process-upgrade/reason-is-told", test_reason_is_told);
    hf_test_add("/library/process-upgrade/waiting-can-be-cancelled", test_waiting_can_be_cancelled);
    hf_test_add("/library/process-upgrade/missing-monitor-or-process-is-told",
                test_missing_monitor_or_process_is_told);
    hf_test_add("/library/process-upgrade/version-is-that-of-a-living-monitor",
                test_version_is_that_of_a_living_monitor);
    /* The threads that it runs in keep a descriptor of GLib\'s. */
    g_test_add_func("/library/process-upgrade/main-loop-need-not-wait",
                    test_main_loop_need_not_wait);
    return g_test_run();
}
