/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "state/json-text.h"
#include "state/process-file.h"
#include "test-kit.h"

static char *
read_containerd_text(void)
{
    g_autofree char *dir =
        g_test_build_filename(G_TEST_DIST, "unit", "state", "containerd-0.2.8", "c1", "init", NULL);

    return hf_test_read_file(dir, "process.json");
}

static HfProcessFile *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    HfProcessFile *file = hf_process_file_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    return file;
}

static void
test_containerds_file_is_read(void)
{
    g_autofree char *text = read_containerd_text();

    g_autoptr(HfProcessFile) file = parse(text);

    g_assert_false(file->has_terminal);
    g_assert_false(file->is_exec);
    g_assert_cmpstr(file->stdin_path, ==, "/fifos/stdin");
    g_assert_cmpstr(file->stdout_path, ==, "/fifos/stdout");
    g_assert_cmpstr(file->stderr_path, ==, "/fifos/stderr");
    g_assert_cmpuint(g_strv_length(file->runtime_args), ==, 0);
    g_assert_true(file->no_pivot_root);
    g_assert_cmpstr(file->checkpoint, ==, "");
    g_assert_cmpuint(file->root_uid, ==, 0);
    g_assert_cmpuint(file->root_gid, ==, 0);
    g_assert_cmpuint(g_strv_length(file->monitor_args), ==, 0);
}

static void
test_process_has_the_oci_keys_only(void)
{
    g_autofree char *text = read_containerd_text();
    g_autoptr(HfProcessFile) file = parse(text);

    g_autofree char *process = hf_json_text_print(file->process);

    g_assert_cmpstr(
        process, ==,
        "{\"consoleSize\":{\"height\":0,\"width\":0},\"user\":{\"uid\":0,\"gid\":0},"
        "\"args\":[\"/bin/sh\",\"-c\",\"echo hi; sleep 12; exit 3\"],"
        "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
        "\"TERM=xterm\"],\"cwd\":\"/\",\"noNewPrivileges\":true}");
}

static void
test_containerds_file_is_written_as_it_was(void)
{
    g_autofree char *text = read_containerd_text();
    g_autoptr(HfProcessFile) file = parse(text);

    g_autofree char *written = hf_process_file_to_json(file);

    g_assert_cmpstr(written, ==, text);
}

static void
test_everything_survives(void)
{
    static const char text[] =
        "{\"terminal\":true,\"args\":[\"sh\"],\"rlimits\":[{\"type\":\"RLIMIT_CORE\","
        "\"hard\":18446744073709551615,\"soft\":0}],\"later\":{\"x\":[1.50,null]},\"exec\":true,"
        "\"containerdStdin\":\"/i\",\"containerdStdout\":\"/o\",\"containerdStderr\":\"\","
        "\"runtimeArgs\":[\"--debug\"],\"noPivotRoot\":false,\"checkpoint\":\"/cp\","
        "\"rootUID\":4294967295,\"rootGID\":100000,"
        "\"monitorArgs\":[\"--log-path=k8s-file:/l\",\"--stdin\"]}\n";
    g_autoptr(HfProcessFile) file = parse(text);

    g_autofree char *written = hf_process_file_to_json(file);

    g_assert_cmpstr(written, ==, text);
    g_assert_true(file->has_terminal);
    g_assert_true(file->is_exec);
    g_assert_cmpuint(file->root_uid, ==, G_MAXUINT32);
    g_assert_cmpstr(file->monitor_args[1], ==, "--stdin");
}

static void
test_capabilities_are_kept_in_both_forms(void)
{
    static const char *const capabilities[] = {
        "[\"CAP_KILL\",\"CAP_CHOWN\"]",
        "{\"bounding\":[\"CAP_KILL\"],\"effective\":null,\"permitted\":[]}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(capabilities); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"args\":[\"sh\"],\"capabilities\":%s}", capabilities[i]);
        g_autoptr(HfProcessFile) file = parse(text);

        g_autofree char *process = hf_json_text_print(file->process);

        g_assert_cmpstr(process, ==, text);
    }
}

static void
test_terminal_is_written_as_the_struct_has_it(void)
{
    g_autoptr(HfProcessFile) file = parse("{\"args\":[\"sh\"],\"terminal\":true}");
    file->has_terminal = false;

    g_autofree char *without = hf_process_file_to_json(file);
    file->has_terminal = true;
    g_autofree char *with = hf_process_file_to_json(file);

    g_assert_null(strstr(without, "terminal"));
    g_assert_nonnull(strstr(with, "\"terminal\":true"));
}

static void
test_keys_of_ours_in_the_process_are_not_written_twice(void)
{
    g_autoptr(HfProcessFile) file = parse("{\"args\":[\"sh\"]}");
    json_object_set_string_member(file->process, "checkpoint", "/elsewhere");

    g_autofree char *written = hf_process_file_to_json(file);

    g_assert_null(strstr(written, "elsewhere"));
    g_assert_nonnull(strstr(written, "\"checkpoint\":\"\""));
}

static void
test_every_torn_length_is_refused(void)
{
    g_autofree char *text = read_containerd_text();
    gsize whole = (gsize)(strrchr(text, '}') - text) + 1;

    for (gsize length = 0; length < whole; length++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_process_file_parse(text, length, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    }
}

static void
test_what_is_wrong_is_named(void)
{
    static const struct {
        const char *members;
        const char *message;
    } cases[] = {
        {"\"args\":\"sh\"", "args: a list of strings is expected, this is a string"},
        {"\"args\":[\"sh\",1]", "args[1]: a string is expected, this is a number"},
        {"\"args\":[]", "args: at least the program is expected"},
        {"\"args\":null", "args: at least the program is expected"},
        {"\"env\":[1]", "env[0]: a string is expected, this is a number"},
        {"\"cwd\":{}", "cwd: a string is expected, this is an object"},
        {"\"user\":\"root\"", "user: an object is expected, this is a string"},
        {"\"user\":{\"uid\":-1}", "user.uid: an integer from 0 to 4294967295 is expected"},
        {"\"user\":{\"gid\":\"0\"}", "user.gid: a number is expected, this is a string"},
        {"\"terminal\":1", "terminal: a boolean is expected, this is a number"},
        {"\"capabilities\":\"all\"",
         "capabilities: an object or a list is expected, this is a string"},
        {"\"capabilities\":[7]", "capabilities[0]: a string is expected, this is a number"},
        {"\"capabilities\":{\"bounding\":\"all\"}",
         "capabilities.bounding: a list of strings is expected, this is a string"},
        {"\"exec\":\"no\"", "exec: a boolean is expected, this is a string"},
        {"\"containerdStdin\":0", "containerdStdin: a string is expected, this is a number"},
        {"\"containerdStdout\":[]", "containerdStdout: a string is expected, this is a list"},
        {"\"containerdStderr\":{}", "containerdStderr: a string is expected, this is an object"},
        {"\"runtimeArgs\":[\"a\",1]", "runtimeArgs[1]: a string is expected, this is a number"},
        {"\"noPivotRoot\":\"x\"", "noPivotRoot: a boolean is expected, this is a string"},
        {"\"checkpoint\":false", "checkpoint: a string is expected, this is a boolean"},
        {"\"rootUID\":1e3", "rootUID: an integer from 0 to 4294967295 is expected"},
        {"\"rootGID\":4294967296", "rootGID: an integer from 0 to 4294967295 is expected"},
        {"\"monitorArgs\":\"--x\"", "monitorArgs: a list of strings is expected, this is a string"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        /* Of two members of one name the last counts. */
        g_autofree char *text = g_strdup_printf("{\"args\":[\"sh\"],%s}", cases[i].members);
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_process_file_parse(text, strlen(text), &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/state/process-file/containerds-file-is-read", test_containerds_file_is_read);
    hf_test_add("/state/process-file/process-has-the-oci-keys-only",
                test_process_has_the_oci_keys_only);
    hf_test_add("/state/process-file/containerds-file-is-written-as-it-was",
                test_containerds_file_is_written_as_it_was);
    hf_test_add("/state/process-file/everything-survives", test_everything_survives);
    hf_test_add("/state/process-file/capabilities-are-kept-in-both-forms",
                test_capabilities_are_kept_in_both_forms);
    hf_test_add("/state/process-file/terminal-is-written-as-the-struct-has-it",
                test_terminal_is_written_as_the_struct_has_it);
    hf_test_add("/state/process-file/keys-of-ours-in-the-process-are-not-written-twice",
                test_keys_of_ours_in_the_process_are_not_written_twice);
    hf_test_add("/state/process-file/every-torn-length-is-refused",
                test_every_torn_length_is_refused);
    hf_test_add("/state/process-file/what-is-wrong-is-named", test_what_is_wrong_is_named);
    return g_test_run();
}
