/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Helpers that set an error and return FALSE in one expression. The domain and its codes are
 * public: holdfast/error.h.
 *
 * A failed system call is reported in G_FILE_ERROR (the code from errno), because the monitor does
 * not link GIO. Everything else is HF_ERROR. Messages name the object and the cause, in lower case,
 * without a full stop: "open '/run/x/ctl': Permission denied". */

#pragma once

#include <holdfast/error.h>

#include <glib.h>

/* Sets @error to HF_ERROR/@code. Always FALSE; for other types: `return hf_throw(...), -1`. */
gboolean hf_throw(GError **error, HfError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Sets @error from errno and appends ": " and its text. Always FALSE. */
gboolean hf_throw_errno(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for an errno value that was kept in @errnum. Always FALSE. */
gboolean hf_throw_errnum(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
