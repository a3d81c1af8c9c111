/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "monitor/options-check.h"
#include "test-kit.h"

/* Parses a command line given as one string; blanks part its words. */
static HfOptions *
parse(const char *line, GError **error)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autofree char **changed = g_memdup2(argv, sizeof(char *) * (g_strv_length(argv) + 1));

    return hf_options_parse((int)g_strv_length(argv), changed, error);
}

static HfOptions *
parse_ok(const char *line)
{
    g_autoptr(GError) error = NULL;
    HfOptions *options = parse(line, &error);

    g_assert_no_error(error);
    return options;
}

static void
test_api_version_takes_no_value(void)
{
    g_autoptr(HfOptions) options = parse_ok("conmon --api-version 1 -c ID");

    g_assert_true(options->has_api_version);
    g_assert_cmpstr(options->container_id, ==, "ID");
}

static void
test_api_version_zero_means_one(void)
{
    g_autoptr(HfOptions) options = parse_ok("conmon --api-version 0");

    g_assert_true(options->has_api_version);
}

static void
test_unknown_option_is_an_error(void)
{
    g_autoptr(GError) error = NULL;

    g_autoptr(HfOptions) options = parse("conmon --no-such-option", &error);

    g_assert_null(options);
    g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION);
    g_assert_nonnull(strstr(error->message, "--no-such-option"));
}

static void
test_operands_are_ignored(void)
{
    g_autoptr(HfOptions) options = parse_ok("conmon stray -c ID operand -n NAME");

    g_assert_cmpstr(options->container_id, ==, "ID");
    g_assert_cmpstr(options->container_name, ==, "NAME");
}

static void
test_values_may_look_like_options(void)
{
    g_autoptr(HfOptions) options =
        parse_ok("conmon --runtime-arg --log-format=json --runtime-arg --log --runtime-arg=/x "
                 "--runtime-opt --preserve-fds --runtime-opt 2 --exit-command-arg --root");

    g_assert_cmpuint(g_strv_length(options->runtime_args), ==, 3);
    g_assert_cmpstr(options->runtime_args[0], ==, "--log-format=json");
    g_assert_cmpstr(options->runtime_args[1], ==, "--log");
    g_assert_cmpstr(options->runtime_args[2], ==, "/x");
    g_assert_cmpstr(options->runtime_opts[0], ==, "--preserve-fds");
    g_assert_cmpstr(options->runtime_opts[1], ==, "2");
    g_assert_cmpstr(options->exit_command_args[0], ==, "--root");
}

static void
test_hidden_and_odd_names(void)
{
    g_autoptr(HfOptions) options =
        parse_ok("conmon -0 /persist --pidfile /pid --restore-arg --file-locks");

    g_assert_cmpstr(options->persist_dir, ==, "/persist");
    g_assert_cmpstr(options->container_pid_file, ==, "/pid");
    g_assert_cmpstr(options->runtime_opts[0], ==, "--file-locks");
}

static void
test_text_of_any_encoding_is_taken(void)
{
    g_autoptr(HfOptions) options = parse_ok("conmon --log-tag \xc3\xa4\xff");

    g_assert_cmpstr(options->log_tag, ==, "\xc3\xa4\xff");
}

static void
test_short_options_of_podman(void)
{
    g_autoptr(HfOptions) options =
        parse_ok("conmon -t -s -e -i -T 5 -l none -P /c -p /p -r /r -b /b");

    g_assert_true(options->has_terminal && options->use_systemd_cgroup && options->is_exec &&
                  options->has_stdin);
    g_assert_cmpint(options->timeout_s, ==, 5);
    g_assert_cmpstr(options->log_paths[0], ==, "none");
    g_assert_cmpstr(options->monitor_pid_file, ==, "/c");
    g_assert_cmpstr(options->container_pid_file, ==, "/p");
    g_assert_cmpstr(options->runtime, ==, "/r");
    g_assert_cmpstr(options->bundle, ==, "/b");
}

#define SESSION "conmon -c cid -u uid -r /bin/sh "

static const struct {
    const char *line;
    const char *message;
} bad_lines[] = {
    {"conmon", "Container ID not provided. Use --cid"},
    {"conmon -c cid", "Container UUID not provided. Use --cuuid"},
    {"conmon -c cid -u uid", "Runtime path not provided. Use --runtime"},
    {"conmon -c cid -u uid -r /no/such", "Runtime path /no/such is not valid"},
    {"conmon -c cid -e -r /bin/sh -l none",
     "Exec process spec path not provided. Use --exec-process-spec"},
    {"conmon -c cid -e --api-version -r /bin/sh", "Container UUID not provided. Use --cuuid"},
    {"conmon -c ../x -u uid -r /bin/sh -l none", "'../x' is no file name"},
    {"conmon -c cid -u a/b -r /bin/sh -l none", "'a/b' is no file name"},
    {"conmon -c cid -u uid -r /bin/sh -l none --sandbox tight",
     "sandbox must be auto, strict or off: 'tight'"},
    {"conmon -c cid -u uid -r /bin/sh -l none --sandbox strict --exit-command /bin/true",
     "sandbox=strict and exit-command exclude each other"},
    {"conmon -c .. -u uid -r /bin/sh -l none", "'..' is no file name"},
    {SESSION "-e --restore /x", "Cannot use --exec and --restore at the same time"},
    {SESSION "--exec-attach", "Attach can only be specified with exec"},
    {SESSION "-e --exec-attach", "Attach can only be specified for a non-legacy exec session"},
    {SESSION "", "Log driver not provided. Use --log-path"},
    {SESSION "-l k8s-file", "k8s-file requires a filename"},
    {SESSION "-l nonesuch:/x", "No such log driver nonesuch"},
    {SESSION "-l /x --log-tag t", "k8s-file doesn't support --log-tag"},
    {SESSION "-l /x --log-label A=B", "k8s-file doesn't support --log-label"},
    {SESSION "-l journald", "Container ID must be longer than 12 characters"},
    {SESSION "-l /x --log-max-files -1", "log-max-files must be non-negative"},
    {SESSION "-l /x --log-max-files 1001", "log-max-files cannot exceed 1000"},
    {SESSION "-l /x --log-rotate --log-max-files 0",
     "log-max-files must be at least 1 when log-rotate is enabled"},
    {SESSION "-l /x --log-line-max 0", "log-line-max must be between"},
    {SESSION "-l /x --attach-max 0", "attach-max must be between"},
    {SESSION "-l /x --attach-timeout 0", "attach-timeout must be between"},
    {SESSION "-l /x --attach-buffer 0", "attach-buffer must be between"},
    {SESSION "-l /x --exit-dir /no/such", "--exit-dir '/no/such': No such file or directory"},
    {SESSION "-l /x --persist-dir /no/such", "--persist-dir '/no/such'"},
    {SESSION "-l raw:/x --log-tag t", "raw doesn't support --log-tag"},
    {SESSION "-l fifo:/x --log-label A=B", "fifo doesn't support --log-label"},
    {SESSION "-l syslog: --log-label A=B", "syslog doesn't support --log-label"},
    {SESSION "-l json-file:/x --log-label =B", "Container labels must be in format LABEL=VALUE"},
    {SESSION "-l /x --log-mode never", "log-mode must be blocking or non-blocking: 'never'"},
    {SESSION "-l /x --log-mode x=blocking", "No such log driver x"},
    {SESSION "-l /x --log-mode syslog=", "log-mode must be blocking or non-blocking: ''"},
    {SESSION "-l /x --log-buffer 0", "log-buffer must be a size between"},
    {SESSION "-l /x --log-buffer 1gb", "log-buffer must be a size between"},
    {SESSION "-l /x --log-buffer 257m", "log-buffer must be a size between"},
    {SESSION "-l /x --log-buffer -1", "log-buffer must be a size between"},
    {SESSION "-l /x --log-buffer 99999999999999999999g", "log-buffer must be a size between"},
    {SESSION "-l /x --stdio-owner root", "stdio-owner must be UID:GID: 'root'"},
    {SESSION "-l /x --stdio-owner 1", "stdio-owner must be UID:GID"},
    {SESSION "-l /x --stdio-owner 1:", "stdio-owner must be UID:GID"},
    {SESSION "-l /x --stdio-owner 1:2:3", "stdio-owner must be UID:GID"},
    {SESSION "-l /x --stdio-owner -1:0", "stdio-owner must be UID:GID"},
    {SESSION "-l /x --stdio-owner 0:4294967295", "stdio-owner must be UID:GID"},
    {SESSION "-l passthrough --stdout-path /x", "have no use with passthrough"},
    {"conmon -c cid4567890123 -u uid -r /bin/sh -l journald --log-label A",
     "Container labels must be in format LABEL=VALUE"},
};

static void
test_bad_lines_are_told(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bad_lines); i++) {
        g_autofree char *line = g_strchomp(g_strdup(bad_lines[i].line));
        g_autoptr(HfOptions) options = parse_ok(line);
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_options_check(options, &error));

        g_test_message("%s: %s", line, error->message);
        g_assert_nonnull(strstr(error->message, bad_lines[i].message));
    }
}

static const char *const good_lines[] = {
    SESSION "-l none --log-tag t",
    SESSION "-l passthrough --log-label A=B",
    SESSION "-l k8s-file:/x -l none",
    SESSION "-l off: -l null -l none:",
    "conmon -c cid -e --exec-process-spec /x -r /bin/sh -l /x",
    "conmon -c cid4567890123 -u uid -r /bin/sh -l /x -l journald --log-tag t --log-label A=B",
    SESSION "-l /x --log-rotate --log-max-files 2",
    SESSION "-l json-file:/x --log-tag t --log-label com.example.a=b=c",
    SESSION "-l json-file:/x -l /y --log-tag t",
    SESSION "-l syslog: -l /y --log-tag t",
    SESSION "--process-dir /x",
    SESSION "--process-dir /x -l /y --stdio-owner 0:4294967294",
    SESSION "-l /x --stdin-path /a --stdout-path /b --stderr-path /c",
    SESSION "-l /x --log-mode non-blocking --log-mode k8s-file=blocking --log-buffer 4m",
};

static void
test_good_lines_pass(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(good_lines); i++) {
        g_autoptr(HfOptions) options = parse_ok(good_lines[i]);
        g_autoptr(GError) error = NULL;

        gboolean ok = hf_options_check(options, &error);

        g_assert_no_error(error);
        g_assert_true(ok);
    }
}

static void
test_bundle_defaults_to_the_working_directory(void)
{
    g_autofree char *cwd = g_get_current_dir();
    g_autoptr(HfOptions) container = parse_ok(SESSION "-l none");
    g_autoptr(HfOptions) exec =
        parse_ok("conmon -c cid -e --exec-process-spec /x -r /bin/sh -l none");

    g_assert_true(hf_options_check(container, NULL));
    g_assert_true(hf_options_check(exec, NULL));

    g_assert_cmpstr(container->bundle, ==, cwd);
    g_assert_null(exec->bundle);
}

static void
test_session_id_is_the_uuid_or_the_id(void)
{
    g_autoptr(HfOptions) with_uuid = parse_ok("conmon -c cid -u uid");
    g_autoptr(HfOptions) without = parse_ok("conmon -c cid");

    g_assert_cmpstr(hf_options_get_session_id(with_uuid), ==, "uid");
    g_assert_cmpstr(hf_options_get_session_id(without), ==, "cid");
}

static void
test_log_mode_may_name_a_driver(void)
{
    g_autoptr(HfOptions) options =
        parse_ok("conmon --log-mode non-blocking --log-mode k8s-file=blocking");
    g_autoptr(HfOptions) none = parse_ok("conmon");

    g_assert_false(hf_options_is_lossy(options, HF_LOG_DRIVER_K8S_FILE));
    g_assert_true(hf_options_is_lossy(options, HF_LOG_DRIVER_JOURNALD));
    g_assert_false(hf_options_is_lossy(none, HF_LOG_DRIVER_JOURNALD));
}

static void
test_log_buffer_takes_dockers_units(void)
{
    static const struct {
        const char *option;
        size_t size;
    } cases[] = {
        {"", 1024 * 1024},
        {" --log-buffer 1", 1},
        {" --log-buffer 4k", 4096},
        {" --log-buffer 2M", 2 * 1024 * 1024},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strconcat(SESSION "-l none", cases[i].option, NULL);
        g_autoptr(HfOptions) options = parse_ok(line);

        g_assert_true(hf_options_check(options, NULL));

        g_assert_cmpuint(options->log_buffer_max, ==, cases[i].size);
    }
}

static void
test_process_directory_has_the_pid_file_and_no_log(void)
{
    g_autoptr(HfOptions) options =
        parse_ok("conmon -c cid -u uid -r /bin/sh --process-dir /state --stdio-owner 12:34");

    g_assert_true(hf_options_check(options, NULL));

    g_assert_cmpstr(options->container_pid_file, ==, "/state/pid");
    g_assert_cmpuint(options->log_specs->len, ==, 0);
    g_assert_true(options->has_stdio_owner);
    g_assert_cmpuint(options->stdio_uid, ==, 12);
    g_assert_cmpuint(options->stdio_gid, ==, 34);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/monitor/options/api-version-takes-no-value", test_api_version_takes_no_value);
    hf_test_add("/monitor/options/api-version-zero-means-one", test_api_version_zero_means_one);
    hf_test_add("/monitor/options/unknown-option-is-an-error", test_unknown_option_is_an_error);
    hf_test_add("/monitor/options/operands-are-ignored", test_operands_are_ignored);
    hf_test_add("/monitor/options/values-may-look-like-options", test_values_may_look_like_options);
    hf_test_add("/monitor/options/hidden-and-odd-names", test_hidden_and_odd_names);
    hf_test_add("/monitor/options/text-of-any-encoding-is-taken",
                test_text_of_any_encoding_is_taken);
    hf_test_add("/monitor/options/short-options-of-podman", test_short_options_of_podman);
    hf_test_add("/monitor/options/bad-lines-are-told", test_bad_lines_are_told);
    hf_test_add("/monitor/options/good-lines-pass", test_good_lines_pass);
    hf_test_add("/monitor/options/bundle-defaults-to-the-working-directory",
                test_bundle_defaults_to_the_working_directory);
    hf_test_add("/monitor/options/session-id-is-the-uuid-or-the-id",
                test_session_id_is_the_uuid_or_the_id);
    hf_test_add("/monitor/options/log-mode-may-name-a-driver", test_log_mode_may_name_a_driver);
    hf_test_add("/monitor/options/log-buffer-takes-dockers-units",
                test_log_buffer_takes_dockers_units);
    hf_test_add("/monitor/options/process-directory-has-the-pid-file-and-no-log",
                test_process_directory_has_the_pid_file_and_no_log);
    return g_test_run();
}
