/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Each confines a child, for good. What a whole monitor does below it: integration/sandbox. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/sandbox.h"
#include "test-kit.h"

typedef struct Fixture Fixture;

struct Fixture {
    GMainContext *context;
    int (*check)(Fixture *f);
    GString *denied;
    guint problems;
};

static int
run_check(gpointer user_data)
{
    Fixture *f = user_data;

    return f->check(f);
}

static void
on_denial(const char *name, gpointer user_data)
{
    Fixture *f = user_data;

    g_string_append_printf(f->denied, "%s ", name);
}

static void
on_problem(const GError *error, gpointer user_data)
{
    Fixture *f = user_data;

    f->problems++;
}

static void
test_modes(void)
{
    HfSandboxMode mode = HF_SANDBOX_AUTO;

    g_assert_true(hf_sandbox_mode_parse("off", &mode));
    g_assert_cmpint(mode, ==, HF_SANDBOX_OFF);
    g_assert_true(hf_sandbox_mode_parse("strict", &mode));
    g_assert_cmpint(mode, ==, HF_SANDBOX_STRICT);
    g_assert_true(hf_sandbox_mode_parse("auto", &mode));
    g_assert_cmpint(mode, ==, HF_SANDBOX_AUTO);
    g_assert_false(hf_sandbox_mode_parse("", &mode));
    g_assert_false(hf_sandbox_mode_parse("Strict", &mode));
}

static void
run_confined(int (*check)(Fixture *f))
{
    Fixture f = {.context = g_main_context_new(), .denied = g_string_new(NULL), .check = check};

    g_assert_cmpint(hf_test_run_in_child(run_check, &f), ==, 0);
    g_main_context_unref(f.context);
    g_string_free(f.denied, TRUE);
}

static bool
is_filter_possible(void)
{
    g_autoptr(GError) error = NULL;

    if (hf_test_skip_under_valgrind("live below a filter"))
        return false;
    if (hf_sandbox_check_strict(&error))
        return true;
    g_prefix_error(&error, "this machine has no filter: ");
    g_test_skip(error->message);
    return false;
}

/* Returns 0, or the number of what is wrong; so do the next ones. */
static int
check_filtered(Fixture *f)
{
    const HfSandboxNeeds needs = {.is_filtered = true};
    g_autoptr(HfSandbox) sandbox = hf_sandbox_new(f->context, on_denial, f);

    hf_sandbox_confine(sandbox, &needs, on_problem, f);
    if (!hf_sandbox_is_filtered(sandbox) || hf_sandbox_get_program_fd(sandbox) != -1)
        return 1;
    for (int i = 0; i < 3; i++) {
        if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM)
            return 2;
    }
    if (fork() >= 0 || errno != EPERM)
        return 3;
    while (g_main_context_iteration(f->context, FALSE))
        continue;
    return strcmp(f->denied->str, "socket clone ") == 0 ? 0 : 4;
}

static void
test_filtered(void)
{
    if (is_filter_possible())
        run_confined(check_filtered);
}

/* What was denied and not told is told at the end. */
static int
check_told_at_the_end(Fixture *f)
{
    const HfSandboxNeeds needs = {.is_filtered = true};
    HfSandbox *sandbox = hf_sandbox_new(f->context, on_denial, f);

    hf_sandbox_confine(sandbox, &needs, on_problem, f);
    (void)!socket(AF_UNIX, SOCK_STREAM, 0);
    hf_sandbox_free(sandbox);
    return strcmp(f->denied->str, "socket ") == 0 ? 0 : 1;
}

static void
test_told_at_the_end(void)
{
    if (is_filter_possible())
        run_confined(check_told_at_the_end);
}

static int
check_needs(Fixture *f)
{
    const HfSandboxNeeds needs = {
        .is_filtered = true,
        .is_upgradable = true,
        .has_unix_sockets = true,
    };
    g_autoptr(HfSandbox) sandbox = hf_sandbox_new(f->context, on_denial, f);

    hf_sandbox_confine(sandbox, &needs, on_problem, f);
    if (hf_sandbox_get_program_fd(sandbox) < 0)
        return 1;
    if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
        return 2;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return 3;
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : 4;
}

static void
test_needs(void)
{
    if (is_filter_possible())
        run_confined(check_needs);
}

static int
check_unfiltered(Fixture *f)
{
    const HfSandboxNeeds needs = {.executes = true};
    g_autoptr(HfSandbox) sandbox = hf_sandbox_new(f->context, on_denial, f);

    hf_sandbox_confine(sandbox, &needs, on_problem, f);
    if (hf_sandbox_is_filtered(sandbox) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
        return 1;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 2;
    if (hf_sandbox_get_core_limit(sandbox) == NULL)
        return 3;
    return f->problems == 0 ? 0 : 4;
}

static void
test_unfiltered(void)
{
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
        run_confined(check_unfiltered);
    else
        g_test_skip("the tests run with no_new_privs");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sandbox/modes", test_modes);
    g_test_add_func("/sandbox/filtered", test_filtered);
    g_test_add_func("/sandbox/told-at-the-end", test_told_at_the_end);
    g_test_add_func("/sandbox/needs", test_needs);
    g_test_add_func("/sandbox/unfiltered", test_unfiltered);
    return g_test_run();
}
