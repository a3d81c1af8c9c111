/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "test-kit.h"

/* The level, the name and stderr are the process's own, so each test that says something runs in a
 * process of its own: this one again, told by g_test_subprocess(). */
static void
run_subprocess(void)
{
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void
test_line_names_program_level_and_subject(void)
{
    if (g_test_subprocess()) {
        hf_diag_init("prog", "abc", HF_DIAG_INFO, false);
        hf_diag(HF_DIAG_WARNING, "open '%s' %d", "/x", 7);
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: warning: abc: open '/x' 7\n");
}

static void
test_line_without_a_subject(void)
{
    if (g_test_subprocess()) {
        hf_diag_init("prog", NULL, HF_DIAG_INFO, false);
        hf_diag(HF_DIAG_ERROR, "text");
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: error: text\n");
}

static void
test_levels_above_the_one_asked_for_are_dropped(void)
{
    if (g_test_subprocess()) {
        hf_diag_init("prog", NULL, HF_DIAG_WARNING, false);
        for (HfDiagLevel level = HF_DIAG_ERROR; level <= HF_DIAG_DEBUG; level++)
            hf_diag(level, "text");
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: error: text\nprog: warning: text\n");
}

static void
test_message_is_one_line_whatever_is_in_it(void)
{
    if (g_test_subprocess()) {
        hf_diag_init("prog", NULL, HF_DIAG_INFO, false);
        hf_diag(HF_DIAG_INFO, "a\nprog: error: forged\r\x1b[31m\x7f\xC3\xA9");
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: info: a prog: error: forged  [31m \xC3\xA9\n");
}

static void
test_long_message_is_cut_and_still_a_line(void)
{
    if (g_test_subprocess()) {
        g_autofree char *text = g_strnfill(10000, 'x');
        hf_diag_init("prog", NULL, HF_DIAG_INFO, false);
        hf_diag(HF_DIAG_INFO, "%s", text);
        hf_diag(HF_DIAG_INFO, "next");
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: info: xxx*xxx\nprog: info: next\n");
}

static void
test_error_is_said_and_taken(void)
{
    if (g_test_subprocess()) {
        GError *error = NULL;
        hf_diag_init("prog", NULL, HF_DIAG_INFO, false);
        hf_throw(&error, HF_ERROR_FAILED, "cause");
        hf_diag_take_error(HF_DIAG_ERROR, &error, "reading %d", 5);
        g_assert_null(error);
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: error: reading 5: cause\n");
}

static void
test_error_that_is_not_said_is_taken_too(void)
{
    if (g_test_subprocess()) {
        GError *error = NULL;
        hf_diag_init("prog", NULL, HF_DIAG_ERROR, false);
        hf_throw(&error, HF_ERROR_FAILED, "cause");
        hf_diag_take_error(HF_DIAG_DEBUG, &error, "reading");
        g_assert_null(error);
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("");
}

static void
test_system_log_that_may_be_missing_does_not_matter(void)
{
    if (g_test_subprocess()) {
        g_autoptr(GArray) before = hf_fd_list_open(0);
        hf_diag_init("prog", NULL, HF_DIAG_INFO, true);
        hf_diag(HF_DIAG_INFO, "text");
        hf_diag_init("prog", NULL, HF_DIAG_INFO, false);
        g_autoptr(GArray) after = hf_fd_list_open(0);
        g_assert_cmpuint(before->len, ==, after->len);
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: info: text\n");
}

static void
test_stderr_that_nobody_reads_blocks_nothing(void)
{
    if (g_test_subprocess()) {
        int fds[2];
        char bytes[4096] = {0};
        hf_autofd kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

        g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
        while (write(fds[1], bytes, sizeof bytes) > 0)
            continue;
        g_assert_true(hf_fd_set_nonblocking(fds[1], false, NULL));
        g_assert_cmpint(dup2(fds[1], STDERR_FILENO), ==, STDERR_FILENO);
        hf_diag_init("prog", NULL, HF_DIAG_INFO, false);
        hf_diag(HF_DIAG_INFO, "lost");
        g_assert_cmpint(dup2(kept, STDERR_FILENO), ==, STDERR_FILENO);
        hf_close_fd(&fds[0]);
        hf_close_fd(&fds[1]);
        hf_diag(HF_DIAG_INFO, "said");
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: info: said\n");
}

static void
test_words_for_levels(void)
{
    static const struct {
        const char *word;
        bool is_known;
        HfDiagLevel level;
    } cases[] = {
        {"panic", true, HF_DIAG_ERROR},       {"fatal", true, HF_DIAG_ERROR},
        {"error", true, HF_DIAG_ERROR},       {"warn", true, HF_DIAG_WARNING},
        {"warning", true, HF_DIAG_WARNING},   {"info", true, HF_DIAG_INFO},
        {"debug", true, HF_DIAG_DEBUG},       {"trace", true, HF_DIAG_DEBUG},
        {"Info", true, HF_DIAG_INFO},         {"", false, HF_DIAG_WARNING},
        {"informal", false, HF_DIAG_WARNING}, {"inf", false, HF_DIAG_WARNING},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        HfDiagLevel level = HF_DIAG_WARNING;

        bool is_known = hf_diag_parse_level(cases[i].word, &level);

        g_assert_cmpint(is_known, ==, cases[i].is_known);
        g_assert_cmpint(level, ==, cases[i].level);
    }
}

#define AN_HOUR_S 3600

static void
test_limit_allows_a_burst(void)
{
    HfDiagLimit limit = {0};
    guint kept_back = 4711;

    g_assert_true(hf_diag_limit_allows(&limit, 2, AN_HOUR_S, &kept_back));
    g_assert_cmpuint(kept_back, ==, 0);
    g_assert_true(hf_diag_limit_allows(&limit, 2, AN_HOUR_S, NULL));
    g_assert_false(hf_diag_limit_allows(&limit, 2, AN_HOUR_S, NULL));
}

static void
test_limit_tells_in_the_next_interval_what_was_kept_back(void)
{
    HfDiagLimit limit = {0};
    guint kept_back = 4711;

    g_assert_true(hf_diag_limit_allows(&limit, 1, AN_HOUR_S, NULL));
    g_assert_false(hf_diag_limit_allows(&limit, 1, AN_HOUR_S, &kept_back));
    g_assert_false(hf_diag_limit_allows(&limit, 1, AN_HOUR_S, &kept_back));
    g_assert_cmpuint(kept_back, ==, 4711);
    limit.interval_start_us -= (gint64)AN_HOUR_S * G_USEC_PER_SEC;

    g_assert_true(hf_diag_limit_allows(&limit, 1, AN_HOUR_S, &kept_back));
    g_assert_cmpuint(kept_back, ==, 2);
    g_assert_false(hf_diag_limit_allows(&limit, 1, AN_HOUR_S, &kept_back));
    limit.interval_start_us -= (gint64)AN_HOUR_S * G_USEC_PER_SEC;
    g_assert_true(hf_diag_limit_allows(&limit, 1, AN_HOUR_S, &kept_back));
    g_assert_cmpuint(kept_back, ==, 1);
}

static void
collect(HfDiagLevel level, const char *text, gpointer user_data)
{
    g_string_append_printf(user_data, "%s:%s|", hf_diag_level_to_string(level), text);
}

static void
test_sink_takes_the_place_of_stderr(void)
{
    if (g_test_subprocess()) {
        g_autoptr(GString) said = g_string_new(NULL);

        hf_diag_init("prog", "abc", HF_DIAG_WARNING, false);
        hf_diag_set_sink(collect, said);
        hf_diag(HF_DIAG_ERROR, "two\nlines");
        hf_diag(HF_DIAG_INFO, "dropped");
        hf_diag_set_sink(NULL, NULL);
        hf_diag(HF_DIAG_WARNING, "back");
        g_assert_cmpstr(said->str, ==, "error:two lines|");
        return;
    }
    run_subprocess();
    g_test_trap_assert_stderr("prog: warning: abc: back\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/diag/line-names-program-level-and-subject",
                test_line_names_program_level_and_subject);
    hf_test_add("/base/diag/line-without-a-subject", test_line_without_a_subject);
    hf_test_add("/base/diag/levels-above-the-one-asked-for-are-dropped",
                test_levels_above_the_one_asked_for_are_dropped);
    hf_test_add("/base/diag/message-is-one-line-whatever-is-in-it",
                test_message_is_one_line_whatever_is_in_it);
    hf_test_add("/base/diag/long-message-is-cut-and-still-a-line",
                test_long_message_is_cut_and_still_a_line);
    hf_test_add("/base/diag/error-is-said-and-taken", test_error_is_said_and_taken);
    hf_test_add("/base/diag/error-that-is-not-said-is-taken-too",
                test_error_that_is_not_said_is_taken_too);
    hf_test_add("/base/diag/system-log-that-may-be-missing-does-not-matter",
                test_system_log_that_may_be_missing_does_not_matter);
    hf_test_add("/base/diag/stderr-that-nobody-reads-blocks-nothing",
                test_stderr_that_nobody_reads_blocks_nothing);
    hf_test_add("/base/diag/words-for-levels", test_words_for_levels);
    hf_test_add("/base/diag/limit-allows-a-burst", test_limit_allows_a_burst);
    hf_test_add("/base/diag/limit-tells-in-the-next-interval-what-was-kept-back",
                test_limit_tells_in_the_next_interval_what_was_kept_back);
    hf_test_add("/base/diag/sink-takes-the-place-of-stderr", test_sink_takes_the_place_of_stderr);
    return g_test_run();
}
