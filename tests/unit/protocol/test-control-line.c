/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "protocol/control-line.h"
#include "test-kit.h"

static void
test_resize_lines(void)
{
    static const struct {
        const char *line;
        unsigned short rows;
        unsigned short columns;
    } cases[] = {
        {"1 24 80", 24, 80},     {"1 2 2 3", 2, 2},           {"1 2 2 3 4 and more", 2, 2},
        {"1 0010 0020", 10, 20}, {"  1\t24   80 \r", 24, 80}, {"01 1 1", 1, 1},
        {"1 0 0", 0, 0},         {"1 1001 2000", 1001, 2000}, {"1 65535 65535", 65535, 65535},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HfControlCommand command = {0};

        g_assert_true(hf_control_line_parse(cases[i].line, &command, &error));

        g_assert_no_error(error);
        g_assert_cmpint(command.kind, ==, HF_CONTROL_RESIZE);
        g_assert_cmpuint(command.rows, ==, cases[i].rows);
        g_assert_cmpuint(command.columns, ==, cases[i].columns);
    }
}

static void
test_reopen_lines(void)
{
    static const char *const lines[] = {"2 0 0", "2 1 1", "2 -1 -1", "2 100000 100000", "2 0 0 x"};

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        HfControlCommand command = {.kind = HF_CONTROL_RESIZE};

        g_assert_true(hf_control_line_parse(lines[i], &command, &error));

        g_assert_no_error(error);
        g_assert_cmpint(command.kind, ==, HF_CONTROL_REOPEN_LOGS);
    }
}

static void
test_process_lines(void)
{
    static const struct {
        const char *line;
        HfControlCommand command;
    } cases[] = {
        {"0 0 0", {HF_CONTROL_CLOSE_STDIN, 0, 0}},
        {"0 7 9", {HF_CONTROL_CLOSE_STDIN, 0, 0}},
        {"1 80 24", {HF_CONTROL_RESIZE, .rows = 24, .columns = 80}},
        {"1 65535 0", {HF_CONTROL_RESIZE, .rows = 0, .columns = 65535}},
        {"2 0 0", {HF_CONTROL_REOPEN_LOGS, 0, 0}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HfControlCommand command = {0};

        g_assert_true(hf_control_line_parse_process(cases[i].line, &command, &error));

        g_assert_no_error(error);
        g_assert_cmpint(command.kind, ==, cases[i].command.kind);
        g_assert_cmpuint(command.rows, ==, cases[i].command.rows);
        g_assert_cmpuint(command.columns, ==, cases[i].command.columns);
    }
}

static void
test_bad_process_lines(void)
{
    static const char *const lines[] = {
        "",        "0",       "0 0",        "4 0 0",      "-1 0 0",
        "1 -1 24", "1 80 -1", "1 65536 24", "1 80 65536", "x y z",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        HfControlCommand command = {.kind = HF_CONTROL_RESIZE, .rows = 7, .columns = 8};

        g_assert_false(hf_control_line_parse_process(lines[i], &command, &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpuint(command.rows, ==, 7);
    }
}

static void
test_bad_lines_leave_the_command_alone(void)
{
    static const char *const lines[] = {
        "",
        " ",
        "foo",
        "1",
        "999",
        "1 2",
        "2 0",
        "0 0 0",
        "4 1 1",
        "-1 1 1",
        "999 2 2",
        "1 -1 -1",
        "1 2 -2",
        "1 10.5 20.3",
        "1 10 20.3",
        "1 0x10 0x20",
        "1 +1 +1",
        "1 2 2x",
        "1 - 2",
        "1,2,2",
        "1 65536 1",
        "1 1 65536",
        "1 100000 100000",
        /* would be 1 and 24 if they wrapped at 32 or 64 bits */
        "4294967297 24 80",
        "1 4294967320 80",
        "1 18446744073709551640 80",
        "1 99999999999999999999999999999999999999999999 1",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        HfControlCommand command = {.kind = HF_CONTROL_REOPEN_LOGS, .rows = 7, .columns = 8};

        g_assert_false(hf_control_line_parse(lines[i], &command, &error));

        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpint(command.kind, ==, HF_CONTROL_REOPEN_LOGS);
        g_assert_cmpuint(command.rows, ==, 7);
        g_assert_cmpuint(command.columns, ==, 8);
    }
}

static void
test_size_lines(void)
{
    static const struct {
        const char *line;
        bool is_good;
        unsigned short rows;
        unsigned short columns;
    } cases[] = {
        {"24 80", true, 24, 80},  {"24 80 1", true, 24, 80}, {"65535 0", true, 65535, 0},
        {"24", false, 7, 8},      {"", false, 7, 8},         {"24x80", false, 7, 8},
        {"65536 1", false, 7, 8}, {"-1 1", false, 7, 8},     {"24 80.5", false, 7, 8},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        unsigned short rows = 7, columns = 8;

        bool is_good = hf_control_line_parse_size(cases[i].line, &rows, &columns, &error);

        g_assert_cmpint(is_good, ==, cases[i].is_good);
        if (!is_good)
            g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpuint(rows, ==, cases[i].rows);
        g_assert_cmpuint(columns, ==, cases[i].columns);
    }
}

/* Collects "[line]" and "[!]" for a dropped one. */
static void
on_line(const char *line, gpointer user_data)
{
    g_string_append_printf(user_data, "[%s]", line != NULL ? line : "!");
}

typedef struct {
    HfControlReader reader;
    GString *seen;
} Reading;

static Reading *
reading_new(void)
{
    Reading *self = g_new0(Reading, 1);

    self->seen = g_string_new(NULL);
    return self;
}

static void
reading_free(Reading *self)
{
    g_string_free(self->seen, TRUE);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reading, reading_free)

static void
push(Reading *self, const char *text)
{
    hf_control_reader_push(&self->reader, text, strlen(text), on_line, self->seen);
}

static void
test_reader_cuts_several_lines_of_one_push(void)
{
    g_autoptr(Reading) reading = reading_new();

    push(reading, "1 2 3\n\n2 0 0\nrest");

    g_assert_cmpstr(reading->seen->str, ==, "[1 2 3][][2 0 0]");
}

static void
test_reader_joins_single_bytes(void)
{
    g_autoptr(Reading) reading = reading_new();
    const char *text = "1 24 80\n2 0 0\n";

    for (const char *p = text; *p != '\0'; p++)
        hf_control_reader_push(&reading->reader, p, 1, on_line, reading->seen);

    g_assert_cmpstr(reading->seen->str, ==, "[1 24 80][2 0 0]");
}

static void
test_reader_keeps_the_longest_line(void)
{
    g_autoptr(Reading) reading = reading_new();
    g_autofree char *line = g_strnfill(HF_CONTROL_LINE_MAX - 1, 'x');
    g_autofree char *expected = g_strdup_printf("[%s]", line);

    push(reading, line);
    push(reading, "\n");

    g_assert_cmpstr(reading->seen->str, ==, expected);
}

static void
test_reader_drops_an_overlong_line_and_takes_the_next(void)
{
    g_autoptr(Reading) reading = reading_new();
    g_autofree char *line = g_strnfill(HF_CONTROL_LINE_MAX, 'x');

    push(reading, line);
    push(reading, "\n1 2 3\n");

    g_assert_cmpstr(reading->seen->str, ==, "[!][1 2 3]");
}

static void
test_reader_tells_an_overlong_line_once(void)
{
    g_autoptr(Reading) reading = reading_new();
    g_autofree char *line = g_strnfill(200, '1');

    for (int i = 0; i < 100; i++)
        push(reading, line);
    g_assert_cmpstr(reading->seen->str, ==, "");
    push(reading, " 2 3\n2 0 0\n");

    g_assert_cmpstr(reading->seen->str, ==, "[!][2 0 0]");
}

static void
test_reader_drops_a_line_with_a_nul(void)
{
    g_autoptr(Reading) reading = reading_new();

    hf_control_reader_push(&reading->reader, "1 2 2\0x\n2 0 0\n", 14, on_line, reading->seen);

    g_assert_cmpstr(reading->seen->str, ==, "[!][2 0 0]");
}

static void
test_reader_sees_the_same_lines_however_they_are_cut(void)
{
    g_autofree char *overlong = g_strnfill(HF_CONTROL_LINE_MAX + 5, 'y');
    g_autofree char *text = g_strconcat("1 2 3\n", overlong, "\n\n2 0 0\nlast\n", NULL);

    for (guint round = 0; round < 200; round++) {
        g_autoptr(Reading) reading = reading_new();
        size_t left = strlen(text);
        const char *p = text;

        while (left > 0) {
            size_t n = (size_t)g_test_rand_int_range(1, (gint32)MIN(left, 40) + 1);

            hf_control_reader_push(&reading->reader, p, n, on_line, reading->seen);
            p += n;
            left -= n;
        }

        g_assert_cmpstr(reading->seen->str, ==, "[1 2 3][!][][2 0 0][last]");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/control-line/resize-lines", test_resize_lines);
    hf_test_add("/protocol/control-line/reopen-lines", test_reopen_lines);
    hf_test_add("/protocol/control-line/bad-lines-leave-the-command-alone",
                test_bad_lines_leave_the_command_alone);
    hf_test_add("/protocol/control-line/process-lines", test_process_lines);
    hf_test_add("/protocol/control-line/bad-process-lines", test_bad_process_lines);
    hf_test_add("/protocol/control-line/size-lines", test_size_lines);
    hf_test_add("/protocol/control-line/reader-cuts-several-lines-of-one-push",
                test_reader_cuts_several_lines_of_one_push);
    hf_test_add("/protocol/control-line/reader-joins-single-bytes", test_reader_joins_single_bytes);
    hf_test_add("/protocol/control-line/reader-keeps-the-longest-line",
                test_reader_keeps_the_longest_line);
    hf_test_add("/protocol/control-line/reader-drops-an-overlong-line-and-takes-the-next",
                test_reader_drops_an_overlong_line_and_takes_the_next);
    hf_test_add("/protocol/control-line/reader-tells-an-overlong-line-once",
                test_reader_tells_an_overlong_line_once);
    hf_test_add("/protocol/control-line/reader-drops-a-line-with-a-nul",
                test_reader_drops_a_line_with_a_nul);
    hf_test_add("/protocol/control-line/reader-sees-the-same-lines-however-they-are-cut",
                test_reader_sees_the_same_lines_however_they_are_cut);
    return g_test_run();
}
