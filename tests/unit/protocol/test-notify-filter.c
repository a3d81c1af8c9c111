/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "protocol/notify-filter.h"
#include "test-kit.h"

static void
test_which_lines_are_relayed(void)
{
    static const struct {
        const char *datagram;
        const char *relayed; /* NULL: nothing */
    } cases[] = {
        {"READY=1", "READY=1"},
        {"READY=1\n", "READY=1"},
        {"\n\nREADY=1\n\n", "READY=1"},
        {"RELOADING=1\nMONOTONIC_USEC=123456", "RELOADING=1\nMONOTONIC_USEC=123456"},
        {"STOPPING=1", "STOPPING=1"},
        {"WATCHDOG=1\nWATCHDOG=trigger", "WATCHDOG=1\nWATCHDOG=trigger"},
        {"STATUS=Up, 1=2\nERRNO=2\nBUSERROR=org.x", "STATUS=Up, 1=2\nERRNO=2\nBUSERROR=org.x"},
        {"STATUS=", "STATUS="},
        {"MAINPID=1\nREADY=1\nFDSTORE=1\nFDNAME=x\nSTATUS=ok", "READY=1\nSTATUS=ok"},
        {"MAINPID=1", NULL},
        {"FDSTORE=1\nFDSTOREREMOVE=1\nFDNAME=x\nFDPOLL=0", NULL},
        {"BARRIER=1\nNOTIFYACCESS=all\nEXTEND_TIMEOUT_USEC=1\nWATCHDOG_USEC=1\nMAINPIDFDID=1",
         NULL},
        /* no prefix where the value is given, no other spelling, no blank */
        {"READY=10\nREADY=0\nREADY=\nREADY", NULL},
        {"ready=1\n READY=1\nREADY=1 \nREADY=1\r", NULL},
        {"WATCHDOG=trigger2\nWATCHDOG=\nWATCHDOG=0", NULL},
        {"XSTATUS=1\nSTATUS\nSTATU", NULL},
        {"\n\n\n", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t length = 4711;
        /* Without its NUL, so that AddressSanitizer sees a byte too many. */
        g_autofree char *datagram = g_memdup2(cases[i].datagram, strlen(cases[i].datagram));
        g_autofree char *relayed = hf_notify_filter(datagram, strlen(cases[i].datagram), &length);

        g_assert_cmpstr(relayed, ==, cases[i].relayed);
        g_assert_cmpuint(length, ==, relayed != NULL ? strlen(relayed) : 4711);
    }
}

static void
test_one_nul_at_the_end_is_no_part_of_the_line(void)
{
    size_t length = 0;

    g_autofree char *relayed = hf_notify_filter("READY=1", sizeof "READY=1", &length);

    g_assert_cmpstr(relayed, ==, "READY=1");
    g_assert_cmpuint(length, ==, strlen("READY=1"));
}

static void
test_a_line_with_a_nul_is_dropped_alone(void)
{
    static const char datagram[] = "STATUS=a\0b\nREADY=1\0\nSTOPPING=1";
    size_t length = 0;

    g_autofree char *relayed = hf_notify_filter(datagram, sizeof datagram - 1, &length);

    g_assert_cmpstr(relayed, ==, "STOPPING=1");
    g_assert_cmpuint(length, ==, strlen("STOPPING=1"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/protocol/notify-filter/which-lines-are-relayed", test_which_lines_are_relayed);
    hf_test_add("/protocol/notify-filter/one-nul-at-the-end-is-no-part-of-the-line",
                test_one_nul_at_the_end_is_no_part_of_the_line);
    hf_test_add("/protocol/notify-filter/a-line-with-a-nul-is-dropped-alone",
                test_a_line_with_a_nul_is_dropped_alone);
    return g_test_run();
}
