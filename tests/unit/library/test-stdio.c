/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "library/stdio-private.h"
#include "test-kit.h"

static HfProcessFile *
store(HfStdio *stdio)
{
    g_autoptr(HfProcessFile) file = hf_process_file_new();
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_stdio_store(stdio, "/root/c/init", file, &error));
    g_assert_no_error(error);
    return g_steal_pointer(&file);
}

static void
assert_is_refused(HfStdio *stdio, bool has_terminal, const char *message)
{
    g_autoptr(HfProcessFile) file = hf_process_file_new();
    g_autoptr(GError) error = NULL;

    file->has_terminal = has_terminal;
    g_assert_false(hf_stdio_store(stdio, "/root/c/init", file, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpstr(file->stdout_path, ==, "");
}

static void
test_no_path_is_dev_null(void)
{
    g_autoptr(HfStdio) stdio = hf_stdio_new(NULL, "", "/dev/null");

    g_assert_cmpstr(hf_stdio_get_stdin(stdio), ==, "/dev/null");
    g_assert_cmpstr(hf_stdio_get_stdout(stdio), ==, "/dev/null");
    g_assert_cmpstr(hf_stdio_get_stderr(stdio), ==, "/dev/null");
}

static void
test_default_log_is_in_the_processs_directory(void)
{
    g_autoptr(HfStdio) stdio = hf_stdio_new(NULL, NULL, NULL);

    g_autoptr(HfProcessFile) file = store(stdio);

    g_assert_cmpstrv(
        file->monitor_args,
        ((const char *const[]){"--log-path=k8s-file:/root/c/init/ctr.log", "--adoptable", NULL}));
}

static void
test_no_logs_are_none(void)
{
    g_autoptr(HfStdio) stdio = hf_stdio_new(NULL, NULL, NULL);
    hf_stdio_set_logs(stdio, (const char *const[]){NULL});
    g_object_set(stdio, "adoptable", FALSE, NULL);

    g_autoptr(HfProcessFile) file = store(stdio);

    g_assert_cmpuint(g_strv_length(file->monitor_args), ==, 0);
}

static void
test_everything_is_stored_and_loaded(void)
{
    const char *const logs[] = {"json-file:/l", "journald", NULL};
    const char *const others[] = {"--attach-timeout=5", "--log-tag=x y", NULL};
    g_autoptr(HfStdio) stdio = hf_stdio_new("/in", "/out", "/err");
    g_object_set(stdio, "logs", logs, "log-size-max", G_GUINT64_CONSTANT(5000000000),
                 "log-max-files", 3, "has-stdin", TRUE, "leave-stdin-open", TRUE, "monitor-args",
                 others, NULL);

    g_autoptr(HfProcessFile) file = store(stdio);
    g_autoptr(HfStdio) loaded = hf_stdio_new_from_file(file);
    g_autoptr(HfProcessFile) again = store(loaded);

    const char *const expected[] = {"--log-path=json-file:/l",
                                    "--log-path=journald",
                                    "--log-size-max=5000000000",
                                    "--log-rotate",
                                    "--log-max-files=3",
                                    "--stdin",
                                    "--leave-stdin-open",
                                    "--adoptable",
                                    "--attach-timeout=5",
                                    "--log-tag=x y",
                                    NULL};
    g_assert_cmpstrv(file->monitor_args, expected);
    g_assert_cmpstrv(again->monitor_args, expected);
    g_assert_cmpstr(again->stdin_path, ==, "/in");
    g_assert_cmpstr(again->stdout_path, ==, "/out");
    g_assert_cmpstr(again->stderr_path, ==, "/err");
    g_assert_cmpstrv(hf_stdio_get_logs(loaded), logs);
    g_assert_true(hf_stdio_get_has_stdin(loaded));
}

static void
test_properties_are_what_was_set(void)
{
    g_autoptr(HfStdio) stdio = hf_stdio_new(NULL, NULL, NULL);
    g_autofree char *path = NULL;
    g_autofree char *none = NULL;
    g_auto(GStrv) logs = NULL;
    guint64 size = 1;
    guint files = 0;
    gboolean has_stdin = FALSE;

    g_object_set(stdio, "stdout", "/out", "stdin", "", "has-stdin", TRUE, NULL);
    g_object_get(stdio, "stdout", &path, "stdin", &none, "logs", &logs, "log-size-max", &size,
                 "log-max-files", &files, "has-stdin", &has_stdin, NULL);

    g_assert_cmpstr(path, ==, "/out");
    g_assert_null(none);
    g_assert_null(logs);
    g_assert_cmpuint(size, ==, 0);
    g_assert_cmpuint(files, ==, 1);
    g_assert_true(has_stdin);
}

static void
test_containerds_process_has_no_log(void)
{
    g_autoptr(HfProcessFile) file = hf_process_file_new();

    g_autoptr(HfStdio) stdio = hf_stdio_new_from_file(file);

    g_assert_nonnull(hf_stdio_get_logs(stdio));
    g_assert_null(hf_stdio_get_logs(stdio)[0]);
    g_assert_cmpstr(hf_stdio_get_stdout(stdio), ==, "/dev/null");
}

static void
test_odd_options_stay_with_the_monitor(void)
{
    const char *const odd[] = {"--log-size-max=many", "--log-max-files=0", "--stdin=x", NULL};
    g_autoptr(HfProcessFile) file = hf_process_file_new();
    g_strfreev(file->monitor_args);
    file->monitor_args = g_strdupv((char **)odd);

    g_autoptr(HfStdio) stdio = hf_stdio_new_from_file(file);

    g_assert_cmpstrv(stdio->monitor_args, odd);
    g_assert_cmpuint(stdio->log_size_max, ==, 0);
    g_assert_cmpuint(stdio->log_max_files, ==, 1);
    g_assert_false(stdio->has_stdin);
}

static void
test_what_cannot_be_stored_is_refused(void)
{
    static const struct {
        const char *paths[3];
        const char *log;
        const char *monitor_arg;
        bool has_terminal;
        const char *message;
    } cases[] = {
        {{"in", NULL, NULL}, "none", "--x", false, "stdin: 'in' is not an absolute path"},
        {{NULL, "./out", NULL}, "none", "--x", false, "stdout: './out' is not an absolute path"},
        {{NULL, NULL, "err"}, "none", "--x", false, "stderr: 'err' is not an absolute path"},
        {{NULL, NULL, "/\xff"}, "none", "--x", false, "stderr: '/\\377' is not UTF-8"},
        {{NULL, NULL, "/err"}, "none", "--x", true, "stderr: '/err' is of no use with a terminal"},
        {{NULL, NULL, NULL}, "/\xff", "--x", false, "logs: '/\\377' is not UTF-8"},
        {{NULL, NULL, NULL}, "none", "--\xff", false, "monitor-args: '--\\377' is not UTF-8"},
        {{NULL, NULL, NULL}, "none", "x", false, "monitor-args: 'x' does not begin with \"--\""},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(HfStdio) stdio =
            hf_stdio_new(cases[i].paths[0], cases[i].paths[1], cases[i].paths[2]);

        hf_stdio_set_logs(stdio, (const char *const[]){cases[i].log, NULL});
        g_object_set(stdio, "monitor-args", (const char *const[]){cases[i].monitor_arg, NULL},
                     NULL);
        assert_is_refused(stdio, cases[i].has_terminal, cases[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/stdio/no-path-is-dev-null", test_no_path_is_dev_null);
    hf_test_add("/library/stdio/default-log-is-in-the-processs-directory",
                test_default_log_is_in_the_processs_directory);
    hf_test_add("/library/stdio/no-logs-are-none", test_no_logs_are_none);
    hf_test_add("/library/stdio/everything-is-stored-and-loaded",
                test_everything_is_stored_and_loaded);
    hf_test_add("/library/stdio/properties-are-what-was-set", test_properties_are_what_was_set);
    hf_test_add("/library/stdio/containerds-process-has-no-log",
                test_containerds_process_has_no_log);
    hf_test_add("/library/stdio/odd-options-stay-with-the-monitor",
                test_odd_options_stay_with_the_monitor);
    hf_test_add("/library/stdio/what-cannot-be-stored-is-refused",
                test_what_cannot_be_stored_is_refused);
    return g_test_run();
}
