/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <glib.h>

#include "attach/terminal-mode.h"
#include "base/error.h"
#include "test-kit.h"
#include "test-terminal.h"

static HfTerminalMode *
make_raw(const TestTerminal *terminal)
{
    g_autoptr(GError) error = NULL;
    HfTerminalMode *mode = hf_terminal_mode_new_raw(terminal->program_fd, &error);

    g_assert_no_error(error);
    return mode;
}

static void
test_terminal_is_raw_while_it_lives(void)
{
    g_autoptr(HfTerminalMode) mode = NULL;
    TestTerminal terminal;

    terminal_set_up(&terminal);
    g_assert_false(terminal_is_raw(&terminal));

    mode = make_raw(&terminal);

    g_assert_true(terminal_is_raw(&terminal));
    g_clear_pointer(&mode, hf_terminal_mode_free);
    terminal_tear_down(&terminal);
}

static void
test_modes_come_back_as_they_were(void)
{
    g_autoptr(HfTerminalMode) mode = NULL;
    TestTerminal terminal;

    terminal_set_up(&terminal);
    terminal.before.c_lflag ^= ECHO;
    terminal.before.c_cc[VINTR] = 7;
    g_assert_cmpint(tcsetattr(terminal.program_fd, TCSANOW, &terminal.before), ==, 0);
    mode = make_raw(&terminal);

    g_clear_pointer(&mode, hf_terminal_mode_free);

    g_assert_true(terminal_is_as_before(&terminal));
    terminal_tear_down(&terminal);
}

static void
test_resume_makes_it_raw_again(void)
{
    g_autoptr(HfTerminalMode) mode = NULL;
    g_autoptr(GError) error = NULL;
    TestTerminal terminal;

    terminal_set_up(&terminal);
    mode = make_raw(&terminal);
    g_assert_cmpint(tcsetattr(terminal.program_fd, TCSANOW, &terminal.before), ==, 0);

    g_assert_true(hf_terminal_mode_resume(mode, &error));

    g_assert_no_error(error);
    g_assert_true(terminal_is_raw(&terminal));
    g_clear_pointer(&mode, hf_terminal_mode_free);
    g_assert_true(terminal_is_as_before(&terminal));
    terminal_tear_down(&terminal);
}

static void
test_what_is_no_terminal_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    hf_autofd fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    g_assert_null(hf_terminal_mode_new_raw(fd, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
test_terminal_that_has_gone_is_freed(void)
{
    HfTerminalMode *mode;
    TestTerminal terminal;

    terminal_set_up(&terminal);
    mode = make_raw(&terminal);
    hf_close_fd(&terminal.person_fd);

    hf_terminal_mode_free(mode);

    terminal_tear_down(&terminal);
}

/* In a session of its own with the terminal as the controlling one: another process group comes to
 * the foreground and sets modes, as a shell does at its prompt. */
static int
free_in_background(gpointer user_data)
{
    const TestTerminal *terminal = user_data;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    HfTerminalMode *mode;
    struct termios of_shell;
    pid_t shell;

    (void)sigaction(SIGTTOU, &ignore, NULL);
    if (setsid() < 0 || ioctl(terminal->program_fd, TIOCSCTTY, 0) < 0)
        return 1;
    mode = make_raw(terminal);
    shell = fork();
    if (shell == 0)
        hf_test_wait_for_kill();
    of_shell = terminal->before;
    of_shell.c_cc[VINTR] = 9;
    if (setpgid(shell, shell) < 0 || tcsetpgrp(terminal->program_fd, shell) < 0 ||
        tcsetattr(terminal->program_fd, TCSANOW, &of_shell) < 0)
        return 2;
    hf_terminal_mode_free(mode);
    (void)kill(shell, SIGKILL);
    (void)waitpid(shell, NULL, 0);
    return terminal_modes(terminal).c_cc[VINTR] == 9 ? 0 : 3;
}

static void
test_modes_are_left_to_who_is_in_the_foreground(void)
{
    TestTerminal terminal;

    terminal_set_up(&terminal);

    g_assert_cmpint(hf_test_run_in_child(free_in_background, &terminal), ==, 0);

    terminal_tear_down(&terminal);
}

static int
free_in_foreground(gpointer user_data)
{
    const TestTerminal *terminal = user_data;

    if (setsid() < 0 || ioctl(terminal->program_fd, TIOCSCTTY, 0) < 0)
        return 1;
    hf_terminal_mode_free(make_raw(terminal));
    return terminal_is_as_before(terminal) ? 0 : 2;
}

static void
test_modes_of_the_controlling_terminal_come_back(void)
{
    TestTerminal terminal;

    terminal_set_up(&terminal);

    g_assert_cmpint(hf_test_run_in_child(free_in_foreground, &terminal), ==, 0);

    terminal_tear_down(&terminal);
}

static void
test_size_is_read(void)
{
    unsigned short rows = 0, columns = 0;
    TestTerminal terminal;

    terminal_set_up(&terminal);
    terminal_resize(&terminal, 33, 1200);

    g_assert_true(hf_terminal_mode_read_size(terminal.program_fd, &rows, &columns));

    g_assert_cmpuint(rows, ==, 33);
    g_assert_cmpuint(columns, ==, 1200);
    terminal_tear_down(&terminal);
}

static void
test_what_is_no_terminal_has_no_size(void)
{
    hf_autofd fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    unsigned short rows = 5, columns = 6;

    g_assert_false(hf_terminal_mode_read_size(fd, &rows, &columns));

    g_assert_cmpuint(rows, ==, 5);
    g_assert_cmpuint(columns, ==, 6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/attach/terminal-mode/terminal-is-raw-while-it-lives",
                test_terminal_is_raw_while_it_lives);
    hf_test_add("/attach/terminal-mode/modes-come-back-as-they-were",
                test_modes_come_back_as_they_were);
    hf_test_add("/attach/terminal-mode/resume-makes-it-raw-again", test_resume_makes_it_raw_again);
    hf_test_add("/attach/terminal-mode/what-is-no-terminal-is-refused",
                test_what_is_no_terminal_is_refused);
    hf_test_add("/attach/terminal-mode/terminal-that-has-gone-is-freed",
                test_terminal_that_has_gone_is_freed);
    hf_test_add("/attach/terminal-mode/modes-are-left-to-who-is-in-the-foreground",
                test_modes_are_left_to_who_is_in_the_foreground);
    hf_test_add("/attach/terminal-mode/modes-of-the-controlling-terminal-come-back",
                test_modes_of_the_controlling_terminal_come_back);
    hf_test_add("/attach/terminal-mode/size-is-read", test_size_is_read);
    hf_test_add("/attach/terminal-mode/what-is-no-terminal-has-no-size",
                test_what_is_no_terminal_has_no_size);
    return g_test_run();
}
