/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Files below a cgroup's directory, read whole and parsed. What a kernel does not have is absent
 * and no error; what is garbage is HF_ERROR_PROTOCOL, naming the file; a cgroup that is removed
 * while it is read is HF_ERROR_NOT_FOUND. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "cgroup/cgroup-parse.h"

typedef struct HfCgroupDir HfCgroupDir;

/* HF_ERROR_NOT_FOUND if there is none. (transfer full) */
HfCgroupDir *hf_cgroup_dir_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_cgroup_dir_free(HfCgroupDir *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfCgroupDir, hf_cgroup_dir_free)

/* Borrowed; opened with O_PATH. */
int hf_cgroup_dir_get_fd(const HfCgroupDir *self);

/* HF_ERROR_NOT_FOUND if the cgroup has been removed since. A file that is missing may mean either,
 * so whoever found one absent asks this at the end. */
gboolean hf_cgroup_dir_check_exists(const HfCgroupDir *self,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Gives the file to @parse. If it is absent, or the kernel has it switched off, *@out_has is false
 * and @out stays as it is. @out_has may be NULL. */
gboolean hf_cgroup_dir_read(const HfCgroupDir *self, const char *name, HfCgroupParser parse,
                            gpointer out, bool *out_has, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The file's bytes, NUL-terminated, at most @limit of them (else HF_ERROR_LIMIT). NULL without an
 * error if it is absent. (transfer full) */
char *hf_cgroup_dir_read_text(const HfCgroupDir *self, const char *name, size_t limit,
                              size_t *out_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same below any directory. @shown is what errors call the directory. */
char *hf_cgroup_read_text_at(int dir_fd, const char *shown, const char *name, size_t limit,
                             size_t *out_length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
