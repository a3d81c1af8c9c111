/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/holdfast.h>
#include <stdlib.h>

#include "cli/seccomp-names.h"

#ifdef HF_HAS_SECCOMP
#include <seccomp.h>
#endif

#if defined(__x86_64__)
#define ARCHITECTURES "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"
#elif defined(__aarch64__)
#define ARCHITECTURES "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"
#elif defined(__riscv)
#define ARCHITECTURES "SCMP_ARCH_RISCV64"
#elif defined(__s390x__)
#define ARCHITECTURES "SCMP_ARCH_S390X"
#elif defined(__powerpc64__)
#define ARCHITECTURES "SCMP_ARCH_PPC64LE"
#else
#define ARCHITECTURES NULL
#endif

const char *const *
hf_seccomp_names_architectures(void)
{
    static const char *const names[] = {ARCHITECTURES, NULL};

    return names;
}

#ifdef HF_HAS_SECCOMP
#define NUMBERS_MAX 1024
#define X32_BIT 0x40000000

static void
add_names(GHashTable *names, guint32 arch, int first)
{
    for (int number = first; number < first + NUMBERS_MAX; number++) {
        char *name = seccomp_syscall_resolve_num_arch(arch, number);

        if (name != NULL)
            g_hash_table_add(names, g_strdup(name));
        free(name);
    }
}

char **
hf_seccomp_names_list(GError **error)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char **list;

    add_names(names, SCMP_ARCH_NATIVE, 0);
#if defined(__x86_64__)
    add_names(names, SCMP_ARCH_X86, 0);
    add_names(names, SCMP_ARCH_X32, X32_BIT);
#elif defined(__aarch64__)
    add_names(names, SCMP_ARCH_ARM, 0);
#endif
    list = (char **)g_hash_table_get_keys_as_array(names, NULL);
    g_hash_table_steal_all(names);
    return list;
}
#else
char **
hf_seccomp_names_list(GError **error)
{
    g_set_error_literal(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED,
                        "this holdfast was built without libseccomp");
    return NULL;
}
#endif
