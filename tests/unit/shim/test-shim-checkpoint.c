/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "base/error.h"
#include "shim/shim-checkpoint.h"
#include "test-kit.h"

static void
test_options_of_configurations(void)
{
    static const struct {
        const char *json;
        const char *options;
    } cases[] = {
        {"{}", ""},
        {"{\"name\":\"x\",\"exit\":true,\"tcp\":false}", ""},
        {"{\"tcp\":true,\"unixSockets\":true,\"shell\":true}",
         "--shell-job --tcp-established --ext-unix-sk"},
        {"{\"emptyNS\":[\"network\",\"-x\"]}", "--empty-ns=network --empty-ns=-x"},
        {"{\"emptyNS\":null}", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_auto(GStrv) options =
            hf_shim_checkpoint_parse(cases[i].json, strlen(cases[i].json), &error);

        g_assert_no_error(error);
        g_autofree char *line = g_strjoinv(" ", options);
        g_assert_cmpstr(line, ==, cases[i].options);
    }
}

static void
test_bad_configurations_name_the_place(void)
{
    static const struct {
        const char *json;
        const char *words;
    } cases[] = {
        {"", ""},
        {"[]", ""},
        {"{\"tcp\":1}", "tcp"},
        {"{\"shell\":\"yes\"}", "shell"},
        {"{\"emptyNS\":\"network\"}", "emptyNS"},
        {"{\"emptyNS\":[1]}", "emptyNS[0]"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_shim_checkpoint_parse(cases[i].json, strlen(cases[i].json), &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_nonnull(strstr(error->message, cases[i].words));
    }
}

static void
test_work_path_is_in_the_checkpoint(void)
{
    char *dir = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    g_autofree char *prefix = g_build_filename(dir, "criu.work", "restore-", NULL);

    hf_test_write_file(dir, "config.json", "{\"tcp\":true}");
    g_auto(GStrv) options = hf_shim_checkpoint_load(dir, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(options), ==, 3);
    g_assert_cmpstr(options[1], ==, "--work-path");
    g_assert_true(g_str_has_prefix(options[2], prefix));
    g_assert_true(hf_test_file_exists(dir, "criu.work"));
    hf_test_remove_dir(dir);
}

static void
test_missing_configuration_names_the_checkpoint(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_shim_checkpoint_load("/no/such", &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_nonnull(strstr(error->message, "checkpoint '/no/such'"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/shim/shim-checkpoint/options-of-configurations", test_options_of_configurations);
    hf_test_add("/shim/shim-checkpoint/bad-configurations-name-the-place",
                test_bad_configurations_name_the_place);
    hf_test_add("/shim/shim-checkpoint/work-path-is-in-the-checkpoint",
                test_work_path_is_in_the_checkpoint);
    hf_test_add("/shim/shim-checkpoint/missing-configuration-names-the-checkpoint",
                test_missing_configuration_names_the_checkpoint);
    return g_test_run();
}
