/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "lib/test-kit.h"
#include "seccomp-agent/seccomp-state.h"

static void
test_whole(void)
{
    static const char text[] =
        "{\"ociVersion\":\"1.0.2\",\"fds\":[\"other\",\"seccompFd\"],\"pid\":4422,"
        "\"metadata\":\"m\",\"state\":{\"ociVersion\":\"1.0.2\",\"id\":\"ctr\","
        "\"status\":\"creating\",\"pid\":4422,\"bundle\":\"/b\"}}";
    g_auto(HfSeccompState) state = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_seccomp_state_parse(text, strlen(text), &state, &error));

    g_assert_no_error(error);
    g_assert_cmpstr(state.container_id, ==, "ctr");
    g_assert_cmpstr(state.metadata, ==, "m");
    g_assert_cmpuint(state.fd_count, ==, 2);
    g_assert_cmpuint(state.seccomp_fd, ==, 1);
}

static void
test_faults(void)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"garbage", NULL},
        {"{\"fds\":[\"seccompFd\"]}", "state: is missing"},
        {"{\"fds\":[\"seccompFd\"],\"state\":{}}", "state.id: is missing"},
        {"{\"fds\":[\"seccompFd\"],\"state\":{\"id\":7}}",
         "state.id: a string is expected, this is a number"},
        {"{\"state\":{\"id\":\"c\"}}", "fds: seccompFd is expected once, not 0 times"},
        {"{\"fds\":[\"seccompFd\",\"seccompFd\"],\"state\":{\"id\":\"c\"}}",
         "fds: seccompFd is expected once, not 2 times"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(HfSeccompState) state = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(
            hf_seccomp_state_parse(cases[i].text, strlen(cases[i].text), &state, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_null(state.container_id);
        if (cases[i].message != NULL)
            g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/seccomp-state/id-and-place-of-the-descriptor", test_whole);
    hf_test_add("/seccomp-agent/seccomp-state/faults-are-named", test_faults);
    return g_test_run();
}
