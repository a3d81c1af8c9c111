/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* HfContainer's struct, and what its files know of each other. Nothing in it changes after the
 * container was made or loaded, but for the file's mounts. */

#pragma once

#include <holdfast/container.h>

#include "library/container-lock.h"
#include "state/container-file.h"

#define HF_CONTAINER_DEFAULT_RUNTIME "runc"
#define HF_CONTAINER_DEFAULT_START_TIMEOUT_MS 15000

struct _HfContainerOptions {
    GObject parent_instance;

    char *runtime;
    char **runtime_args; /* NULL: none */
    char *shim;          /* NULL: the library's own; "" in state.json */
    char **labels;       /* NULL: none */
    gboolean no_pivot_root;
    guint start_timeout_ms;
};

struct _HfContainer {
    GObject parent_instance;

    char *root; /* as it was given, or the default; absolute */
    char *id;
    char *path; /* ROOT/ID */
    HfContainerFile *file;
    char **problems; /* as of the last hf_container_get_problems() */
    guint start_timeout_ms;
};

/* The container's directory, checked anew: ours, not open to others, no symbolic link. Everything
 * in it is reached from this descriptor. Or -1, HF_ERROR_NOT_FOUND if it is gone. */
int hf_container_open(HfContainer *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @root as an absolute path, or the default. (transfer full) */
char *hf_container_dup_root(const char *root);

/* For a directory ROOT/@id whose file is known. (transfer full) */
HfContainer *hf_container_new_for_file(const char *root, const char *id,
                                       HfContainerFile *take_file);

/* container-load.c: state.json below @dir_fd as it is; HF_ERROR_PROTOCOL also if it is missing.
 * (transfer full) */
HfContainerFile *hf_container_read_file(int dir_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes state.json anew, from file. */
gboolean hf_container_save(HfContainer *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
