/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "test-kit.h"

/* Generous: the machines that run this may be slow and busy. Nothing waits this long when it works.
 */
#define DEADLINE_US (60 * G_USEC_PER_SEC)

typedef struct {
    void (*test)(void);
} TestCase;

static guint
count_open_fds(void)
{
    g_autoptr(GArray) fds = hf_fd_list_open(0);

    return fds->len;
}

static bool
has_other_threads(void)
{
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);

    return tasks != NULL && g_dir_read_name(tasks) != NULL && g_dir_read_name(tasks) != NULL;
}

/* GLib's worker thread, where there is one, closes what it watched a child by when the child was
 * waited for, or a moment later. So there may be fewer than @before, too. */
static void
assert_open_fds(guint before)
{
    gint64 deadline_us = g_get_monotonic_time() + DEADLINE_US;

    if (!has_other_threads()) {
        g_assert_cmpuint(count_open_fds(), ==, before);
        return;
    }
    while (count_open_fds() > before && g_get_monotonic_time() < deadline_us)
        g_usleep(1000);
    g_assert_cmpuint(count_open_fds(), <=, before);
}

static void
run_test_case(gconstpointer user_data)
{
    const TestCase *test_case = user_data;

    /* The first use of the default context opens its wake-up descriptor, which stays. */
    (void)g_main_context_iteration(NULL, FALSE);
    guint fds_before = count_open_fds();

    test_case->test();

    assert_open_fds(fds_before);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
}

void
hf_test_add(const char *path, void (*test)(void))
{
    TestCase *test_case = g_new0(TestCase, 1);

    test_case->test = test;
    g_test_add_data_func_full(path, test_case, (GTestDataFunc)run_test_case, g_free);
}

bool
hf_test_skip_under_valgrind(const char *what_it_does_not)
{
    const char *preload = g_getenv("LD_PRELOAD");

    if (preload == NULL || strstr(preload, "valgrind") == NULL)
        return false;
    g_autofree char *reason =
        g_strdup_printf("this machine's valgrind does not %s", what_it_does_not);
    g_test_skip(reason);
    return true;
}

static gboolean
on_tick(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

void
hf_test_wait(GMainContext *context, const char *what, bool (*is_done)(gpointer user_data),
             gpointer user_data)
{
    /* The tick looks at conditions that no source of the context would wake us for. */
    g_autoptr(GSource) tick = g_timeout_source_new(10);
    gint64 deadline_us = g_get_monotonic_time() + DEADLINE_US;

    g_source_set_callback(tick, on_tick, NULL, NULL);
    g_source_attach(tick, context);
    while (!is_done(user_data)) {
        if (g_get_monotonic_time() > deadline_us)
            g_error("deadline passed while waiting: %s", what);
        (void)g_main_context_iteration(context, TRUE);
    }
    g_source_destroy(tick);
}

void
hf_test_settle(GMainContext *context)
{
    while (g_main_context_iteration(context, FALSE))
        continue;
}

int
hf_test_run_in_child(int (*body)(gpointer user_data), gpointer user_data)
{
    int status = 0;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        _exit(body(user_data));
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void
hf_test_wait_for_kill(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;)
        (void)pause();
}

char *
hf_test_make_dir(void)
{
    g_autoptr(GError) error = NULL;
    char *path = g_dir_make_tmp("holdfast-test-XXXXXX", &error);

    g_assert_no_error(error);
    return path;
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    return remove(path);
}

void
hf_test_remove_dir(char *take_path)
{
    g_assert_cmpint(nftw(take_path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
    g_free(take_path);
}

char *
hf_test_read_file(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_no_error(error);
    return text;
}

void
hf_test_write_file(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, &error));
    g_assert_no_error(error);
}

bool
hf_test_file_exists(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
