/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <glib.h>

/* Part of the program only where a GLib before 2.76 is linked statically. Its slice allocator gives
 * each size of object a page of its own, 16 KiB in a monitor that has few objects of each; malloc()
 * needs less. The choice can be made only before GLib's own constructor, which makes objects, and
 * so in a constructor that runs before those without a priority. */
static void prefer_malloc(void) __attribute__((constructor(101)));

static void
prefer_malloc(void)
{
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    g_slice_set_config(G_SLICE_CONFIG_ALWAYS_MALLOC, TRUE);
    G_GNUC_END_IGNORE_DEPRECATIONS
}
