/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The system calls that there are, by name. */

#pragma once

#include <glib.h>

/* Architectures as OCI names them: this machine's, and those whose programs it can run. Owned by
 * nobody. */
const char *const *hf_seccomp_names_architectures(void);

/* The names of all system calls of these. HF_ERROR_NOT_SUPPORTED in a build without libseccomp.
 * (transfer full) */
char **hf_seccomp_names_list(GError **error);
