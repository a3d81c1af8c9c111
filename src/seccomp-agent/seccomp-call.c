/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "seccomp-agent/seccomp-call.h"

#define X32_BIT 0x40000000

void
hf_seccomp_call_init(HfSeccompCall *self, pid_t pid, const struct seccomp_data *data)
{
    memset(self, 0, sizeof *self);
    self->pid = pid;
    self->arch = data->arch;
    self->number = data->nr;
    for (int i = 0; i < HF_SECCOMP_ARGS; i++)
        self->args[i] = data->args[i];
}

/* x32 has the architecture of x86_64 and numbers of its own. */
static guint32
get_arch(const HfSeccompCall *self)
{
    if (self->arch == SCMP_ARCH_X86_64 && (self->number & X32_BIT) != 0)
        return SCMP_ARCH_X32;
    return self->arch;
}

char *
hf_seccomp_call_dup_name(const HfSeccompCall *self)
{
    char *known = seccomp_syscall_resolve_num_arch(get_arch(self), self->number);
    char *name = known != NULL ? g_strdup(known) : g_strdup_printf("syscall_%d", self->number);

    free(known);
    return name;
}

char *
hf_seccomp_call_dup_arch(const HfSeccompCall *self)
{
    static const struct {
        guint32 arch;
        const char *name;
    } names[] = {
        {SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64"},   {SCMP_ARCH_X86, "SCMP_ARCH_X86"},
        {SCMP_ARCH_X32, "SCMP_ARCH_X32"},         {SCMP_ARCH_ARM, "SCMP_ARCH_ARM"},
        {SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64"}, {SCMP_ARCH_PPC64LE, "SCMP_ARCH_PPC64LE"},
        {SCMP_ARCH_S390X, "SCMP_ARCH_S390X"},     {SCMP_ARCH_RISCV64, "SCMP_ARCH_RISCV64"},
        {SCMP_ARCH_MIPS64, "SCMP_ARCH_MIPS64"},   {SCMP_ARCH_MIPSEL64, "SCMP_ARCH_MIPSEL64"},
    };
    guint32 arch = get_arch(self);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].arch == arch)
            return g_strdup(names[i].name);
    }
    return g_strdup_printf("0x%08x", arch);
}
