/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The files of cgroupfs, from bytes to values. Pure functions that take any bytes: garbage is
 * HF_ERROR_PROTOCOL with the line's number, and the caller adds the file's name. After an error
 * @out holds what was understood before it. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* What all parsers look like. Each says what @out is; arrays are appended to. */
typedef gboolean (*HfCgroupParser)(const char *text, size_t length, gpointer out, GError **error);

/* guint64: one number. "max" is G_MAXUINT64, a negative number is 0. */
gboolean hf_cgroup_parse_number(const char *text, size_t length, gpointer out,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* gint64: one number that may be negative. */
gboolean hf_cgroup_parse_signed(const char *text, size_t length, gpointer out,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* GArray of guint64: numbers with blanks between them. */
gboolean hf_cgroup_parse_numbers(const char *text, size_t length, gpointer out,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* GArray of guint16: a list like "0-3,7" of cpus or memory nodes. */
gboolean hf_cgroup_parse_ranges(const char *text, size_t length, gpointer out,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
    char *key;
    guint64 value;
} HfCgroupPair;

/* An empty array for pairs, which owns their keys. (transfer full) */
GArray *hf_cgroup_pairs_new(void);

/* The value of the first pair with @key, 0 if there is none; @out_has may be NULL. */
guint64 hf_cgroup_pairs_get(const GArray *pairs, const char *key, bool *out_has);

/* GArray of HfCgroupPair: lines of "KEY NUMBER", the flat-keyed format. */
gboolean hf_cgroup_parse_pairs(const char *text, size_t length, gpointer out,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
    GArray *user_ns;   /* of guint64, by cpu */
    GArray *kernel_ns; /* of guint64, by cpu */
} HfCgroupCpuModes;

/* HfCgroupCpuModes: cpuacct.usage_all (v1), a heading and lines of "CPU USER SYSTEM". */
gboolean hf_cgroup_parse_usage_all(const char *text, size_t length, gpointer out,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
