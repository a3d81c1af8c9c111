/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "library/runtime-command.h"
#include "process-place.h"

/* $1 is --log. */
#define FIND_LOG "log=$2\n"
#define OUTPUT_MAX (4 * 1024 * 1024)

static const char *const anything[] = {"state", "c", NULL};

/* A place whose runtime is a shell script. */
static void
set_up(Place *place, const char *script)
{
    g_autofree char *text = g_strdup_printf("#!/bin/sh\n%s\n", script);
    g_autofree char *dir = NULL;
    g_autofree char *runtime = NULL;

    place_set_up(place, "runtime");
    runtime = g_build_filename(place->root, "runtime", NULL);
    hf_test_write_file(place->root, "runtime", text);
    g_assert_cmpint(chmod(runtime, 0700), ==, 0);
    g_free(place->container->file->runtime);
    place->container->file->runtime = g_steal_pointer(&runtime);
}

static void
assert_fails(const Place *place, int code, const char *end_of_message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_runtime_command_run(place->container, anything, NULL, NULL, NULL, &error));
    g_assert_error(error, HF_ERROR, code);
    g_assert_true(g_str_has_suffix(error->message, end_of_message));
}

static void
test_last_error_of_a_log_is_found(void)
{
    static const struct {
        const char *log;
        const char *found;
    } cases[] = {
        {"", NULL},
        {"\n\n", NULL},
        {"{\"level\":\"error\",\"msg\":\"one\"}\n{\"level\":\"error\",\"msg\":\"two\"}\n", "two"},
        {"{\"level\":\"error\",\"msg\":\"one\"}\n{\"level\":\"warning\",\"msg\":\"two\"}\n", "one"},
        {"{\"level\":\"fatal\",\"msg\":\"bad\"}\n{\"level\":\"info\",\"msg\":\"two\"}\n", "bad"},
        {"{\"level\":\"fatal\",\"msg\":\"bad\"}\n{\"level\":\"error\",\"msg\":\"e\"}\n"
         "{\"level\":\"fatal\",\"msg\":\"worse\"}\n",
         "e"},
        {"{\"level\":\"error\",\"msg\":\"whole\"}\n{\"level\":\"error\",\"msg\":\"to", "whole"},
        {"{\"level\":\"error\",\"msg\":\"whole\"}\n{\"level\":\"error\",\"msg\":3}\n[1]\nx\n",
         "whole"},
        {"{\"level\":\"error\",\"msg\":\"\"}\n", NULL},
        {"{\"level\":\"error\",\"msg\":\"no newline\"}", "no newline"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *found = hf_runtime_command_find_error(cases[i].log, strlen(cases[i].log));

        g_assert_cmpstr(found, ==, cases[i].found);
    }
}

static void
test_arguments_and_input_reach_the_runtime(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    Place place;
    set_up(&place, "echo \"$1 $3 $4 $5 $6 $7\"; cat");

    g_assert_true(
        hf_runtime_command_run(place.container, anything, "typed", &output, NULL, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(output, ==, "--log --log-format json --arg state c\ntyped");
    place_tear_down(&place);
}

static void
test_error_is_the_logs(void)
{
    Place place;
    set_up(&place, FIND_LOG "echo other >&2\n"
                            "echo '{\"level\":\"error\",\"msg\":\"in the log\"}' >> $log\n"
                            "exit 1");

    assert_fails(&place, HF_ERROR_RUNTIME_FAILED, " state: in the log");
    place_tear_down(&place);
}

static void
test_error_is_the_last_line_of_stderr(void)
{
    Place place;
    set_up(&place, "echo first >&2; echo last >&2; exit 1");

    assert_fails(&place, HF_ERROR_RUNTIME_FAILED, " state: last");
    place_tear_down(&place);
}

static void
test_error_is_the_status(void)
{
    Place place;
    set_up(&place, "exit 7");

    assert_fails(&place, HF_ERROR_RUNTIME_FAILED, " state: exit status 7");
    place_tear_down(&place);
}

static void
test_error_is_the_signal(void)
{
    Place place;
    set_up(&place, "kill -9 $$");

    assert_fails(&place, HF_ERROR_RUNTIME_FAILED, " state: ended by signal 9");
    place_tear_down(&place);
}

static void
test_missing_runtime_is_named(void)
{
    Place place;
    place_set_up(&place, "/nonexistent/runtime");

    assert_fails(&place, HF_ERROR_NOT_FOUND, "'/nonexistent/runtime'");
    place_tear_down(&place);
}

static void
test_output_has_a_bound(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    Place place;
    set_up(&place, "head -c 5000000 /dev/zero | tr '\\0' x; exit 0");

    g_assert_true(hf_runtime_command_run(place.container, anything, NULL, &output, NULL, &error));

    g_assert_no_error(error);
    g_assert_cmpuint(strlen(output), ==, OUTPUT_MAX);
    place_tear_down(&place);
}

static void
test_what_is_meant_for_this_program_is_not_handed_on(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    Place place;
    set_up(&place, "echo \"$NOTIFY_SOCKET$LISTEN_FDS$_OCI_SYNCPIPE$OTHER\"");

    g_assert_true(hf_runtime_command_run(place.container, anything, NULL, &output, NULL, &error));

    g_assert_cmpstr(output, ==, "d\n");
    place_tear_down(&place);
}

/* Until the runtime has made a file. */
static gpointer
cancel_when_it_runs(gpointer data)
{
    GCancellable *cancellable = data;
    const char *dir = g_object_get_data(G_OBJECT(cancellable), "dir");

    while (!hf_test_file_exists(dir, "runs"))
        g_thread_yield();
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void
test_cancelling_ends_the_command(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place,
           "cd \"${0%/*}\"; echo $$ > being-written; mv being-written runs; while :; do :; done");
    g_object_set_data(G_OBJECT(cancellable), "dir", place.root);
    GThread *thread = g_thread_new("cancel", cancel_when_it_runs, cancellable);

    g_assert_false(
        hf_runtime_command_run(place.container, anything, NULL, NULL, cancellable, &error));

    g_thread_join(thread);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_autofree char *pid = hf_test_read_file(place.root, "runs");
    g_assert_cmpint(kill((pid_t)g_ascii_strtoll(pid, NULL, 10), 0), ==, -1);
    place_tear_down(&place);
}

/* What this program does not hold any more, but the runtime does. */
static void
test_command_keeps_the_containers_lock(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    Place place;
    set_up(&place, "readlink /proc/self/fd/4");
    hf_autofd lock_fd = place_lock(&place);
    g_autofree char *expected = g_strdup_printf("%s/lock\n", place.path);

    g_assert_true(
        hf_runtime_command_run_locked(place.container, lock_fd, anything, &output, NULL, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(output, ==, expected);
    hf_close_fd(&lock_fd);
    place_tear_down(&place);
}

#define MOMENTS 100
#define MOMENT_US 20

typedef struct {
    GCancellable *cancellable;
    gint64 at_us;
} Canceller;

static gpointer
cancel_at_a_moment(gpointer data)
{
    const Canceller *self = data;

    while (g_get_monotonic_time() < self->at_us)
        continue;
    g_cancellable_cancel(self->cancellable);
    return NULL;
}

static void
test_cancelling_at_any_moment_ends_the_command(void)
{
    Place place;
    set_up(&place, "exec sleep 1000");

    for (guint i = 0; i < MOMENTS; i++) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(GError) error = NULL;
        Canceller canceller = {cancellable, g_get_monotonic_time() + i * MOMENT_US};
        GThread *thread = g_thread_new("cancel", cancel_at_a_moment, &canceller);

        g_assert_false(
            hf_runtime_command_run(place.container, anything, NULL, NULL, cancellable, &error));

        g_thread_join(thread);
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
    place_tear_down(&place);
}

/* GLib keeps a descriptor for its own thread from the first command on. */
static void
run_one_command(void)
{
    Place place;

    set_up(&place, "exit 1");
    assert_fails(&place, HF_ERROR_RUNTIME_FAILED, "1");
    place_tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("NOTIFY_SOCKET", "a", TRUE);
    g_setenv("LISTEN_FDS", "b", TRUE);
    g_setenv("_OCI_SYNCPIPE", "c", TRUE);
    g_setenv("OTHER", "d", TRUE);
    run_one_command();

    hf_test_add("/library/runtime-command/last-error-of-a-log-is-found",
                test_last_error_of_a_log_is_found);
    hf_test_add("/library/runtime-command/arguments-and-input-reach-the-runtime",
                test_arguments_and_input_reach_the_runtime);
    hf_test_add("/library/runtime-command/error-is-the-logs", test_error_is_the_logs);
    hf_test_add("/library/runtime-command/error-is-the-last-line-of-stderr",
                test_error_is_the_last_line_of_stderr);
    hf_test_add("/library/runtime-command/error-is-the-status", test_error_is_the_status);
    hf_test_add("/library/runtime-command/error-is-the-signal", test_error_is_the_signal);
    hf_test_add("/library/runtime-command/missing-runtime-is-named", test_missing_runtime_is_named);
    hf_test_add("/library/runtime-command/output-has-a-bound", test_output_has_a_bound);
    hf_test_add("/library/runtime-command/what-is-meant-for-this-program-is-not-handed-on",
                test_what_is_meant_for_this_program_is_not_handed_on);
    hf_test_add("/library/runtime-command/cancelling-ends-the-command",
                test_cancelling_ends_the_command);
    hf_test_add("/library/runtime-command/cancelling-at-any-moment-ends-the-command",
                test_cancelling_at_any_moment_ends_the_command);
    hf_test_add("/library/runtime-command/command-keeps-the-containers-lock",
                test_command_keeps_the_containers_lock);
    return g_test_run();
}
