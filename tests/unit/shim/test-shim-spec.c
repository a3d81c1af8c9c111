/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "shim/shim-spec.h"
#include "state/json-text.h"
#include "test-kit.h"

static char *
convert(const char *json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) process = hf_json_text_parse(json, strlen(json), &error);

    g_assert_no_error(error);
    return hf_shim_spec_convert(process);
}

static void
test_list_of_capabilities_becomes_sets(void)
{
    g_autofree char *text =
        convert("{\"args\":[\"sh\"],\"capabilities\":[\"CAP_KILL\"],\"cwd\":\"/\"}");

    g_assert_cmpstr(text, ==,
                    "{\"args\":[\"sh\"],\"capabilities\":{\"bounding\":[\"CAP_KILL\"],"
                    "\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]},\"cwd\":\"/\"}");
}

static void
test_numbers_stay_as_they_were(void)
{
    g_autofree char *text =
        convert("{\"capabilities\":[],\"rlimits\":[{\"hard\":18446744073709551615}]}");

    g_assert_nonnull(strstr(text, "\"hard\":18446744073709551615"));
}

static void
test_what_runtimes_take_is_left_alone(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"args\":[\"sh\"]}",
        "{\"capabilities\":null}",
        "{\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_null(convert(texts[i]));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/shim/shim-spec/list-of-capabilities-becomes-sets",
                test_list_of_capabilities_becomes_sets);
    hf_test_add("/shim/shim-spec/numbers-stay-as-they-were", test_numbers_stay_as_they_were);
    hf_test_add("/shim/shim-spec/what-runtimes-take-is-left-alone",
                test_what_runtimes_take_is_left_alone);
    return g_test_run();
}
