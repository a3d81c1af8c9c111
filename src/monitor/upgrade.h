/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* This process becomes another program, the one that is installed where its own was, and that one
 * goes on with what this one saved. docs/upgrade.md tells what is kept. How it works: upgrade.c. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"
#include "monitor/reaper.h"
#include "monitor/session.h"

typedef struct HfUpgrade HfUpgrade;

typedef struct {
    HfSessionSavable (*get_savable)(gpointer user_data);
    /* Changes nothing that the program which saves would notice. */
    void (*save)(HfStateWriter *writer, gpointer user_data);
    /* There is no upgrade; said as a message already. */
    void (*on_refused)(const char *reason, gpointer user_data);
    /* Why nothing can be executed; NULL: it can. */
    const char *(*get_obstacle)(gpointer user_data);
    /* The one descriptor that a program has to be at to be executed; -1: its path will do. */
    int (*get_program_fd)(gpointer user_data);
} HfUpgradeHandlers;

/* @argv, of this program, and the strings outlive the upgrade, as does @reaper. @program is where
 * it is installed. */
HfUpgrade *hf_upgrade_new(GMainContext *context, HfReaper *reaper, const char *program,
                          char *const *argv, const HfUpgradeHandlers *handlers, gpointer user_data);
void hf_upgrade_free(HfUpgrade *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfUpgrade, hf_upgrade_free)

/* Somebody wants it. It begins from the main loop, once it can; that it cannot is said. */
void hf_upgrade_request(HfUpgrade *self);

/* What get_savable() tells may have changed. */
void hf_upgrade_look(HfUpgrade *self);
