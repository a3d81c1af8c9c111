/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/short-options.h"
#include "test-kit.h"

static const GOptionEntry entries[] = {
    {"follow", 'f', 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    {"tty", 't', 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    {"tail", 'n', 0, G_OPTION_ARG_STRING, NULL, NULL, NULL},
    {"env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, NULL, NULL, NULL},
    {0},
};

typedef struct {
    const char *words; /* one blank between them */
    const char *expected;
} Case;

static void
check_cases(const Case *cases, gsize count, gboolean is_strict)
{
    for (gsize i = 0; i < count; i++) {
        g_auto(GStrv) argv = g_strsplit(cases[i].words, " ", -1);

        g_auto(GStrv) split = hf_short_options_split(entries, is_strict, argv);

        g_autofree char *text = g_strjoinv(" ", split);
        g_assert_cmpstr(text, ==, cases[i].expected);
    }
}

static void
test_a_value_becomes_a_word_of_its_own(void)
{
    static const Case cases[] = {
        {"logs", "logs"},
        {"logs -n10 id", "logs -n 10 id"},
        {"logs -n=10 id", "logs -n 10 id"},
        {"logs -ftn10", "logs -ftn 10"},
        {"logs -ft -n 10", "logs -ft -n 10"},
        {"logs id -n10", "logs id -n 10"},
        {"logs -ftx", "logs -ftx"},
        {"logs -xn10", "logs -xn10"},
        {"logs - -n1", "logs - -n 1"},
    };

    check_cases(cases, G_N_ELEMENTS(cases), FALSE);
}

static void
test_what_is_no_option_is_left_alone(void)
{
    static const Case cases[] = {
        {"logs -n -n1 id", "logs -n -n1 id"},
        {"logs --tail -n1 id", "logs --tail -n1 id"},
        {"logs --tail=1 -n1 id", "logs --tail=1 -n 1 id"},
        {"logs -- -n1", "logs -- -n1"},
    };

    check_cases(cases, G_N_ELEMENTS(cases), FALSE);
}

static void
test_behind_the_first_operand_stands_another_programs_command(void)
{
    static const Case cases[] = {
        {"exec -eA=b id head -n1", "exec -e A=b id head -n1"},
        {"exec -e A=b -t id head -n1", "exec -e A=b -t id head -n1"},
        {"exec --env A=b -eC=d id head -n1", "exec --env A=b -e C=d id head -n1"},
    };

    check_cases(cases, G_N_ELEMENTS(cases), TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/cli/short-options/a-value-becomes-a-word-of-its-own",
                test_a_value_becomes_a_word_of_its_own);
    hf_test_add("/cli/short-options/what-is-no-option-is-left-alone",
                test_what_is_no_option_is_left_alone);
    hf_test_add("/cli/short-options/behind-the-first-operand-stands-another-programs-command",
                test_behind_the_first_operand_stands_another_programs_command);
    return g_test_run();
}
