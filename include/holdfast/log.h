/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfLogStream:
 * @HF_LOG_STREAM_ALL: both
 * @HF_LOG_STREAM_STDOUT: standard output, or the terminal
 * @HF_LOG_STREAM_STDERR: standard error
 */
typedef enum {
    HF_LOG_STREAM_ALL,
    HF_LOG_STREAM_STDOUT,
    HF_LOG_STREAM_STDERR,
} HfLogStream;

#define HF_TYPE_LOG_STREAM (hf_log_stream_get_type())
HF_PUBLIC
GType hf_log_stream_get_type(void);

#define HF_TYPE_LOG_OPTIONS (hf_log_options_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfLogOptions, hf_log_options, HF, LOG_OPTIONS, GObject)

/**
 * HfLogOptions:
 *
 * What is read of a log.
 */

/**
 * HfLogOptions:follow:
 *
 * Go on with what comes.
 */

/**
 * HfLogOptions:tail:
 *
 * So many lines from the end; -1: all.
 */

/**
 * HfLogOptions:since:
 *
 * A #GDateTime; from it on; may be %NULL.
 */

/**
 * HfLogOptions:until:
 *
 * A #GDateTime; before it; may be %NULL.
 */

/**
 * HfLogOptions:stream:
 *
 * Which one.
 */

/**
 * hf_log_options_new:
 *
 * Returns: (transfer full): all, without following
 */
HF_PUBLIC
HfLogOptions *hf_log_options_new(void);

#define HF_TYPE_LOG_ENTRY (hf_log_entry_get_type())

/**
 * HfLogEntry:
 *
 * One line of a log.
 */
typedef struct _HfLogEntry HfLogEntry;

HF_PUBLIC
GType hf_log_entry_get_type(void);

/**
 * hf_log_entry_copy:
 *
 * Returns: (transfer full): another one, which stays valid
 */
HF_PUBLIC
HfLogEntry *hf_log_entry_copy(const HfLogEntry *self);

/**
 * hf_log_entry_free:
 * @self: (nullable): a copy
 */
HF_PUBLIC
void hf_log_entry_free(HfLogEntry *self);

/**
 * hf_log_entry_get_time_ns:
 *
 * Returns: nanoseconds since 1970 UTC
 */
HF_PUBLIC
gint64 hf_log_entry_get_time_ns(const HfLogEntry *self);

/**
 * hf_log_entry_get_stream:
 *
 * Returns: where it was printed: never %HF_LOG_STREAM_ALL
 */
HF_PUBLIC
HfLogStream hf_log_entry_get_stream(const HfLogEntry *self);

/**
 * hf_log_entry_is_partial:
 *
 * Returns: whether the line goes on in the next entry of its stream
 */
HF_PUBLIC
gboolean hf_log_entry_is_partial(const HfLogEntry *self);

/**
 * hf_log_entry_get_bytes:
 * @out_length: (out):
 *
 * Returns: (transfer none) (array length=out_length) (element-type guint8): the line without its
 *   newline, any bytes; valid as long as the entry
 */
HF_PUBLIC
const char *hf_log_entry_get_bytes(const HfLogEntry *self, gsize *out_length);

/**
 * HfLogFunc:
 * @entry: valid during the call
 *
 * Returns: %FALSE to end the reading
 */
typedef gboolean (*HfLogFunc)(const HfLogEntry *entry, gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfLogEntry, hf_log_entry_free)

G_END_DECLS
