/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "protocol/log-label.h"
#include "test-kit.h"

#define BAD_FORMAT "Container labels must be in format LABEL=VALUE"
#define BAD_NAME "Container label names must contain only uppercase letters, numbers and underscore"

static void
test_good_labels(void)
{
    static const char *const labels[] = {
        "A=b", "POD_NAME=web-1", "_X9=any value, : /", "0=1", "EMPTY=", "V=\xC3\xA9\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_true(hf_log_label_check(labels[i], &error));

        g_assert_no_error(error);
    }
}

static void
test_bad_labels_in_conmons_words(void)
{
    static const struct {
        const char *label;
        const char *message;
    } cases[] = {
        {"", BAD_FORMAT},       {"A", BAD_FORMAT},        {"=", BAD_FORMAT},
        {"=value", BAD_FORMAT}, {"A=b=c", BAD_FORMAT},    {"A==", BAD_FORMAT},
        {"a=b=c", BAD_FORMAT},  {"a=b", BAD_NAME},        {"Ab=c", BAD_NAME},
        {"A-B=c", BAD_NAME},    {"A B=c", BAD_NAME},      {" A=c", BAD_NAME},
        {"A =c", BAD_NAME},     {"\xC3\x89=c", BAD_NAME}, {"A\n=c", BAD_NAME},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_log_label_check(cases[i].label, &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_str_has_prefix(error->message, cases[i].message));
    }
}

static void
test_the_message_names_the_label(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_log_label_check("my-label=1", &error));

    g_assert_nonnull(strstr(error->message, "my-label=1"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/log-label/good-labels", test_good_labels);
    hf_test_add("/protocol/log-label/bad-labels-in-conmons-words",
                test_bad_labels_in_conmons_words);
    hf_test_add("/protocol/log-label/the-message-names-the-label",
                test_the_message_names_the_label);
    return g_test_run();
}
