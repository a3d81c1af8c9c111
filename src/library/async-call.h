/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The form for main loops of a function that waits: it runs in a thread of GLib's pool. */

#pragma once

#include <gio/gio.h>

/* NULL with @error set, or the result. @source is the task's, @arguments what was handed over. */
typedef gpointer (*HfAsyncFunc)(gpointer source, gpointer arguments, GCancellable *cancellable,
                                GError **error);

typedef struct {
    HfAsyncFunc run;
    GDestroyNotify free_arguments; /* NULL: there are none */
    GDestroyNotify free_result;    /* NULL: the result is only not NULL */
} HfAsyncCall;

/* @call outlives the task and tells its finish function from others. Takes @take_arguments. */
void hf_async_call(const HfAsyncCall *call, gpointer source, gpointer take_arguments,
                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/* What @call's function returned. */
gpointer hf_async_finish(const HfAsyncCall *call, gpointer source, GAsyncResult *result,
                         GError **error);

/* What functions of gboolean return. */
#define HF_ASYNC_DONE(is_done) GINT_TO_POINTER((is_done) ? 1 : 0)
