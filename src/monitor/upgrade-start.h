/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How a program that goes on for another one is started: what stands before the arguments of the
 * one it goes on for, and the way back. */

#pragma once

#include <stdbool.h>

#include <glib.h>

#include "base/saved-state.h"

#define HF_UPGRADE_CHECK "--check-state="
#define HF_UPGRADE_RESUME "--resume-fd="
#define HF_UPGRADE_FALLBACK "--fallback-fd="
#define HF_UPGRADE_ERROR "--upgrade-error="

typedef struct {
    int check_fd;      /* a state to look at; -1: none */
    int resume_fd;     /* a state to go on with; -1: none */
    int fallback_fd;   /* the program it is from; -1: this is it */
    const char *error; /* why that program is back; NULL: it is not */
} HfUpgradeStart;

/* Takes these arguments out of @argv. */
void hf_upgrade_start_take(HfUpgradeStart *self, int *argc, char **argv);

/* (transfer container): the arguments before @rest, which is NULL-terminated, and its argv[0]. */
char **hf_upgrade_start_make_argv(const char *first, const char *second, char *const *rest);

/* For --check-state: whether this program can go on with the state. @sinks: how many logs the
 * command line has. */
gboolean hf_upgrade_start_check(int fd, guint sinks, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Executes the program that the state is from, which tells @reason. Returns if it cannot. */
void hf_upgrade_start_fall_back(const HfUpgradeStart *self, char *const *argv, const char *reason);

/* Keeps descriptors open across an exec, or not. */
gboolean hf_upgrade_start_keep(const GArray *fds, bool is_kept,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
