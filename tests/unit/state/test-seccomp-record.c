/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "state/seccomp-record.h"
#include "test-kit.h"

#define TIME "\"time\":\"2026-01-31T23:59:58.123456789Z\""
#define REST TIME ",\"syscall\":\"mkdir\",\"count\":1"

static void
test_all_parts_are_read(void)
{
    const char *line = "{" TIME ",\"id\":\"c\",\"pid\":4294967295,\"syscall\":\"syscall_7\","
                       "\"arch\":\"SCMP_ARCH_ARM\",\"args\":[],\"action\":\"limited\","
                       "\"errno\":\"EAGAIN\",\"count\":4294967295}";
    g_auto(HfSeccompRecord) record = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_seccomp_record_parse(line, strlen(line), &record, &error));
    g_assert_no_error(error);
    g_assert_cmpint(record.time_us, ==, G_GINT64_CONSTANT(1769903998) * G_USEC_PER_SEC + 123456);
    g_assert_cmpstr(record.syscall, ==, "syscall_7");
    g_assert_cmpstr(record.action, ==, "limited");
    g_assert_cmpuint(record.pid, ==, G_MAXUINT32);
    g_assert_cmpuint(record.count, ==, G_MAXUINT32);
}

static void
test_call_with_a_number_below_zero_has_a_name(void)
{
    const char *line = "{" TIME ",\"syscall\":\"syscall_-5\",\"count\":1}";
    g_auto(HfSeccompRecord) record = {0};

    g_assert_true(hf_seccomp_record_parse(line, strlen(line), &record, NULL));
    g_assert_cmpstr(record.syscall, ==, "syscall_-5");
}

static void
test_record_of_several_has_no_pid_and_action(void)
{
    const char *line = "{" TIME ",\"syscall\":\"*\",\"count\":12}";
    g_auto(HfSeccompRecord) record = {0};

    g_assert_true(hf_seccomp_record_parse(line, strlen(line), &record, NULL));
    g_assert_cmpstr(record.syscall, ==, "*");
    g_assert_null(record.action);
    g_assert_cmpuint(record.pid, ==, 0);
}

static void
test_what_makes_no_sense_is_an_error(void)
{
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "{}",
        "{" TIME ",\"syscall\":\"mkdir\"}",
        "{" TIME ",\"syscall\":\"mkdir\",\"count\":0}",
        "{" TIME ",\"syscall\":\"mkdir\",\"count\":-1}",
        "{" TIME ",\"syscall\":\"mkdir\",\"count\":4294967296}",
        "{" TIME ",\"syscall\":\"mk dir\",\"count\":1}",
        "{" TIME ",\"syscall\":\"mkdir\\n\",\"count\":1}",
        "{" TIME ",\"syscall\":\"\\u001b[31m\",\"count\":1}",
        "{" TIME ",\"syscall\":\"\\u00e4\",\"count\":1}",
        "{" TIME ",\"syscall\":\"\",\"count\":1}",
        "{" TIME ",\"syscall\":\"**\",\"count\":1}",
        "{" TIME ",\"syscall\":7,\"count\":1}",
        "{" TIME ",\"count\":1}",
        "{\"time\":\"yesterday\",\"syscall\":\"mkdir\",\"count\":1}",
        "{\"syscall\":\"mkdir\",\"count\":1}",
        "{" REST ",\"action\":\"*\"}",
        "{" REST ",\"action\":\"\"}",
        "{" REST ",\"action\":[]}",
        "{" REST ",\"pid\":\"1\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_auto(HfSeccompRecord) record = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_seccomp_record_parse(lines[i], strlen(lines[i]), &record, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_null(record.syscall);
        g_assert_null(record.action);
    }
}

static void
test_long_names_are_refused(void)
{
    g_autofree char *name = g_strnfill(HF_SECCOMP_RECORD_WORD_MAX + 1, 'x');

    for (int i = 0; i < 2; i++) {
        g_autofree char *line =
            g_strdup_printf("{" TIME ",\"syscall\":\"%s\",\"count\":1}", name + 1 - i);
        g_auto(HfSeccompRecord) record = {0};

        g_assert_true(hf_seccomp_record_parse(line, strlen(line), &record, NULL) == (i == 0));
    }
}

#define ADD(name, function) hf_test_add("/state/seccomp-record/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("all-parts-are-read", test_all_parts_are_read);
    ADD("call-with-a-number-below-zero-has-a-name", test_call_with_a_number_below_zero_has_a_name);
    ADD("record-of-several-has-no-pid-and-action", test_record_of_several_has_no_pid_and_action);
    ADD("what-makes-no-sense-is-an-error", test_what_makes_no_sense_is_an_error);
    ADD("long-names-are-refused", test_long_names_are_refused);
    return g_test_run();
}
