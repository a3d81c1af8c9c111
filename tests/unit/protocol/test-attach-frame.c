/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <glib.h>

#include "protocol/attach-frame.h"
#include "test-kit.h"

static void
test_streams_have_the_numbers_clients_know(void)
{
    g_assert_cmpuint(hf_attach_frame_stream_byte(HF_STREAM_STDOUT), ==, 2);
    g_assert_cmpuint(hf_attach_frame_stream_byte(HF_STREAM_STDERR), ==, 3);
}

static void
test_a_packet_fits_the_clients_buffer(void)
{
    g_assert_cmpuint(HF_ATTACH_PACKET_MAX, ==, 8193);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/attach-frame/streams-have-the-numbers-clients-know",
                test_streams_have_the_numbers_clients_know);
    hf_test_add("/protocol/attach-frame/a-packet-fits-the-clients-buffer",
                test_a_packet_fits_the_clients_buffer);
    return g_test_run();
}
