/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/privileges.h"
#include "test-kit.h"

static guint32
get_permitted(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capget, &header, data) == 0 ? data[0].permitted : 0;
}

static bool
is_root(void)
{
    if (geteuid() == 0 && (get_permitted() & (1u << CAP_DAC_OVERRIDE)) != 0 &&
        (get_permitted() & (1u << CAP_KILL)) != 0)
        return true;
    g_test_skip("needs root with its capabilities");
    return false;
}

/* What is left, in a child. */
static guint32
cut(const HfPrivileges *privileges)
{
    int fds[2];
    guint32 left = 0;
    int status = 0;

    g_assert_cmpint(pipe(fds), ==, 0);
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        bool ok = hf_privileges_cut(privileges, NULL);

        left = get_permitted();
        _exit(ok && write(fds[1], &left, sizeof left) == sizeof left ? 0 : 1);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(read(fds[0], &left, sizeof left), ==, sizeof left);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return left;
}

static void
test_kill_stays(void)
{
    const char *const none[] = {NULL};
    const HfPrivileges privileges = {.written = none};

    if (is_root())
        g_assert_cmphex(cut(&privileges), ==, 1u << CAP_KILL);
}

static void
test_trace_stays(void)
{
    const char *const none[] = {NULL};
    const HfPrivileges privileges = {.written = none, .keeps_trace = true};

    if (is_root())
        g_assert_cmphex(cut(&privileges), ==,
                        (1u << CAP_KILL | 1u << CAP_SYS_PTRACE) & get_permitted());
}

static void
test_foreign_directory(void)
{
    char *dir = hf_test_make_dir();
    const char *const dirs[] = {dir, NULL};
    const HfPrivileges privileges = {.written = dirs};

    if (is_root()) {
        g_assert_cmphex(cut(&privileges), ==, 1u << CAP_KILL);
        g_assert_cmpint(chown(dir, 12345, 12345), ==, 0);
        g_assert_cmphex(cut(&privileges), ==, 1u << CAP_KILL | 1u << CAP_DAC_OVERRIDE);
    }
    hf_test_remove_dir(dir);
}

static void
test_nothing_to_cut(void)
{
    const char *const none[] = {NULL};
    const HfPrivileges privileges = {.written = none};
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        (void)!setuid(12345);
        _exit(hf_privileges_cut(&privileges, NULL) ? 0 : 1);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

static void
test_cores(void)
{
    struct rlimit before;
    struct rlimit after;
    rlim_t kept = 1;

    g_assert_cmpint(getrlimit(RLIMIT_CORE, &before), ==, 0);
    g_assert_true(hf_privileges_stop_cores(&kept, NULL));
    g_assert_cmpint(getrlimit(RLIMIT_CORE, &after), ==, 0);
    g_assert_cmpuint(kept, ==, before.rlim_cur);
    g_assert_cmpuint(after.rlim_cur, ==, 0);
    g_assert_cmpuint(after.rlim_max, ==, before.rlim_max);
    g_assert_cmpint(setrlimit(RLIMIT_CORE, &before), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/privileges/kill-stays", test_kill_stays);
    g_test_add_func("/privileges/trace-stays", test_trace_stays);
    g_test_add_func("/privileges/foreign-directory", test_foreign_directory);
    g_test_add_func("/privileges/nothing-to-cut", test_nothing_to_cut);
    g_test_add_func("/privileges/cores", test_cores);
    return g_test_run();
}
