/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The call's number is loaded once. Each entry compares it and skips itself if it is another's; an
 * entry always ends in a return, so that what it loaded in place of the number is nobody's trouble:
 *
 *      number == N ?  --no--> next entry
 *      for each test: load the argument, mask it, compare, return
 *      return what is left: the denial for "any", permission for "all"
 *
 * The kernel remembers for each number that is allowed without tests that it is, and does not run
 * the filter for those. */

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "sandbox/bpf-program.h"

#define TEST_LENGTH 4u

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define LOWER_HALF 0u
#else
#define LOWER_HALF 4u
#endif

static void
put(HfBpfProgram *self, struct sock_filter instruction)
{
    g_assert(self->length < HF_BPF_LENGTH_MAX);
    self->code[self->length++] = instruction;
}

static void
put_return(HfBpfProgram *self, uint32_t action)
{
    put(self, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void
put_load(HfBpfProgram *self, size_t offset)
{
    put(self, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Skips the next @if_equal or @if_other instructions. */
static void
put_compare(HfBpfProgram *self, uint32_t value, guint if_equal, guint if_other)
{
    g_assert(if_equal <= 255 && if_other <= 255);
    put(self, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (uint8_t)if_equal,
                                           (uint8_t)if_other));
}

void
hf_bpf_begin(HfBpfProgram *self, uint32_t arch, uint32_t denial)
{
    self->length = 0;
    self->denial = denial;
    put_load(self, offsetof(struct seccomp_data, arch));
    put_compare(self, arch, 1, 0);
    put_return(self, SECCOMP_RET_ERRNO | EPERM);
    put_load(self, offsetof(struct seccomp_data, nr));
}

void
hf_bpf_allow(HfBpfProgram *self, int number)
{
    put_compare(self, (uint32_t)number, 0, 1);
    put_return(self, SECCOMP_RET_ALLOW);
}

/* @action follows a test that holds, or with @if_fails one that does not. */
static void
put_test(HfBpfProgram *self, const HfBpfTest *test, bool if_fails, uint32_t action)
{
    bool acts_on_equal = test->is_other == if_fails;

    put_load(self,
             offsetof(struct seccomp_data, args) + test->argument * sizeof(uint64_t) + LOWER_HALF);
    put(self, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, test->mask));
    put_compare(self, test->value & test->mask, acts_on_equal ? 0 : 1, acts_on_equal ? 1 : 0);
    put_return(self, action);
}

void
hf_bpf_allow_if_any(HfBpfProgram *self, int number, const HfBpfTest *tests, guint count)
{
    put_compare(self, (uint32_t)number, 0, count * TEST_LENGTH + 1);
    for (guint i = 0; i < count; i++)
        put_test(self, &tests[i], false, SECCOMP_RET_ALLOW);
    put_return(self, self->denial);
}

void
hf_bpf_allow_if_all(HfBpfProgram *self, int number, const HfBpfTest *tests, guint count)
{
    put_compare(self, (uint32_t)number, 0, count * TEST_LENGTH + 1);
    for (guint i = 0; i < count; i++)
        put_test(self, &tests[i], true, self->denial);
    put_return(self, SECCOMP_RET_ALLOW);
}

void
hf_bpf_end(HfBpfProgram *self)
{
    put_return(self, self->denial);
}
