/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>

#include "base/scratch.h"
#include "test-kit.h"

static void
test_reserved_bytes_can_all_be_written(void)
{
    HfScratch scratch = {0};

    char *data = hf_scratch_reserve(&scratch, 10001);

    memset(data, 'x', scratch.size);
    g_assert_cmpuint(scratch.size, >=, 10001);
    g_assert_cmpuint(GPOINTER_TO_SIZE(data) % 4096, ==, 0);
    hf_scratch_release(&scratch);
}

static void
test_smaller_reservation_changes_nothing(void)
{
    HfScratch scratch = {0};

    void *first = hf_scratch_reserve(&scratch, 20000);
    size_t size = scratch.size;
    void *second = hf_scratch_reserve(&scratch, 10);

    g_assert_true(first == second);
    g_assert_cmpuint(scratch.size, ==, size);
    hf_scratch_release(&scratch);
}

static void
test_growing_keeps_the_contents(void)
{
    HfScratch scratch = {0};

    char *data = hf_scratch_reserve(&scratch, 4096);
    memset(data, 'k', 4096);
    data = hf_scratch_reserve(&scratch, 1024 * 1024);

    g_assert_cmpuint(scratch.size, >=, 1024 * 1024);
    for (size_t i = 0; i < 4096; i++)
        g_assert_cmpint(data[i], ==, 'k');
    hf_scratch_release(&scratch);
}

static void
test_release_gives_the_address_space_back(void)
{
    HfScratch scratch = {0};
    unsigned char resident = 0;

    void *data = hf_scratch_reserve(&scratch, 4096);
    hf_scratch_release(&scratch);
    int result = mincore(data, 4096, &resident);

    g_assert_cmpint(result, ==, -1);
    g_assert_cmpint(errno, ==, ENOMEM);
    g_assert_null(scratch.data);
    g_assert_cmpuint(scratch.size, ==, 0);
}

static void
test_released_one_can_be_released_and_reserved_again(void)
{
    HfScratch scratch = {0};

    hf_scratch_release(&scratch);
    (void)hf_scratch_reserve(&scratch, 4096);
    hf_scratch_release(&scratch);
    hf_scratch_release(&scratch);
    char *data = hf_scratch_reserve(&scratch, 1);

    g_assert_cmpint(data[0], ==, 0);
    hf_scratch_release(&scratch);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/scratch/reserved-bytes-can-all-be-written",
                test_reserved_bytes_can_all_be_written);
    hf_test_add("/base/scratch/smaller-reservation-changes-nothing",
                test_smaller_reservation_changes_nothing);
    hf_test_add("/base/scratch/growing-keeps-the-contents", test_growing_keeps_the_contents);
    hf_test_add("/base/scratch/release-gives-the-address-space-back",
                test_release_gives_the_address_space_back);
    hf_test_add("/base/scratch/released-one-can-be-released-and-reserved-again",
                test_released_one_can_be_released_and_reserved_again);
    return g_test_run();
}
