/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A terminal that hands every key on and shows what it is given as it is, for as long as this
 * object lives. How it works: terminal-mode.c. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct HfTerminalMode HfTerminalMode;

/* Keeps the modes of the terminal @fd and makes it raw. @fd is borrowed and outlives the object.
 * Whoever makes one frees it on every way out of the program, a signal included.
 * HF_ERROR_INVALID_ARGUMENT if @fd is no terminal. */
HfTerminalMode *hf_terminal_mode_new_raw(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Gives the terminal the modes that it had. */
void hf_terminal_mode_free(HfTerminalMode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfTerminalMode, hf_terminal_mode_free)

/* Makes it raw again after a stop (SIGCONT): the shell has set modes of its own meanwhile, and sets
 * none when it lets the program go on. */
gboolean hf_terminal_mode_resume(HfTerminalMode *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* False if @fd is no terminal. */
bool hf_terminal_mode_read_size(int fd, unsigned short *out_rows, unsigned short *out_columns);
