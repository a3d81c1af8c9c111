/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>

#include "base/memory.h"
#include "test-kit.h"

#define DEEP_SIZE (192 * 1024)
#define PROBE_DEPTH (64 * 1024)

/* Writes what a deep call would leave on the stack. */
static void __attribute__((noinline)) use_stack(void)
{
    volatile char deep[DEEP_SIZE];

    for (size_t i = 0; i < sizeof deep; i += 512)
        deep[i] = 1;
}

/* Whether the page @PROBE_DEPTH below the caller's frame costs memory. */
static bool
has_stack_page(const char *frame)
{
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t page = ((uintptr_t)frame - PROBE_DEPTH) & ~(page_size - 1);
    unsigned char state = 0;

    g_assert_cmpint(mincore((void *)page, page_size, &state), ==, 0);
    return (state & 1) != 0;
}

static void
test_stack_that_deep_calls_left_is_given_back(void)
{
    const char *frame = __builtin_frame_address(0);

    use_stack();
    bool is_there_before = has_stack_page(frame);
    hf_memory_trim();
    bool is_there_after = has_stack_page(frame);

    g_assert_true(is_there_before);
    g_assert_false(is_there_after);
}

static void __attribute__((noinline)) trim_under_a_large_frame(volatile char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i % 251);
    hf_memory_trim();
}

static void
test_stack_in_use_stays(void)
{
    volatile char bytes[64 * 1024];

    trim_under_a_large_frame(bytes, sizeof bytes);

    for (size_t i = 0; i < sizeof bytes; i++)
        g_assert_cmpint(bytes[i], ==, (char)(i % 251));
}

static void
test_heap_in_use_stays(void)
{
    g_autofree char *kept = g_malloc(100000);
    char *dropped = g_malloc(100000);

    memset(kept, 'k', 100000);
    memset(dropped, 'd', 100000);
    g_free(dropped);
    hf_memory_trim();

    for (size_t i = 0; i < 100000; i++)
        g_assert_cmpint(kept[i], ==, 'k');
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/memory/stack-that-deep-calls-left-is-given-back",
                test_stack_that_deep_calls_left_is_given_back);
    hf_test_add("/base/memory/stack-in-use-stays", test_stack_in_use_stays);
    hf_test_add("/base/memory/heap-in-use-stays", test_heap_in_use_stays);
    return g_test_run();
}
