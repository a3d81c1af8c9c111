/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "protocol/log-spec.h"
#include "test-kit.h"

static void
test_drivers_and_paths(void)
{
    static const struct {
        const char *text;
        HfLogDriver driver;
        const char *path;
    } cases[] = {
        {"k8s-file:/var/log/a", HF_LOG_DRIVER_K8S_FILE, "/var/log/a"},
        {"k8s-file:/a:b.log", HF_LOG_DRIVER_K8S_FILE, "/a:b.log"},
        {"k8s-file::", HF_LOG_DRIVER_K8S_FILE, ":"},
        {"k8s-file:k8s-file", HF_LOG_DRIVER_K8S_FILE, "k8s-file"},
        {"/var/log/a", HF_LOG_DRIVER_K8S_FILE, "/var/log/a"},
        {"word", HF_LOG_DRIVER_K8S_FILE, "word"},
        {"k8s-fil", HF_LOG_DRIVER_K8S_FILE, "k8s-fil"},
        {"journald2", HF_LOG_DRIVER_K8S_FILE, "journald2"},
        {"JOURNALD", HF_LOG_DRIVER_K8S_FILE, "JOURNALD"},
        {":/var/log/a", HF_LOG_DRIVER_K8S_FILE, "/var/log/a"},
        {":journald", HF_LOG_DRIVER_K8S_FILE, "journald"},
        {"::", HF_LOG_DRIVER_K8S_FILE, ":"},
        {"journald", HF_LOG_DRIVER_JOURNALD, NULL},
        {"journald:", HF_LOG_DRIVER_JOURNALD, NULL},
        {"journald:/ignored", HF_LOG_DRIVER_JOURNALD, NULL},
        {"json-file:/a:b", HF_LOG_DRIVER_JSON_FILE, "/a:b"},
        {"raw:/a", HF_LOG_DRIVER_RAW, "/a"},
        {"fifo:/a", HF_LOG_DRIVER_FIFO, "/a"},
        {"syslog", HF_LOG_DRIVER_SYSLOG, ""},
        {"syslog:", HF_LOG_DRIVER_SYSLOG, ""},
        {"syslog:udp://127.0.0.1:514", HF_LOG_DRIVER_SYSLOG, "udp://127.0.0.1:514"},
        {"passthrough", HF_LOG_DRIVER_PASSTHROUGH, NULL},
        {"passthrough:", HF_LOG_DRIVER_PASSTHROUGH, NULL},
        {"none", HF_LOG_DRIVER_NONE, NULL},
        {"none:", HF_LOG_DRIVER_NONE, NULL},
        {"none:/ignored", HF_LOG_DRIVER_NONE, NULL},
        {"off", HF_LOG_DRIVER_NONE, NULL},
        {"off:", HF_LOG_DRIVER_NONE, NULL},
        {"null", HF_LOG_DRIVER_NONE, NULL},
        {"null:", HF_LOG_DRIVER_NONE, NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HfLogSpec spec = {0};

        g_assert_true(hf_log_spec_parse(cases[i].text, &spec, &error));

        g_assert_no_error(error);
        g_assert_cmpint(spec.driver, ==, cases[i].driver);
        g_assert_cmpstr(spec.path, ==, cases[i].path);
        hf_log_spec_clear(&spec);
    }
}

static void
test_what_is_refused_in_conmons_words(void)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "log-path must not be empty"},
        {":", "log-path must not be empty"},
        {"k8s-file", "k8s-file requires a filename"},
        {"k8s-file:", "k8s-file requires a filename"},
        {"json-file", "json-file requires a filename"},
        {"fifo:", "fifo requires a filename"},
        {"raw", "raw requires a filename"},
        {"invalid:/path", "No such log driver invalid"},
        {"invalid:", "No such log driver invalid"},
        {"/a:b.log", "No such log driver /a"},
        {"K8S-FILE:/a", "No such log driver K8S-FILE"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HfLogSpec spec = {.driver = HF_LOG_DRIVER_PASSTHROUGH};

        g_assert_false(hf_log_spec_parse(cases[i].text, &spec, &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, cases[i].message);
        g_assert_cmpint(spec.driver, ==, HF_LOG_DRIVER_PASSTHROUGH);
        g_assert_null(spec.path);
    }
}

static void
test_clear_may_be_called_again(void)
{
    HfLogSpec spec = {0};

    g_assert_true(hf_log_spec_parse("k8s-file:/a", &spec, NULL));
    hf_log_spec_clear(&spec);
    hf_log_spec_clear(&spec);

    g_assert_null(spec.path);
}

static void
test_a_drivers_name_is_parsed_as_that_driver(void)
{
    for (HfLogDriver driver = HF_LOG_DRIVER_NONE; driver <= HF_LOG_DRIVER_PASSTHROUGH; driver++) {
        g_autofree char *text = g_strconcat(hf_log_driver_to_string(driver), ":/p", NULL);
        HfLogSpec spec = {0};

        g_assert_true(hf_log_spec_parse(text, &spec, NULL));

        g_assert_cmpint(spec.driver, ==, driver);
        hf_log_spec_clear(&spec);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/log-spec/drivers-and-paths", test_drivers_and_paths);
    hf_test_add("/protocol/log-spec/what-is-refused-in-conmons-words",
                test_what_is_refused_in_conmons_words);
    hf_test_add("/protocol/log-spec/clear-may-be-called-again", test_clear_may_be_called_again);
    hf_test_add("/protocol/log-spec/a-drivers-name-is-parsed-as-that-driver",
                test_a_drivers_name_is_parsed_as_that_driver);
    return g_test_run();
}
