/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "protocol/message-line.h"
#include "test-kit.h"

static void
test_line_is_json(void)
{
    const struct timespec when = {.tv_sec = 0, .tv_nsec = 123456789};
    size_t length = 0;

    g_autofree char *line = hf_message_line_format("error", "a \"b\"\n\xff", &when, &length);

    g_assert_cmpstr(line, ==,
                    "{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\n\xEF\xBF\xBD\","
                    "\"time\":\"1970-01-01T00:00:00.123456789Z\"}\n");
    g_assert_cmpuint(length, ==, strlen(line));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/message-line/line-is-json", test_line_is_json);
    return g_test_run();
}
