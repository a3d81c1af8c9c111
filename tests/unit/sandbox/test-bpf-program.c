/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The kernel runs what the assembler made, in a child: what is denied fails with ENOTUNIQ. */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/bpf-program.h"
#include "test-kit.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

#define DENIAL (SECCOMP_RET_ERRNO | ENOTUNIQ)

static bool
is_possible(void)
{
    uint32_t action = SECCOMP_RET_ERRNO;

    if (hf_test_skip_under_valgrind("live below a filter"))
        return false;
    if (ARCH != 0 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
        return true;
    g_test_skip("this machine has no seccomp filters");
    return false;
}

typedef struct {
    const HfBpfProgram *program;
    int (*check)(void);
} Run;

static int
run_check(gpointer user_data)
{
    const Run *run = user_data;
    const struct sock_fprog filter = {.len = (unsigned short)run->program->length,
                                      .filter = (struct sock_filter *)run->program->code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
        return 100;
    return run->check();
}

/* @check returns 0, or the number of what is wrong. */
static void
run_below(const HfBpfProgram *program, int (*check)(void))
{
    Run run = {program, check};

    g_assert_cmpint(hf_test_run_in_child(run_check, &run), ==, 0);
}

static void
begin(HfBpfProgram *program)
{
    hf_bpf_begin(program, ARCH, DENIAL);
    hf_bpf_allow(program, SYS_exit_group);
    hf_bpf_allow(program, SYS_write);
    /* Of a sanitizer's _exit(). */
    hf_bpf_allow(program, SYS_sigaltstack);
}

static bool
is_denied(long result)
{
    return result < 0 && errno == ENOTUNIQ;
}

static int
check_list(void)
{
    if (syscall(SYS_getpid) <= 0)
        return 1;
    return is_denied(syscall(SYS_getppid)) ? 0 : 2;
}

static void
test_list(void)
{
    HfBpfProgram program;

    if (!is_possible())
        return;
    begin(&program);
    hf_bpf_allow(&program, SYS_getpid);
    hf_bpf_end(&program);
    run_below(&program, check_list);
}

typedef void (*AllowFunc)(HfBpfProgram *program, int number, const HfBpfTest *tests, guint count);

/* With one rule for system call @number. */
static void
run_rule(AllowFunc allow, int number, const HfBpfTest *tests, guint count, int (*check)(void))
{
    HfBpfProgram program;

    if (!is_possible())
        return;
    begin(&program);
    allow(&program, number, tests, count);
    hf_bpf_end(&program);
    run_below(&program, check);
}

static int
check_any(void)
{
    if (is_denied(syscall(SYS_fcntl, 0, F_GETFD)) || is_denied(syscall(SYS_fcntl, 0, F_GETFL)))
        return 1;
    return is_denied(syscall(SYS_fcntl, 0, F_SETOWN, 0)) ? 0 : 2;
}

static void
test_any(void)
{
    const HfBpfTest tests[] = {{1, ~0u, F_GETFD, false}, {1, ~0u, F_GETFL, false}};

    run_rule(hf_bpf_allow_if_any, SYS_fcntl, tests, G_N_ELEMENTS(tests), check_any);
}

static int
check_all(void)
{
    if (is_denied(syscall(SYS_fcntl, 0, F_GETFD)))
        return 1;
    if (!is_denied(syscall(SYS_fcntl, 1, F_GETFD)))
        return 2;
    return is_denied(syscall(SYS_fcntl, 0, F_GETFL)) ? 0 : 3;
}

static void
test_all(void)
{
    const HfBpfTest tests[] = {{0, ~0u, 0, false}, {1, ~0u, F_GETFD, false}};

    run_rule(hf_bpf_allow_if_all, SYS_fcntl, tests, G_N_ELEMENTS(tests), check_all);
}

static int
check_mask(void)
{
    if (!is_denied(syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_CLOEXEC)))
        return 1;
    if (is_denied(syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC)))
        return 2;
    return is_denied(syscall(SYS_openat, AT_FDCWD, "/nowhere/x", O_RDWR)) ? 3 : 0;
}

/* What the filter does with open(2). */
static void
test_mask(void)
{
    const HfBpfTest tests[] = {{2, O_ACCMODE | O_PATH, O_RDONLY, .is_other = true}};

    run_rule(hf_bpf_allow_if_any, SYS_openat, tests, G_N_ELEMENTS(tests), check_mask);
}

static int
check_other_all(void)
{
    if (!is_denied(syscall(SYS_fcntl, 7, F_GETFD)))
        return 1;
    return is_denied(syscall(SYS_fcntl, 0, F_GETFD)) ? 2 : 0;
}

static void
test_other_all(void)
{
    const HfBpfTest tests[] = {{0, ~0u, 7, .is_other = true}};

    run_rule(hf_bpf_allow_if_all, SYS_fcntl, tests, G_N_ELEMENTS(tests), check_other_all);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bpf-program/list", test_list);
    g_test_add_func("/bpf-program/any", test_any);
    g_test_add_func("/bpf-program/all", test_all);
    g_test_add_func("/bpf-program/mask", test_mask);
    g_test_add_func("/bpf-program/other-all", test_other_all);
    return g_test_run();
}
