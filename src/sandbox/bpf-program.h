/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A seccomp filter as a list of system calls, each allowed or allowed for some arguments. Whatever
 * is not on the list, or comes by another calling convention, is not allowed. It is made on the
 * stack: nothing of it stays. */

#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define HF_BPF_LENGTH_MAX 768

typedef struct {
    struct sock_filter code[HF_BPF_LENGTH_MAX];
    guint length;
    uint32_t denial; /* what the kernel is to do with a call that is not allowed */
} HfBpfProgram;

/* (argument & mask) == value, of the lower 32 bits; or != with is_other. */
typedef struct {
    guint argument; /* from 0 */
    uint32_t mask;
    uint32_t value;
    bool is_other;
} HfBpfTest;

/* @arch: AUDIT_ARCH_* of the calls on the list; others fail with EPERM. */
void hf_bpf_begin(HfBpfProgram *self, uint32_t arch, uint32_t denial);
void hf_bpf_allow(HfBpfProgram *self, int number);
/* If one of @tests, or each of them, holds. */
void hf_bpf_allow_if_any(HfBpfProgram *self, int number, const HfBpfTest *tests, guint count);
void hf_bpf_allow_if_all(HfBpfProgram *self, int number, const HfBpfTest *tests, guint count);
void hf_bpf_end(HfBpfProgram *self);
