/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The system calls of a monitor whose container runs, as a seccomp filter (docs/security.md). */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

typedef struct {
    uint32_t denial;   /* hf_denials_get_action() */
    int program_fd;    /* what may be executed, by this descriptor alone; -1: nothing */
    bool can_fork;     /* children that do not execute anything else */
    bool can_read;     /* files may be opened for reading alone; directories always may */
    bool can_map_code; /* a program that loads libraries is executed */
    bool has_unix_sockets;
    bool has_inet_sockets;
    pid_t groups[2]; /* process groups that may be killed; 0: none */
} HfFilterOptions;

/* Whether this build and this kernel can: HF_ERROR_NOT_SUPPORTED says why not. */
gboolean hf_filter_check(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For good, also for all children and for what is executed. no_new_privs has to be set. */
gboolean hf_filter_install(const HfFilterOptions *options,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
