/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One system call that a filter hands over, and the names of its parts. */

#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <glib.h>

#define HF_SECCOMP_ARGS 6

typedef struct {
    pid_t pid; /* of the thread; 0 where this program cannot see it */
    guint32 arch;
    int number;
    guint64 args[HF_SECCOMP_ARGS];
} HfSeccompCall;

/* Without padding that differs: calls are compared by their bytes. */
void hf_seccomp_call_init(HfSeccompCall *self, pid_t pid, const struct seccomp_data *data);

/* "mkdir"; "syscall_4711" where libseccomp has no name. (transfer full) */
char *hf_seccomp_call_dup_name(const HfSeccompCall *self);

/* "SCMP_ARCH_X86_64", as OCI has it; the number in hexadecimal where there is no name. (transfer
 * full) */
char *hf_seccomp_call_dup_arch(const HfSeccompCall *self);
