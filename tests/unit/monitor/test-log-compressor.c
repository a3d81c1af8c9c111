/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <glib.h>

#include "logging/gzip-file.h"
#include "monitor/log-compressor.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    char *path;
    GMainContext *context;
    HfReaper *reaper;
    HfLogCompressor *compressor;
} Fixture;

static Fixture *
set_up(guint files_max)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autoptr(GError) error = NULL;
    sigset_t signals;

    g_assert_no_errno(sigemptyset(&signals));
    g_assert_no_errno(sigaddset(&signals, SIGCHLD));
    g_assert_no_errno(sigprocmask(SIG_BLOCK, &signals, NULL));
    fixture->dir = hf_test_make_dir();
    fixture->path = g_build_filename(fixture->dir, "log", NULL);
    fixture->context = g_main_context_new();
    fixture->reaper = hf_reaper_new(fixture->context, &error);
    g_assert_no_error(error);
    fixture->compressor = hf_log_compressor_new(fixture->reaper, files_max);
    return fixture;
}

static void
tear_down(Fixture *fixture)
{
    hf_log_compressor_free(fixture->compressor);
    hf_reaper_free(fixture->reaper);
    g_main_context_unref(fixture->context);
    g_free(fixture->path);
    hf_test_remove_dir(fixture->dir);
    g_free(fixture);
}

static bool
is_third_compressed(gpointer user_data)
{
    return hf_test_file_exists(((Fixture *)user_data)->dir, "log.3.gz") &&
           !hf_test_file_exists(((Fixture *)user_data)->dir, "log.3");
}

static bool
has_no_temporary(gpointer user_data)
{
    return !hf_test_file_exists(((Fixture *)user_data)->dir, "log.gz.tmp");
}

/* What gzip(1) makes of it. */
static char *
unpack(const Fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
    const char *argv[] = {"gzip", "-dc", path, NULL};
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    int status = -1;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text,
                               NULL, &status, &error));
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    return text;
}

static void
test_all_full_files_but_the_newest_are_compressed(void)
{
    if (hf_test_skip_under_valgrind("hand SIGCHLD to a signalfd"))
        return;

    Fixture *fixture = set_up(5);
    GString *large = g_string_new(NULL);

    if (!hf_gzip_file_is_supported()) {
        g_test_skip("a build without zlib");
        return;
    }
    for (guint i = 0; i < 20000; i++)
        g_string_append_printf(large, "line %u\n", i * 7919);
    hf_test_write_file(fixture->dir, "log.1", "newest");
    hf_test_write_file(fixture->dir, "log.2", large->str);
    hf_test_write_file(fixture->dir, "log.3", "");
    hf_log_compressor_push(fixture->compressor, fixture->path);
    hf_test_wait(fixture->context, "the third file", is_third_compressed, fixture);

    g_autofree char *second = unpack(fixture, "log.2.gz");
    g_autofree char *third = unpack(fixture, "log.3.gz");
    g_assert_cmpstr(second, ==, large->str);
    g_assert_cmpstr(third, ==, "");
    g_assert_false(hf_test_file_exists(fixture->dir, "log.2"));
    g_assert_true(hf_test_file_exists(fixture->dir, "log.1"));
    g_assert_false(hf_test_file_exists(fixture->dir, "log.gz.tmp"));
    g_string_free(large, TRUE);
    tear_down(fixture);
}

static void
test_file_that_rotates_meanwhile_is_found_again(void)
{
    if (hf_test_skip_under_valgrind("hand SIGCHLD to a signalfd"))
        return;

    Fixture *fixture = set_up(5);
    g_autofree char *second = g_strconcat(fixture->path, ".2", NULL);
    g_autofree char *third = g_strconcat(fixture->path, ".3", NULL);

    if (!hf_gzip_file_is_supported()) {
        g_test_skip("a build without zlib");
        return;
    }
    hf_test_write_file(fixture->dir, "log.2", "text");
    hf_log_compressor_push(fixture->compressor, fixture->path);
    g_assert_no_errno(rename(second, third));
    hf_test_wait(fixture->context, "the third file", is_third_compressed, fixture);

    g_autofree char *text = unpack(fixture, "log.3.gz");
    g_assert_cmpstr(text, ==, "text");
    g_assert_false(hf_test_file_exists(fixture->dir, "log.2.gz"));
    tear_down(fixture);
}

static void
test_file_that_goes_away_meanwhile_leaves_nothing(void)
{
    if (hf_test_skip_under_valgrind("hand SIGCHLD to a signalfd"))
        return;

    Fixture *fixture = set_up(5);
    g_autofree char *second = g_strconcat(fixture->path, ".2", NULL);

    if (!hf_gzip_file_is_supported()) {
        g_test_skip("a build without zlib");
        return;
    }
    hf_test_write_file(fixture->dir, "log.2", "text");
    hf_log_compressor_push(fixture->compressor, fixture->path);
    g_assert_no_errno(unlink(second));
    hf_test_wait(fixture->context, "the end of the child", has_no_temporary, fixture);

    g_assert_false(hf_test_file_exists(fixture->dir, "log.2.gz"));
    tear_down(fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/log-compressor/all-full-files-but-the-newest-are-compressed",
                test_all_full_files_but_the_newest_are_compressed);
    hf_test_add("/monitor/log-compressor/file-that-rotates-meanwhile-is-found-again",
                test_file_that_rotates_meanwhile_is_found_again);
    hf_test_add("/monitor/log-compressor/file-that-goes-away-meanwhile-leaves-nothing",
                test_file_that_goes_away_meanwhile_leaves_nothing);
    return g_test_run();
}
