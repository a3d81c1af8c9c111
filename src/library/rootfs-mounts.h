/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The mounts of a task's root file system, from before its creation until its deletion. */

#pragma once

#include <holdfast/container.h>

/* Mounts @mounts (of HfMount) one over the other on the bundle's root file system. state.json says
 * so before the first is made, so that a crash leaves nothing that hf_rootfs_unmount() cannot find.
 * After an error nothing is mounted. The caller holds the container's lock. */
gboolean hf_rootfs_mount(HfContainer *container, GPtrArray *mounts,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Undoes what state.json tells of; nothing mounted is no error. The caller holds the container's
 * lock. */
gboolean hf_rootfs_unmount(HfContainer *container, GError **error);

/* The flags of mount(2) and its data, from @options as mount(8) takes them. *@out_propagation: the
 * MS_SHARED, MS_PRIVATE … that takes a call of its own, 0 if none. Pure. (transfer full) */
char *hf_rootfs_parse_options(const char *const *options, unsigned long *out_flags,
                              unsigned long *out_propagation);
