/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One line on a terminal's stderr that says what takes how long, while the default main context
 * runs. Nothing where stderr is no terminal. */

#pragma once

#include <glib.h>

typedef struct HfProgress HfProgress;

HfProgress *hf_progress_new(const char *what);

/* Removes the line. */
void hf_progress_free(HfProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfProgress, hf_progress_free)
