/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Pieces of the text of a cgroup's file: lines, words, numbers. Nothing is copied and nothing needs
 * an end mark; what is cut off a text leaves the rest of it. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct {
    const char *at; /* borrowed */
    size_t length;
} HfCgroupText;

/* The next line, without its newline; false at the end. */
bool hf_cgroup_text_next_line(HfCgroupText *rest, HfCgroupText *out_line);

/* The next run of bytes that are no blanks; false if there is none. */
bool hf_cgroup_text_next_word(HfCgroupText *rest, HfCgroupText *out_word);

/* What comes before @separator, which is dropped; false, and @rest as it was, if there is none. */
bool hf_cgroup_text_cut(HfCgroupText *rest, char separator, HfCgroupText *out_head);

bool hf_cgroup_text_is(HfCgroupText text, const char *word);

/* Decimal digits up to 2^64-1. A negative number is 0: the kernel's counters may be shown as one
 * for a moment, and runc takes them for 0, too. */
bool hf_cgroup_text_to_number(HfCgroupText text, guint64 *out_value);

/* Decimal digits with or without a minus. */
bool hf_cgroup_text_to_signed(HfCgroupText text, gint64 *out_value);

/* HF_ERROR_PROTOCOL: "line 3 is no @what". Always FALSE. */
gboolean hf_cgroup_text_throw_line(GError **error, guint number, const char *what);
