/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/monitor-log.h"
#include "protocol/state-names.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    int dir_fd;
} Place;

static Place
place_make(void)
{
    Place self = {.dir = hf_test_make_dir()};

    self.dir_fd = open(self.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(self.dir_fd, >=, 0);
    return self;
}

static void
place_clear(Place *self)
{
    hf_close_fd(&self->dir_fd);
    g_clear_pointer(&self->dir, hf_test_remove_dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static HfMonitorLog *
open_log(const Place *place)
{
    g_autoptr(GError) error = NULL;
    HfMonitorLog *log = hf_monitor_log_new(place->dir_fd, &error);

    g_assert_no_error(error);
    return log;
}

static char *
read_log(const Place *place)
{
    return hf_test_read_file(place->dir, HF_STATE_MONITOR_LOG);
}

static void
write_long_lines(HfMonitorLog *log, int count)
{
    g_autofree char *text = g_strnfill(2000, 'x');

    for (int i = 0; i < count; i++)
        hf_monitor_log_write(HF_DIAG_WARNING, text, log);
}

static void
test_file_is_there_from_the_beginning(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(HfMonitorLog) log = open_log(&place);
    g_autofree char *text = read_log(&place);

    g_assert_cmpstr(text, ==, "");
}

static void
test_lines_are_appended(void)
{
    g_auto(Place) place = place_make();

    hf_test_write_file(place.dir, HF_STATE_MONITOR_LOG, "first\n");
    g_autoptr(HfMonitorLog) log = open_log(&place);
    hf_monitor_log_write(HF_DIAG_ERROR, "second", log);
    hf_monitor_log_write(HF_DIAG_WARNING, "third", log);

    g_autofree char *text = read_log(&place);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 4);
    g_assert_cmpstr(lines[0], ==, "first");
    g_assert_true(g_str_has_prefix(lines[1], "{\"level\":\"error\",\"msg\":\"second\","));
    g_assert_true(g_str_has_prefix(lines[2], "{\"level\":\"warning\",\"msg\":\"third\","));
}

static void
test_limit_ends_with_one_line_that_says_so(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(HfMonitorLog) log = open_log(&place);

    write_long_lines(log, HF_MONITOR_LOG_MAX / 2000 + 10);
    g_autofree char *full = read_log(&place);
    write_long_lines(log, 10);
    g_autofree char *later = read_log(&place);

    g_assert_cmpuint(strlen(full), >=, HF_MONITOR_LOG_MAX);
    g_assert_cmpuint(strlen(full), <, HF_MONITOR_LOG_MAX + 4096);
    const char *notice = strstr(full, "nothing more is said here");
    g_assert_nonnull(notice);
    g_assert_cmpint(strchr(notice, '\n')[1], ==, '\0');
    g_assert_true(g_str_equal(full, later));
}

static void
test_full_file_stays_as_it_is_when_it_is_opened_again(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(HfMonitorLog) log = open_log(&place);

    write_long_lines(log, HF_MONITOR_LOG_MAX / 2000 + 10);
    g_autofree char *full = read_log(&place);
    g_autoptr(HfMonitorLog) again = open_log(&place);
    write_long_lines(again, 1);
    g_autofree char *later = read_log(&place);

    g_assert_true(g_str_equal(full, later));
}

static int
write_beyond_what_fits(gpointer user_data)
{
    const struct rlimit limit = {100, 100};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    g_autoptr(HfMonitorLog) log = open_log(user_data);

    if (sigaction(SIGXFSZ, &ignore, NULL) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 2;
    hf_monitor_log_write(HF_DIAG_ERROR, "fits", log);
    hf_monitor_log_write(HF_DIAG_ERROR, "is cut by the limit and is left out", log);
    return 0;
}

static void
test_line_that_does_not_fit_leaves_no_half_of_it(void)
{
    g_auto(Place) place = place_make();

    g_assert_cmpint(hf_test_run_in_child(write_beyond_what_fits, &place), ==, 0);

    g_autofree char *text = read_log(&place);
    g_assert_nonnull(strstr(text, "fits"));
    g_assert_true(g_str_has_suffix(text, "}\n"));
    g_assert_cmpint(strchr(text, '\n')[1], ==, '\0');
}

static void
test_things_that_are_no_files_are_refused(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(symlinkat("/dev/null", place.dir_fd, HF_STATE_MONITOR_LOG), ==, 0);
    g_assert_null(hf_monitor_log_new(place.dir_fd, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_LOOP);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/monitor-log/file-is-there-from-the-beginning",
                test_file_is_there_from_the_beginning);
    hf_test_add("/monitor/monitor-log/lines-are-appended", test_lines_are_appended);
    hf_test_add("/monitor/monitor-log/limit-ends-with-one-line-that-says-so",
                test_limit_ends_with_one_line_that_says_so);
    hf_test_add("/monitor/monitor-log/full-file-stays-as-it-is-when-it-is-opened-again",
                test_full_file_stays_as_it_is_when_it_is_opened_again);
    hf_test_add("/monitor/monitor-log/line-that-does-not-fit-leaves-no-half-of-it",
                test_line_that_does_not_fit_leaves_no_half_of_it);
    hf_test_add("/monitor/monitor-log/things-that-are-no-files-are-refused",
                test_things_that_are_no_files_are_refused);
    return g_test_run();
}
