/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What the tests of attach/ ask about a main loop and a descriptor. */

#pragma once

#include <glib.h>

/* Iterates until nothing is ready, and fails the test if that never comes: a source spins. */
static inline void
settle_without_spinning(GMainContext *context)
{
    int n = 0;

    while (g_main_context_iteration(context, FALSE))
        g_assert_cmpint(++n, <, 10000);
}

/* No source is ready, and none will be because of time alone. */
static inline void
assert_asleep(GMainContext *context)
{
    GPollFD fds[64];
    gint timeout_ms = 0;
    gint priority = G_MAXINT;

    settle_without_spinning(context);
    g_assert_true(g_main_context_acquire(context));
    (void)g_main_context_prepare(context, &priority);
    (void)g_main_context_query(context, G_MAXINT, &timeout_ms, fds, G_N_ELEMENTS(fds));
    g_main_context_release(context);
    g_assert_cmpint(timeout_ms, ==, -1);
}

static inline void
fill_pattern(guint8 *bytes, gsize length, gsize offset)
{
    for (gsize i = 0; i < length; i++)
        bytes[i] = (guint8)((offset + i) * 31 + ((offset + i) >> 11));
}

static inline char *
checksum_of_pattern(gsize length)
{
    g_autofree guint8 *bytes = g_malloc(length);

    fill_pattern(bytes, length, 0);
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, length);
}
