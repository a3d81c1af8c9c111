/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfMount:
 *
 * One mount of a container's root file system.
 */
#define HF_TYPE_MOUNT (hf_mount_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfMount, hf_mount, HF, MOUNT, GObject)

/**
 * hf_mount_new:
 * @type: the file system: "bind", "overlay", "tmpfs", ...
 * @source: (nullable): what is mounted; %NULL where the type has none
 * @options: (nullable) (array zero-terminated=1): as mount(8) takes them, "ro", "lowerdir=...", ...
 *
 * One mount of a container's root file system, as containerd hands them to a task: it is mounted
 * over the directory that the bundle's config.json names as root.path, before the container is
 * created, and unmounted when it is deleted.
 *
 * Returns: (transfer full): a new mount; nothing is mounted yet
 */
HF_PUBLIC
HfMount *hf_mount_new(const char *type, const char *source, const char *const *options);

/**
 * hf_mount_get_fs_type:
 *
 * Returns: the file system
 */
HF_PUBLIC
const char *hf_mount_get_fs_type(HfMount *self);

/**
 * hf_mount_get_source:
 *
 * Returns: (nullable):
 */
HF_PUBLIC
const char *hf_mount_get_source(HfMount *self);

/**
 * hf_mount_get_options:
 *
 * Returns: (transfer none) (array zero-terminated=1): never %NULL
 */
HF_PUBLIC
const char *const *hf_mount_get_options(HfMount *self);

G_END_DECLS
