/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "lib/test-kit.h"
#include "seccomp-agent/seccomp-policy.h"

#define MINUTE_US (60 * G_USEC_PER_SEC)

static HfSeccompPolicy *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    HfSeccompPolicy *policy = hf_seccomp_policy_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    return policy;
}

static void
test_no_rules(void)
{
    g_autoptr(HfSeccompPolicy) policy = hf_seccomp_policy_new();

    HfSeccompVerdict verdict = hf_seccomp_policy_decide(policy, "mkdir", 1);

    g_assert_cmpint(verdict.action, ==, HF_SECCOMP_ERRNO);
    g_assert_cmpint(verdict.errnum, ==, ENOSYS);
    g_assert_true(verdict.is_recorded);
}

static void
test_first_match(void)
{
    g_autoptr(HfSeccompPolicy) policy =
        parse("{\"rules\":[{\"syscalls\":[\"mkdir\",\"chdir\"],\"action\":\"continue\"},"
              "{\"syscalls\":[\"mount\"],\"action\":\"kill\"},"
              "{\"syscalls\":[\"*\"],\"action\":\"errno\",\"errno\":\"EACCES\"},"
              "{\"syscalls\":[\"chown\"],\"action\":\"log\"}]}");

    HfSeccompVerdict mkdir = hf_seccomp_policy_decide(policy, "mkdir", 1);
    HfSeccompVerdict mount = hf_seccomp_policy_decide(policy, "mount", 1);
    HfSeccompVerdict chown = hf_seccomp_policy_decide(policy, "chown", 1);

    g_assert_cmpint(mkdir.action, ==, HF_SECCOMP_CONTINUE);
    g_assert_false(mkdir.is_recorded);
    g_assert_cmpint(mount.action, ==, HF_SECCOMP_KILL);
    g_assert_true(mount.is_recorded);
    g_assert_cmpint(chown.action, ==, HF_SECCOMP_ERRNO);
    g_assert_cmpint(chown.errnum, ==, EACCES);
}

static void
test_default_errno(void)
{
    g_autoptr(HfSeccompPolicy) policy =
        parse("{\"rules\":[{\"syscalls\":[\"mkdir\"],\"action\":\"errno\"}]}");

    g_assert_cmpint(hf_seccomp_policy_decide(policy, "mkdir", 1).errnum, ==, EPERM);
    g_assert_cmpint(hf_seccomp_policy_decide(policy, "rmdir", 1).errnum, ==, ENOSYS);
}

static void
test_rule_limit(void)
{
    g_autoptr(HfSeccompPolicy) policy =
        parse("{\"rules\":[{\"syscalls\":[\"mkdir\"],\"action\":\"continue\",\"perMinute\":2}]}");

    for (int i = 0; i < 2; i++)
        g_assert_cmpint(hf_seccomp_policy_decide(policy, "mkdir", 1).action, ==,
                        HF_SECCOMP_CONTINUE);
    HfSeccompVerdict third = hf_seccomp_policy_decide(policy, "mkdir", 1);
    HfSeccompVerdict fourth = hf_seccomp_policy_decide(policy, "mkdir", 1);
    HfSeccompVerdict later = hf_seccomp_policy_decide(policy, "mkdir", 1 + MINUTE_US);

    g_assert_cmpint(third.action, ==, HF_SECCOMP_LIMITED);
    g_assert_cmpint(third.errnum, ==, EAGAIN);
    g_assert_true(third.is_recorded);
    g_assert_cmpint(fourth.action, ==, HF_SECCOMP_LIMITED);
    g_assert_false(fourth.is_recorded);
    g_assert_cmpint(later.action, ==, HF_SECCOMP_CONTINUE);
}

static void
test_second_minute_is_limited_too(void)
{
    g_autoptr(HfSeccompPolicy) policy =
        parse("{\"rules\":[{\"syscalls\":[\"mkdir\"],\"action\":\"log\",\"perMinute\":1}]}");

    for (int i = 0; i < 5; i++)
        (void)hf_seccomp_policy_decide(policy, "mkdir", 1);
    (void)hf_seccomp_policy_decide(policy, "mkdir", 1 + MINUTE_US);
    HfSeccompVerdict above = hf_seccomp_policy_decide(policy, "mkdir", 2 + MINUTE_US);

    g_assert_cmpint(above.action, ==, HF_SECCOMP_LIMITED);
    g_assert_true(above.is_recorded);
}

static void
test_limit_over_all(void)
{
    g_autoptr(HfSeccompPolicy) policy =
        parse("{\"rules\":[{\"syscalls\":[\"mount\"],\"action\":\"kill\"},"
              "{\"syscalls\":[\"*\"],\"action\":\"log\"}],\"perMinute\":1}");

    (void)hf_seccomp_policy_decide(policy, "mkdir", 1);
    HfSeccompVerdict second = hf_seccomp_policy_decide(policy, "rmdir", 1);
    HfSeccompVerdict kill = hf_seccomp_policy_decide(policy, "mount", 1);

    g_assert_cmpint(second.action, ==, HF_SECCOMP_LIMITED);
    g_assert_cmpint(kill.action, ==, HF_SECCOMP_KILL);
    g_assert_true(kill.is_recorded);
}

static void
test_errors_name_the_place(void)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"[]", NULL},
        {"{\"rules\":", NULL},
        {"{}", "rules: is missing"},
        {"{\"rule\":[]}", "rule: no such member is known"},
        {"{\"rules\":1}", "rules: a list of objects is expected, this is a number"},
        {"{\"rules\":[],\"perMinute\":0}", "perMinute: 1 or more is expected"},
        {"{\"rules\":[{\"action\":\"log\"}]}", "rules[0].syscalls: a list of names is expected"},
        {"{\"rules\":[{\"syscalls\":[],\"action\":\"log\"}]}",
         "rules[0].syscalls: a list of names is expected"},
        {"{\"rules\":[{\"syscalls\":[\"*\"]}]}", "rules[0].action: is missing"},
        {"{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"limited\"}]}",
         "rules[0].action: log, errno, continue or kill is expected, this is 'limited'"},
        {"{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"log\"},"
         "{\"syscalls\":[\"mkdir\",\"mkdri\"],\"action\":\"log\"}]}",
         "rules[1].syscalls[1]: no system call is named 'mkdri'"},
        {"{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"errno\",\"errno\":\"ENOPE\"}]}",
         "rules[0].errno: no error is named 'ENOPE'"},
        {"{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"log\",\"errno\":\"EPERM\"}]}",
         "rules[0].errno: has no meaning with action 'log'"},
        {"{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"log\",\"perMinutes\":3}]}",
         "rules[0].perMinutes: no such member is known"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(HfSeccompPolicy) policy =
            hf_seccomp_policy_parse(cases[i].text, strlen(cases[i].text), &error);

        g_assert_null(policy);
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        if (cases[i].message != NULL)
            g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_too_many_rules(void)
{
    g_autoptr(GString) text = g_string_new("{\"rules\":[");
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 257; i++)
        g_string_append_printf(text, "%s{\"syscalls\":[\"*\"],\"action\":\"log\"}",
                               i == 0 ? "" : ",");
    g_string_append(text, "]}");
    g_autoptr(HfSeccompPolicy) policy = hf_seccomp_policy_parse(text->str, text->len, &error);

    g_assert_null(policy);
    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/seccomp-policy/without-rules-all-is-enosys", test_no_rules);
    hf_test_add("/seccomp-agent/seccomp-policy/first-rule-that-names-a-call-counts",
                test_first_match);
    hf_test_add("/seccomp-agent/seccomp-policy/errno-is-eperm-unless-it-is-named",
                test_default_errno);
    hf_test_add("/seccomp-agent/seccomp-policy/rule-has-a-limit-per-minute", test_rule_limit);
    hf_test_add("/seccomp-agent/seccomp-policy/first-refusal-of-each-minute-is-recorded",
                test_second_minute_is_limited_too);
    hf_test_add("/seccomp-agent/seccomp-policy/limit-over-all-spares-kill", test_limit_over_all);
    hf_test_add("/seccomp-agent/seccomp-policy/errors-name-the-place", test_errors_name_the_place);
    hf_test_add("/seccomp-agent/seccomp-policy/rules-are-bounded", test_too_many_rules);
    return g_test_run();
}
