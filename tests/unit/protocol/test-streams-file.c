/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "protocol/streams-file.h"
#include "test-kit.h"

static void
test_what_is_formatted_is_parsed(void)
{
    const HfStreamsFile file = {
        .stdin_inode = 1,
        .stdout_inode = G_MAXUINT64,
        .has_terminal = true,
        .is_terminal_lost = true,
        .has_oom_base = true,
        .oom_base = 7,
        .memory_cgroup = (char *)"/sys/fs/cgroup/a b",
        .is_cgroup_v2 = true,
    };
    g_auto(HfStreamsFile) found = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = hf_streams_file_format(&file);

    gboolean ok = hf_streams_file_parse(text, strlen(text), &found, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpuint(found.stdin_inode, ==, 1);
    g_assert_cmpuint(found.stdout_inode, ==, G_MAXUINT64);
    g_assert_cmpuint(found.stderr_inode, ==, 0);
    g_assert_true(found.has_terminal && found.is_terminal_lost && found.is_cgroup_v2);
    g_assert_true(found.has_oom_base);
    g_assert_cmpuint(found.oom_base, ==, 7);
    g_assert_cmpstr(found.memory_cgroup, ==, "/sys/fs/cgroup/a b");
}

static void
test_cgroup_that_needs_an_escape_is_left_out(void)
{
    const HfStreamsFile file = {.memory_cgroup = (char *)"/a\"b"};
    g_auto(HfStreamsFile) found = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = hf_streams_file_format(&file);

    g_assert_true(hf_streams_file_parse(text, strlen(text), &found, &error));

    g_assert_no_error(error);
    g_assert_null(found.memory_cgroup);
}

static void
test_unknown_keys_are_passed_over(void)
{
    static const char text[] = " { \"new\" : true, \"x\":\"y\" ,\"stdout\" : 12 } \n";
    g_auto(HfStreamsFile) found = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_streams_file_parse(text, strlen(text), &found, &error));

    g_assert_no_error(error);
    g_assert_cmpuint(found.stdout_inode, ==, 12);
}

static void
test_what_is_no_such_object_is_refused(void)
{
    static const char *const texts[] = {
        "",
        "{",
        "}",
        "[]",
        "{\"stdout\":}",
        "{\"stdout\":-1}",
        "{\"stdout\":\"1\"}",
        "{\"stdout\":1}x",
        "{\"stdout\":1,}",
        "{\"stdout\" 1}",
        "{stdout:1}",
        "{\"stdout\":1",
        "{\"terminal\":1}",
        "{\"terminal\":\"true\"}",
        "{\"stdout\":18446744073709551616}",
        "{\"memoryCgroup\":\"a\\u0000\"}",
        "{\"memoryCgroup\":\"a",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        HfStreamsFile found = {.stdin_inode = 5};
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_streams_file_parse(texts[i], strlen(texts[i]), &found, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpuint(found.stdin_inode, ==, 5);
    }
}

static void
test_every_prefix_is_coped_with(void)
{
    const HfStreamsFile file = {.stdout_inode = 3, .memory_cgroup = (char *)"/c"};
    g_autofree char *text = hf_streams_file_format(&file);

    for (size_t length = 0; length + 1 < strlen(text); length++) {
        g_autofree char *piece = g_memdup2(text, length);
        HfStreamsFile found = {0};

        g_assert_false(hf_streams_file_parse(piece, length, &found, NULL));
    }
}

#define ADD(name, test) hf_test_add("/protocol/streams-file/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-formatted-is-parsed", test_what_is_formatted_is_parsed);
    ADD("cgroup-that-needs-an-escape-is-left-out", test_cgroup_that_needs_an_escape_is_left_out);
    ADD("unknown-keys-are-passed-over", test_unknown_keys_are_passed_over);
    ADD("what-is-no-such-object-is-refused", test_what_is_no_such_object_is_refused);
    ADD("every-prefix-is-coped-with", test_every_prefix_is_coped_with);
    return g_test_run();
}
