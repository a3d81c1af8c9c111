/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* New monitors for containers of engines (Podman, CRI-O) whose monitor died. Engines' containers
 * are no HfContainer; a monitor that was started with --adoptable leaves a directory below
 * ROOT/.monitors for as long as its session is not over. For libholdfast's own see
 * hf_container_adopt(). */

#pragma once

#include <holdfast/macros.h>
#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * hf_adoption_list:
 * @root: (nullable): %NULL: the default root
 *
 * The sessions, by the ids that their engine gave them, that are not over and have no monitor.
 *
 * Returns: (transfer full) (array zero-terminated=1): empty if there are none; or %NULL
 */
HF_PUBLIC
char **hf_adoption_list(const char *root, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_adoption_run:
 * @root: (nullable): as for hf_adoption_list()
 * @id: the session
 * @error: %HF_ERROR_NOT_FOUND if there is no such session; %HF_ERROR_FAILED with what the new
 *   monitor said
 *
 * Gives it a new monitor. That it has one is no error. Descriptors that a service manager handed to
 * this program (LISTEN_FDS) are handed on, for terminals that it kept.
 */
HF_PUBLIC
gboolean hf_adoption_run(const char *root, const char *id, GCancellable *cancellable,
                         GError **error);

G_END_DECLS
