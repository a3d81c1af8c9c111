/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/log.h>

struct _HfLogOptions {
    GObject parent_instance;

    gboolean is_following;
    gint64 tail; /* -1: all */
    GDateTime *since;
    GDateTime *until;
    HfLogStream stream;
};

struct _HfLogEntry {
    gint64 time_ns;
    HfLogStream stream;
    gboolean is_partial;
    const char *bytes; /* borrowed, or the copy's own */
    gsize length;
    char *copy; /* NULL in an entry that is valid during a call only */
};
