/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/spec.h>

#include "base/error.h"
#include "test-kit.h"

static HfProcessSpec *
parse(const char *json)
{
    g_autoptr(GError) error = NULL;
    HfProcessSpec *spec = hf_process_spec_new_from_json(json, &error);

    g_assert_no_error(error);
    return spec;
}

static void
test_new_one_is_root_in_the_root_directory(void)
{
    g_autoptr(HfProcessSpec) spec =
        hf_process_spec_new((const char *const[]){"sh", "-c", "a \"b\"", NULL});

    g_autofree char *json = hf_process_spec_to_json(spec);

    g_assert_cmpstr(json, ==,
                    "{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\",\"-c\",\"a \\\"b\\\"\"],"
                    "\"env\":[],\"cwd\":\"/\"}");
}

static void
test_unknown_keys_are_kept(void)
{
    static const char json[] =
        "{\"args\":[\"sh\"],\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615}],"
        "\"capabilities\":[\"CAP_KILL\"],\"later\":{\"x\":null},\"user\":{\"uid\":1,\"gid\":2,"
        "\"additionalGids\":[3]}}";
    g_autoptr(HfProcessSpec) spec = parse(json);

    g_autofree char *printed = hf_process_spec_to_json(spec);

    g_assert_cmpstr(printed, ==, json);
}

static void
test_console_size_goes_with_the_terminal(void)
{
    g_autoptr(HfProcessSpec) spec = parse("{\"args\":[\"sh\"],\"terminal\":true}");

    hf_process_spec_set_console_size(spec, 80, 24);
    g_autofree char *with = hf_process_spec_to_json(spec);
    hf_process_spec_set_terminal(spec, FALSE);
    g_autofree char *without = hf_process_spec_to_json(spec);

    g_assert_cmpstr(with, ==,
                    "{\"args\":[\"sh\"],\"terminal\":true,\"consoleSize\":{\"height\":24,"
                    "\"width\":80}}");
    g_assert_cmpstr(without, ==, "{\"args\":[\"sh\"]}");
}

static void
test_user_is_changed_in_place(void)
{
    g_autoptr(HfProcessSpec) spec =
        parse("{\"args\":[\"sh\"],\"user\":{\"uid\":1,\"gid\":2,\"additionalGids\":[3]}}");
    guint32 uid = 0;
    guint32 gid = 0;

    hf_process_spec_set_user(spec, 7, G_MAXUINT32);

    hf_process_spec_get_user(spec, &uid, &gid);
    g_autofree char *json = hf_process_spec_to_json(spec);
    g_assert_cmpuint(uid, ==, 7);
    g_assert_cmpuint(gid, ==, G_MAXUINT32);
    g_assert_cmpstr(json, ==,
                    "{\"args\":[\"sh\"],\"user\":{\"uid\":7,\"gid\":4294967295,"
                    "\"additionalGids\":[3]}}");
}

static void
test_missing_members_have_defaults(void)
{
    g_autoptr(HfProcessSpec) spec =
        parse("{\"args\":[\"sh\"],\"env\":null,\"cwd\":null,\"terminal\":null,\"user\":null}");
    guint32 uid = 9;
    guint32 gid = 9;

    hf_process_spec_get_user(spec, &uid, &gid);
    g_auto(GStrv) env = hf_process_spec_dup_env(spec);
    g_autofree char *cwd = hf_process_spec_dup_cwd(spec);

    g_assert_cmpuint(uid, ==, 0);
    g_assert_cmpuint(gid, ==, 0);
    g_assert_cmpuint(g_strv_length(env), ==, 0);
    g_assert_cmpstr(cwd, ==, "/");
    g_assert_false(hf_process_spec_get_terminal(spec));
}

static void
test_args_and_cwd_are_set(void)
{
    g_autoptr(HfProcessSpec) spec = parse("{\"args\":[\"sh\"]}");
    const char *const wanted[] = {"ls", "-l", NULL};

    hf_process_spec_set_args(spec, wanted);
    hf_process_spec_set_cwd(spec, "/tmp");

    g_auto(GStrv) args = hf_process_spec_dup_args(spec);
    g_autofree char *cwd = hf_process_spec_dup_cwd(spec);
    g_assert_cmpstrv(args, wanted);
    g_assert_cmpstr(cwd, ==, "/tmp");
}

static void
test_variable_is_set_once(void)
{
    g_autoptr(HfProcessSpec) spec = parse("{\"args\":[\"sh\"],\"env\":[\"A=1\",\"B=2\",\"AB=3\"]}");

    hf_process_spec_set_env(spec, "B", "x=y");
    hf_process_spec_set_env(spec, "C", "");

    g_auto(GStrv) env = hf_process_spec_dup_env(spec);
    g_assert_cmpstrv(env, ((const char *const[]){"A=1", "B=x=y", "AB=3", "C=", NULL}));
}

static void
test_terminal_is_set_and_unset(void)
{
    g_autoptr(HfProcessSpec) spec =
        parse("{\"args\":[\"sh\"],\"consoleSize\":{\"height\":2,\"width\":3}}");

    hf_process_spec_set_terminal(spec, TRUE);
    g_assert_true(hf_process_spec_get_terminal(spec));

    hf_process_spec_set_terminal(spec, FALSE);
    g_assert_false(hf_process_spec_get_terminal(spec));
    g_autofree char *json = hf_process_spec_to_json(spec);
    g_assert_cmpstr(json, ==, "{\"args\":[\"sh\"]}");
}

static void
test_copy_is_another(void)
{
    g_autoptr(HfProcessSpec) spec = parse("{\"args\":[\"sh\"],\"user\":{\"uid\":1,\"gid\":1}}");
    g_autoptr(HfProcessSpec) copy = hf_process_spec_copy(spec);
    guint32 uid = 0;

    hf_process_spec_set_user(copy, 5, 5);

    hf_process_spec_get_user(spec, &uid, NULL);
    g_assert_cmpuint(uid, ==, 1);
}

static void
test_what_is_wrong_is_named(void)
{
    static const struct {
        const char *json;
        const char *message;
    } cases[] = {
        {"", "process: the text is empty"},
        {"[]", "process: byte 0: an object is expected"},
        {"{}", "process: args: at least the program is expected"},
        {"{\"args\":[\"sh\",{}]}", "process: args[1]: a string is expected, this is an object"},
        {"{\"args\":[\"sh\"],\"user\":{\"uid\":1.5}}",
         "process: user.uid: an integer from 0 to 4294967295 is expected"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_process_spec_new_from_json(cases[i].json, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/process-spec/new-one-is-root-in-the-root-directory",
                test_new_one_is_root_in_the_root_directory);
    hf_test_add("/library/process-spec/unknown-keys-are-kept", test_unknown_keys_are_kept);
    hf_test_add("/library/process-spec/console-size-goes-with-the-terminal",
                test_console_size_goes_with_the_terminal);
    hf_test_add("/library/process-spec/user-is-changed-in-place", test_user_is_changed_in_place);
    hf_test_add("/library/process-spec/missing-members-have-defaults",
                test_missing_members_have_defaults);
    hf_test_add("/library/process-spec/args-and-cwd-are-set", test_args_and_cwd_are_set);
    hf_test_add("/library/process-spec/variable-is-set-once", test_variable_is_set_once);
    hf_test_add("/library/process-spec/terminal-is-set-and-unset", test_terminal_is_set_and_unset);
    hf_test_add("/library/process-spec/copy-is-another", test_copy_is_another);
    hf_test_add("/library/process-spec/what-is-wrong-is-named", test_what_is_wrong_is_named);
    return g_test_run();
}
