/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Monitors of containers of engines (Podman, CRI-O): new ones for those whose monitor died, and
 * upgrades of those that live. Engines' containers
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

/**
 * hf_adoption_list_watched:
 * @root: (nullable): as for hf_adoption_list()
 *
 * The sessions that have a monitor.
 *
 * Returns: (transfer full) (array zero-terminated=1): empty if there are none; or %NULL
 */
HF_PUBLIC
char **hf_adoption_list_watched(const char *root, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_adoption_dup_monitor_version:
 * @root: (nullable): as for hf_adoption_list()
 * @id: the session
 *
 * Returns: (transfer full) (nullable): as for hf_process_dup_monitor_version()
 */
HF_PUBLIC
char *hf_adoption_dup_monitor_version(const char *root, const char *id) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_adoption_upgrade_monitor:
 * @root: (nullable): as for hf_adoption_list()
 * @id: the session
 * @is_forced: as for hf_process_upgrade_monitor()
 * @out_is_upgraded: (out) (optional): as for hf_process_upgrade_monitor()
 * @error: %HF_ERROR_NOT_FOUND if there is no such session; else as for hf_process_upgrade_monitor()
 *
 * Has the session's monitor become the program that is installed where its own was, and waits for
 * that.
 */
HF_PUBLIC
gboolean hf_adoption_upgrade_monitor(const char *root, const char *id, gboolean is_forced,
                                     gboolean *out_is_upgraded, GCancellable *cancellable,
                                     GError **error);

G_END_DECLS
