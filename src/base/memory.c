/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

/* How far below the present frame the stack is looked at, and how much next to it is left alone:
 * the red zone and the frames of this call. */
#define STACK_SPAN (256 * 1024)
#define STACK_KEPT 1024

/* What deep calls (option parsing, the run of the OCI runtime) left below the present frame is
 * never read again. The range may reach below the mapping, which madvise() reports after it has
 * done the rest. */
static void
trim_stack(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t end = (here - STACK_KEPT) & ~(page - 1);

    (void)madvise((void *)(end - STACK_SPAN), STACK_SPAN, MADV_DONTNEED);
}

void
hf_memory_trim(void)
{
    (void)malloc_trim(0);
    trim_stack();
}
