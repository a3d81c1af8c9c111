/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* streams.json: by what a later monitor finds what its predecessor had open. One JSON object of
 * numbers, booleans and strings; docs/adoption.md tells the keys. Pure functions. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#define HF_STREAMS_FILE_MAX 16384

typedef struct {
    guint64 stdin_inode; /* 0: none, as the others */
    guint64 stdout_inode;
    guint64 stderr_inode;
    bool has_terminal;
    bool is_terminal_lost;
    bool has_oom_base;
    guint64 oom_base;    /* the kernel's count of OOM kills when the watch began */
    char *memory_cgroup; /* the directory; NULL: not known */
    bool is_cgroup_v2;
} HfStreamsFile;

/* (transfer full) */
char *hf_streams_file_format(const HfStreamsFile *self);

/* Keys that are not known are passed over. HF_ERROR_PROTOCOL. */
gboolean hf_streams_file_parse(const char *text, size_t length, HfStreamsFile *out_file,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

void hf_streams_file_clear(HfStreamsFile *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HfStreamsFile, hf_streams_file_clear)
