/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <seccomp.h>

#include "lib/test-kit.h"
#include "seccomp-agent/seccomp-call.h"

static void
check(guint32 arch, int number, const char *arch_name, const char *name)
{
    struct seccomp_data data = {.nr = number, .arch = arch, .args = {1, 2}};
    HfSeccompCall call;

    hf_seccomp_call_init(&call, 42, &data);
    g_autofree char *is_name = hf_seccomp_call_dup_name(&call);
    g_autofree char *is_arch = hf_seccomp_call_dup_arch(&call);

    g_assert_cmpstr(is_name, ==, name);
    g_assert_cmpstr(is_arch, ==, arch_name);
}

static void
test_names(void)
{
    check(SCMP_ARCH_X86_64, 83, "SCMP_ARCH_X86_64", "mkdir");
    check(SCMP_ARCH_X86, 39, "SCMP_ARCH_X86", "mkdir");
    check(SCMP_ARCH_X86_64, 0x40000000 + 83, "SCMP_ARCH_X32", "mkdir");
}

static void
test_unknown(void)
{
    check(SCMP_ARCH_X86_64, 99999, "SCMP_ARCH_X86_64", "syscall_99999");
    check(0x12345678, 1, "0x12345678", "syscall_1");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/seccomp-call/names-are-those-of-the-architecture", test_names);
    hf_test_add("/seccomp-agent/seccomp-call/what-has-no-name-is-a-number", test_unknown);
    return g_test_run();
}
