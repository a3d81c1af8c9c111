/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* System calls that the filter denied: they fail with EPERM, and their numbers come out of a pipe.
 *
 * The kernel sends SIGSYS in place of such a call (SECCOMP_RET_TRAP). The handler has no state of
 * its own: the filter tells it the number of the pipe's descriptor (SECCOMP_RET_DATA). */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfDenials HfDenials;

/* @name: of the system call; each is told once. */
typedef void (*HfDenialFunc)(const char *name, gpointer user_data);

/* Whether calls can be denied so on this kind of processor. */
bool hf_denials_are_supported(void);

/* Makes denied calls fail from here on, where a filter is there already (from a program that this
 * one goes on for): without a handler they end the process. */
gboolean hf_denials_handle(GError **error) G_GNUC_WARN_UNUSED_RESULT;

HfDenials *hf_denials_new(GMainContext *context, HfDenialFunc on_denial, gpointer user_data,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tells what was not told yet. */
void hf_denials_free(HfDenials *self);

/* The filter's action for a call that it denies. */
uint32_t hf_denials_get_action(const HfDenials *self);

/* An upgrade. */
void hf_denials_save(const HfDenials *self, HfStateWriter *writer);
HfDenials *hf_denials_new_saved(GMainContext *context, HfStateReader *reader,
                                HfDenialFunc on_denial, gpointer user_data);
