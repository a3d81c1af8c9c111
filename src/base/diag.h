/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a program says of itself: to stderr, and to the system log when asked.
 *
 * Only main, monitor/ and the front ends call this; the layers below return errors. Nothing here
 * blocks: a stderr or a system log that does not take a message loses it. A message is one line:
 * control characters in it become blanks. The one module with state of its own
 * (the level, the name, the socket, the sink), because a message must be possible from everywhere.
 */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef enum {
    HF_DIAG_ERROR,
    HF_DIAG_WARNING,
    HF_DIAG_INFO,
    HF_DIAG_DEBUG,
} HfDiagLevel;

/* @program names the speaker and @subject, if not NULL, what it speaks of (a container's id).
 * Messages above @level are dropped. With @use_syslog, messages go to /dev/log as well. */
void hf_diag_init(const char *program, const char *subject, HfDiagLevel level, bool use_syslog);

/* From here on messages go to @sink instead of stderr, one line of text each and without its
 * newline; NULL: back to stderr. @sink must not say anything itself. */
typedef void (*HfDiagSink)(HfDiagLevel level, const char *text, gpointer user_data);
void hf_diag_set_sink(HfDiagSink sink, gpointer user_data);

/* "error", "warning", "info", "debug" */
const char *hf_diag_level_to_string(HfDiagLevel level);

/* The level a conmon-style word names (panic, fatal, error, warn, warning, info, debug, trace). */
bool hf_diag_parse_level(const char *word, HfDiagLevel *out_level);

void hf_diag(HfDiagLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Says @error at @level, with @format before it, and frees and clears *@error. */
void hf_diag_take_error(HfDiagLevel level, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* For what a client or container can trigger: at most @burst messages in each @interval_s. */
typedef struct {
    gint64 interval_start_us;
    guint said;
    guint kept_back;
} HfDiagLimit;

/* TRUE if a message may be said now. *@out_kept_back, if not NULL, is how many were kept back since
 * the last one that was said. */
bool hf_diag_limit_allows(HfDiagLimit *limit, guint burst, guint interval_s, guint *out_kept_back);
