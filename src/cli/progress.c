/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <unistd.h>

#include "cli/progress.h"

#define INTERVAL_MS 200
#define ERASE_LINE "\r\033[K"

struct HfProgress {
    char *what;
    gint64 started_us;
    GSource *source; /* NULL: no terminal */
};

static gboolean
show(gpointer user_data)
{
    const HfProgress *self = user_data;
    double seconds = (double)(g_get_monotonic_time() - self->started_us) / G_USEC_PER_SEC;

    fprintf(stderr, ERASE_LINE "%s: %.1f s", self->what, seconds);
    fflush(stderr);
    return G_SOURCE_CONTINUE;
}

HfProgress *
hf_progress_new(const char *what)
{
    HfProgress *self = g_new0(HfProgress, 1);

    self->what = g_strdup(what);
    self->started_us = g_get_monotonic_time();
    if (isatty(STDERR_FILENO)) {
        self->source = g_timeout_source_new(INTERVAL_MS);
        g_source_set_callback(self->source, show, self, NULL);
        g_source_attach(self->source, NULL);
    }
    return self;
}

void
hf_progress_free(HfProgress *self)
{
    if (self == NULL)
        return;
    if (self->source != NULL) {
        g_source_destroy(self->source);
        g_source_unref(self->source);
        fputs(ERASE_LINE, stderr);
        fflush(stderr);
    }
    g_free(self->what);
    g_free(self);
}
