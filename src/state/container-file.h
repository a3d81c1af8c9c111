/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* state.json, which says how a container is run: text <-> struct. docs/state.md has its keys. */

#pragma once

#include <stdbool.h>

#include <glib.h>

/* One mount of the root file system. */
typedef struct {
    char *type;
    char *source;   /* NULL: none */
    char **options; /* never NULL */
} HfMountEntry;

void hf_mount_entry_free(HfMountEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfMountEntry, hf_mount_entry_free)

typedef struct {
    char *bundle;
    char **labels; /* never NULL, as the other lists */
    char *runtime;
    char **runtime_args;
    char *shim;
    bool no_pivot_root;
    gint64 created_us;       /* real time, microseconds; 0: not known, as with containerd's */
    char *rootfs;            /* where the mounts go, an absolute path; NULL: none */
    guint64 rootfs_mount_id; /* the mount that rootfs was in before them (fdinfo's mnt_id) */
    GPtrArray *mounts;       /* of HfMountEntry; never NULL */
} HfContainerFile;

HfContainerFile *hf_container_file_new(void);
void hf_container_file_free(HfContainerFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfContainerFile, hf_container_file_free)

/* HF_ERROR_PROTOCOL names the JSON path of what is wrong, or says that the text is empty or torn.
 * Keys that are not known are passed over. (transfer full) */
HfContainerFile *hf_container_file_parse(const char *text, gsize length,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* In containerd 0.2's key order, ours behind them. (transfer full) */
char *hf_container_file_to_json(const HfContainerFile *self);
