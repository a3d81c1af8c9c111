/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "attach/byte-fifo.h"
#include "test-kit.h"

static void
test_bytes_come_out_in_order(void)
{
    HfByteFifo fifo = {0};

    hf_byte_fifo_append(&fifo, "one", 3);
    hf_byte_fifo_append(&fifo, "two", 3);
    hf_byte_fifo_drop(&fifo, 2);

    g_assert_cmpmem(hf_byte_fifo_peek(&fifo), (int)fifo.length, "etwo", 4);
    hf_byte_fifo_clear(&fifo);
}

static void
test_memory_is_given_back_with_the_last_byte(void)
{
    HfByteFifo fifo = {0};

    hf_byte_fifo_append(&fifo, "abc", 3);
    g_assert_nonnull(fifo.buffer.data);

    hf_byte_fifo_drop(&fifo, 3);

    g_assert_null(fifo.buffer.data);
    g_assert_null(hf_byte_fifo_peek(&fifo));
}

static void
test_nothing_appended_costs_nothing(void)
{
    HfByteFifo fifo = {0};

    hf_byte_fifo_append(&fifo, NULL, 0);

    g_assert_null(fifo.buffer.data);
    g_assert_cmpuint(fifo.length, ==, 0);
}

static void
test_clearing_twice_is_harmless(void)
{
    HfByteFifo fifo = {0};

    hf_byte_fifo_append(&fifo, "abc", 3);
    hf_byte_fifo_clear(&fifo);
    hf_byte_fifo_clear(&fifo);

    g_assert_cmpuint(fifo.length, ==, 0);
}

static void
test_a_steady_flow_stays_in_bounded_memory(void)
{
    HfByteFifo fifo = {0};
    char block[1000];
    gsize most = 0;

    memset(block, 'x', sizeof block);
    hf_byte_fifo_append(&fifo, block, sizeof block);
    for (int i = 0; i < 10000; i++) {
        hf_byte_fifo_append(&fifo, block, sizeof block);
        hf_byte_fifo_drop(&fifo, sizeof block);
        most = MAX(most, fifo.buffer.size);
    }

    g_assert_cmpuint(most, <=, 8192);
    hf_byte_fifo_clear(&fifo);
}

/* Against a GByteArray that does the same. */
static void
test_random_use_equals_a_plain_array(void)
{
    HfByteFifo fifo = {0};
    g_autoptr(GByteArray) model = g_byte_array_new();
    g_autoptr(GRand) random = g_rand_new_with_seed(7);

    for (int i = 0; i < 5000; i++) {
        guint8 bytes[3000];
        guint n = (guint)g_rand_int_range(random, 0, sizeof bytes);

        memset(bytes, g_rand_int_range(random, 0, 256), sizeof bytes);
        hf_byte_fifo_append(&fifo, bytes, n);
        g_byte_array_append(model, bytes, n);
        n = (guint)g_rand_int_range(random, 0, (gint32)MIN(2 * n, model->len) + 1);
        hf_byte_fifo_drop(&fifo, n);
        if (n > 0)
            g_byte_array_remove_range(model, 0, n);

        g_assert_cmpmem(hf_byte_fifo_peek(&fifo), (int)fifo.length, model->data, model->len);
    }
    hf_byte_fifo_clear(&fifo);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/byte-fifo/bytes-come-out-in-order", test_bytes_come_out_in_order);
    hf_test_add("/attach/byte-fifo/memory-is-given-back-with-the-last-byte",
                test_memory_is_given_back_with_the_last_byte);
    hf_test_add("/attach/byte-fifo/nothing-appended-costs-nothing",
                test_nothing_appended_costs_nothing);
    hf_test_add("/attach/byte-fifo/clearing-twice-is-harmless", test_clearing_twice_is_harmless);
    hf_test_add("/attach/byte-fifo/a-steady-flow-stays-in-bounded-memory",
                test_a_steady_flow_stays_in_bounded_memory);
    hf_test_add("/attach/byte-fifo/random-use-equals-a-plain-array",
                test_random_use_equals_a_plain_array);

    return g_test_run();
}
