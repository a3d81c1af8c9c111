/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <glib.h>

/* @argv with "-n10" in two words, "-n" and "10", as GLib's parser has to have them; so is what
 * stands behind the letters of other options, as in "-itn10". Options end at "--", and with
 * @is_strict at the first operand. (transfer full) */
char **hf_short_options_split(const GOptionEntry *entries, gboolean is_strict, char *const *argv);
