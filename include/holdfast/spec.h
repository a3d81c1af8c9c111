/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfProcessSpec:
 *
 * What a process is: an OCI "process" object.
 */
#define HF_TYPE_PROCESS_SPEC (hf_process_spec_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfProcessSpec, hf_process_spec, HF, PROCESS_SPEC, GObject)

/**
 * hf_process_spec_new:
 * @args: (array zero-terminated=1): the program and its arguments, at least one; UTF-8, as all
 *   texts here: JSON has no form for others
 *
 * What a process is, in the words of the OCI runtime specification's "process" object: here with
 * user 0:0, "/" as the working directory, no environment and no terminal.
 *
 * Returns: (transfer full):
 */
HF_PUBLIC
HfProcessSpec *hf_process_spec_new(const char *const *args);

/**
 * hf_process_spec_new_from_json:
 * @json: an OCI "process" object
 * @error: %HF_ERROR_INVALID_ARGUMENT names the JSON path of what is wrong
 *
 * Keys that Holdfast does not know are kept.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfProcessSpec *hf_process_spec_new_from_json(const char *json,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_spec_to_json:
 *
 * Returns: (transfer full): the OCI "process" object
 */
HF_PUBLIC
char *hf_process_spec_to_json(HfProcessSpec *self);

/**
 * hf_process_spec_copy:
 *
 * Returns: (transfer full): another one, which can be changed by itself
 */
HF_PUBLIC
HfProcessSpec *hf_process_spec_copy(HfProcessSpec *self);

/**
 * hf_process_spec_dup_args:
 *
 * Returns: (transfer full) (array zero-terminated=1):
 */
HF_PUBLIC
char **hf_process_spec_dup_args(HfProcessSpec *self);

/**
 * hf_process_spec_set_args:
 * @args: (array zero-terminated=1):
 */
HF_PUBLIC
void hf_process_spec_set_args(HfProcessSpec *self, const char *const *args);

/**
 * hf_process_spec_dup_env:
 *
 * Returns: (transfer full) (array zero-terminated=1): "NAME=VALUE" each
 */
HF_PUBLIC
char **hf_process_spec_dup_env(HfProcessSpec *self);

/**
 * hf_process_spec_set_env:
 * @name: without "="
 * @value: replaces a value that is there
 */
HF_PUBLIC
void hf_process_spec_set_env(HfProcessSpec *self, const char *name, const char *value);

/**
 * hf_process_spec_get_terminal:
 *
 * Returns: whether it has a terminal
 */
HF_PUBLIC
gboolean hf_process_spec_get_terminal(HfProcessSpec *self);

/**
 * hf_process_spec_set_terminal:
 * @has_terminal: without one, the terminal's size is forgotten
 */
HF_PUBLIC
void hf_process_spec_set_terminal(HfProcessSpec *self, gboolean has_terminal);

/**
 * hf_process_spec_set_console_size:
 * @width: columns
 * @height: rows
 *
 * The size that the terminal has from the beginning.
 */
HF_PUBLIC
void hf_process_spec_set_console_size(HfProcessSpec *self, guint width, guint height);

/**
 * hf_process_spec_dup_cwd:
 *
 * Returns: (transfer full): the working directory
 */
HF_PUBLIC
char *hf_process_spec_dup_cwd(HfProcessSpec *self);

/**
 * hf_process_spec_set_cwd:
 * @cwd: the working directory, in the container
 */
HF_PUBLIC
void hf_process_spec_set_cwd(HfProcessSpec *self, const char *cwd);

/**
 * hf_process_spec_get_user:
 * @out_uid: (out) (optional): the user id, in the container
 * @out_gid: (out) (optional): the group id
 */
HF_PUBLIC
void hf_process_spec_get_user(HfProcessSpec *self, guint32 *out_uid, guint32 *out_gid);

/**
 * hf_process_spec_set_user:
 * @uid: the user id, in the container
 * @gid: the group id
 *
 * Other groups stay as they are.
 */
HF_PUBLIC
void hf_process_spec_set_user(HfProcessSpec *self, guint32 uid, guint32 gid);

/**
 * HfSpec:
 *
 * What a container is: an OCI config.json.
 */
#define HF_TYPE_SPEC (hf_spec_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfSpec, hf_spec, HF, SPEC, GObject)

/**
 * hf_spec_new_from_bundle:
 * @bundle: the directory with config.json
 * @error: %HF_ERROR_NOT_FOUND without config.json; %HF_ERROR_INVALID_ARGUMENT names the JSON path
 * of what is wrong; %HF_ERROR_LIMIT above 16 MiB
 *
 * Returns: (transfer full): the container's configuration, or %NULL
 */
HF_PUBLIC
HfSpec *hf_spec_new_from_bundle(const char *bundle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_spec_new_from_json:
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfSpec *hf_spec_new_from_json(const char *json, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_spec_to_json:
 *
 * Returns: (transfer full): config.json, with the keys that Holdfast does not know
 */
HF_PUBLIC
char *hf_spec_to_json(HfSpec *self);

/**
 * hf_spec_dup_process:
 *
 * Returns: (transfer full) (nullable): the "process" object, a starting point for an exec; %NULL if
 *   there is none
 */
HF_PUBLIC
HfProcessSpec *hf_spec_dup_process(HfSpec *self);

/**
 * hf_spec_dup_rootfs:
 *
 * Returns: (transfer full) (nullable): root.path as it stands
 */
HF_PUBLIC
char *hf_spec_dup_rootfs(HfSpec *self);

/**
 * hf_spec_get_root_ids:
 * @out_uid: (out): the id outside of the user namespace that is user 0 inside
 * @out_gid: (out):
 * @error: %HF_ERROR_INVALID_ARGUMENT if a user namespace has mappings but none for id 0
 *
 * Who owns the standard streams of the container: 0:0 without a user namespace.
 *
 * Returns: %FALSE on error
 */
HF_PUBLIC
gboolean hf_spec_get_root_ids(HfSpec *self, guint32 *out_uid, guint32 *out_gid,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
