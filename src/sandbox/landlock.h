/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Where this program may still open, make and remove files: Landlock, as far as the kernel has it.
 * What is open already stays as it is. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct HfLandlock HfLandlock;

typedef enum {
    HF_PLACE_FILES,   /* a directory in which files are written, made, renamed and removed */
    HF_PLACE_LATER,   /* one in which such a directory may appear */
    HF_PLACE_REMOVAL, /* one from which something is removed */
    HF_PLACE_READING, /* one that is read, with what is below it */
    HF_PLACE_PROGRAM, /* one whose programs are executed */
    HF_PLACE_FILE,    /* a file or device that is written to, and read */
} HfPlaceKind;

bool hf_landlock_is_supported(void);

/* NULL where the kernel has no Landlock, or it is off: HF_ERROR_NOT_SUPPORTED.
 * @keeps_abstract_sockets: names of sockets that are no files are still sent to. */
HfLandlock *hf_landlock_new(bool keeps_abstract_sockets, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_landlock_free(HfLandlock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLandlock, hf_landlock_free)

/* A place that is not there is no place, and no error. */
void hf_landlock_allow(HfLandlock *self, HfPlaceKind kind, const char *path);

/* For good, also for children and for what is executed. no_new_privs has to be set. */
gboolean hf_landlock_enforce(HfLandlock *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
