/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/container-private.h"
#include "library/process-private.h"
#include "test-kit.h"

typedef struct {
    char *root;
    char *path; /* of the process */
    HfContainer *container;
    HfProcess *process;
} Place;

static void
set_up(Place *place)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *container = NULL;

    place->root = hf_test_make_dir();
    container = g_build_filename(place->root, "c", NULL);
    place->path = g_build_filename(container, "init", NULL);
    g_assert_cmpint(g_mkdir_with_parents(place->path, 0700), ==, 0);
    hf_test_write_file(container, "state.json", "{\"bundle\":\"/b\",\"runtime\":\"runc\"}");
    hf_test_write_file(place->path, "process.json",
                       "{\"args\":[\"sh\"],\"terminal\":true,\"containerdStdout\":\"/fifo\","
                       "\"monitorArgs\":[\"--log-path=json-file:/l\"]}");
    place->container = hf_container_load(place->root, "c", &error);
    g_assert_no_error(error);
    place->process = hf_process_load(place->container, "init", &error);
    g_assert_no_error(error);
}

static void
tear_down(Place *place)
{
    g_clear_object(&place->process);
    g_clear_object(&place->container);
    hf_test_remove_dir(place->root);
    g_free(place->path);
}

static void
write_number(const Place *place, const char *name, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

    hf_test_write_file(place->path, name, text);
}

static guint64
start_time_of(pid_t pid)
{
    g_autoptr(GError) error = NULL;
    guint64 ticks = 0;

    g_assert_true(hf_process_read_start_time(pid, &ticks, &error));
    return ticks;
}

static void
assert_is_not_found(const Place *place, pid_t pid)
{
    g_autoptr(GError) error = NULL;
    pid_t found = -1;

    g_assert_null(hf_process_find(place->process, &found, &error));
    g_assert_no_error(error);
    g_assert_cmpint(found, ==, pid);
}

static void
assert_is_found(const Place *place, pid_t pid)
{
    g_autoptr(GError) error = NULL;
    pid_t found = -1;
    g_autoptr(HfProcessRef) ref = hf_process_find(place->process, &found, &error);

    g_assert_no_error(error);
    g_assert_nonnull(ref);
    g_assert_cmpint(hf_process_ref_get_pid(ref), ==, pid);
    g_assert_cmpint(found, ==, pid);
}

static void
test_process_knows_its_place(void)
{
    Place place;
    set_up(&place);

    HfStdio *stdio = hf_process_get_stdio(place.process);

    g_assert_cmpstr(hf_process_get_id(place.process), ==, "init");
    g_assert_cmpstr(hf_process_get_path(place.process), ==, place.path);
    g_assert_true(hf_process_get_container(place.process) == place.container);
    g_assert_cmpstr(hf_stdio_get_stdout(stdio), ==, "/fifo");
    g_assert_cmpstr(hf_stdio_get_logs(stdio)[0], ==, "json-file:/l");
    tear_down(&place);
}

static void
test_missing_and_broken_are_told_apart(void)
{
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) broken = NULL;
    Place place;
    set_up(&place);
    hf_test_write_file(place.path, "process.json", "{\"args\":[");

    g_assert_null(hf_process_load(place.container, "none", &missing));
    g_assert_null(hf_process_load(place.container, "init", &broken));

    g_assert_error(missing, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_error(broken, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_cmpstr(broken->message, ==,
                    "container 'c', process 'init': process.json: the text ends in its middle");
    tear_down(&place);
}

static void
test_living_process_is_found(void)
{
    Place place;
    set_up(&place);
    write_number(&place, "pid", (guint64)getpid());
    write_number(&place, "starttime", start_time_of(getpid()));

    assert_is_found(&place, getpid());

    tear_down(&place);
}

static void
test_recycled_pid_is_another_process(void)
{
    Place place;
    set_up(&place);
    write_number(&place, "pid", (guint64)getpid());
    write_number(&place, "starttime", start_time_of(getpid()) + 1);

    assert_is_not_found(&place, getpid());

    tear_down(&place);
}

static void
test_no_pid_is_no_process_yet(void)
{
    Place place;
    set_up(&place);

    assert_is_not_found(&place, 0);
    hf_test_write_file(place.path, "pid", "");
    assert_is_not_found(&place, 0);

    tear_down(&place);
}

static void
test_pid_that_nobody_has_is_an_ended_process(void)
{
    Place place;
    set_up(&place);
    /* Larger than the kernel's largest pid. */
    write_number(&place, "pid", 1 << 30);
    write_number(&place, "starttime", 1);

    assert_is_not_found(&place, 1 << 30);

    tear_down(&place);
}

static void
test_process_nobody_reaped_has_ended(void)
{
    siginfo_t info;
    Place place;
    set_up(&place);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    write_number(&place, "pid", (guint64)pid);
    write_number(&place, "starttime", start_time_of(pid));
    g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);

    assert_is_not_found(&place, pid);

    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    tear_down(&place);
}

static void
test_without_a_start_time_the_process_is_older_than_its_file(void)
{
    Place place;
    set_up(&place);
    write_number(&place, "pid", (guint64)getpid());

    assert_is_found(&place, getpid());

    tear_down(&place);
}

static void
test_without_a_start_time_a_younger_process_is_another(void)
{
    const struct timespec times[2] = {{.tv_sec = time(NULL) - 86400 * 365},
                                      {.tv_sec = time(NULL) - 86400 * 365}};
    Place place;
    set_up(&place);
    write_number(&place, "pid", (guint64)getpid());
    g_autofree char *file = g_build_filename(place.path, "pid", NULL);
    g_assert_cmpint(utimensat(AT_FDCWD, file, times, 0), ==, 0);

    assert_is_not_found(&place, getpid());

    tear_down(&place);
}

static void
test_garbage_is_told(void)
{
    static const struct {
        const char *pid;
        const char *start_time;
    } cases[] = {
        {"x", "1"}, {"-1", "1"}, {"4294967297", "1"}, {"1", "x"}, {"1", "-1"},
    };
    Place place;
    set_up(&place);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        pid_t pid = -1;

        hf_test_write_file(place.path, "pid", cases[i].pid);
        hf_test_write_file(place.path, "starttime", cases[i].start_time);
        g_assert_null(hf_process_find(place.process, &pid, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpint(pid, ==, -1);
    }

    tear_down(&place);
}

static void
test_process_without_a_directory_is_told(void)
{
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    g_autofree char *elsewhere = g_build_filename(place.root, "gone", NULL);
    g_assert_cmpint(rename(place.path, elsewhere), ==, 0);

    g_assert_null(hf_process_find(place.process, NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_false(hf_process_has_monitor(place.process));
    tear_down(&place);
}

static void
test_monitor_is_who_holds_the_lock(void)
{
    g_autoptr(GError) error = NULL;
    hf_autofd lock_fd = -1;
    Place place;
    set_up(&place);
    hf_autofd dir_fd = hf_process_open(place.process, &error);
    g_assert_no_error(error);
    g_assert_false(hf_process_has_monitor(place.process));

    g_assert_cmpint(hf_lock_file_try_take(dir_fd, "lock", &lock_fd, &error), ==, HF_LOCK_TAKEN);
    g_assert_true(hf_process_has_monitor(place.process));

    hf_close_fd(&lock_fd);
    g_assert_false(hf_process_has_monitor(place.process));
    hf_close_fd(&dir_fd);
    tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/process-load/process-knows-its-place", test_process_knows_its_place);
    hf_test_add("/library/process-load/missing-and-broken-are-told-apart",
                test_missing_and_broken_are_told_apart);
    hf_test_add("/library/process-load/living-process-is-found", test_living_process_is_found);
    hf_test_add("/library/process-load/recycled-pid-is-another-process",
                test_recycled_pid_is_another_process);
    hf_test_add("/library/process-load/no-pid-is-no-process-yet", test_no_pid_is_no_process_yet);
    hf_test_add("/library/process-load/pid-that-nobody-has-is-an-ended-process",
                test_pid_that_nobody_has_is_an_ended_process);
    hf_test_add("/library/process-load/process-nobody-reaped-has-ended",
                test_process_nobody_reaped_has_ended);
    hf_test_add("/library/process-load/without-a-start-time-the-process-is-older-than-its-file",
                test_without_a_start_time_the_process_is_older_than_its_file);
    hf_test_add("/library/process-load/without-a-start-time-a-younger-process-is-another",
                test_without_a_start_time_a_younger_process_is_another);
    hf_test_add("/library/process-load/garbage-is-told", test_garbage_is_told);
    hf_test_add("/library/process-load/process-without-a-directory-is-told",
                test_process_without_a_directory_is_told);
    hf_test_add("/library/process-load/monitor-is-who-holds-the-lock",
                test_monitor_is_who_holds_the_lock);
    return g_test_run();
}
