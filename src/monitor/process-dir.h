/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A process directory (--process-dir): where everything about one process stands on disk, for
 * whoever comes later. The names are those of protocol/state-names.h; docs/state.md tells what each
 * file means. How it works: process-dir.c. */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#include "base/saved-state.h"
#include "protocol/streams-file.h"

typedef struct HfProcessDir HfProcessDir;

/* Opens @path and takes its lock, which says for as long as this program lives that the process has
 * a monitor. HF_ERROR_EXISTS names the monitor that has it. Nothing but the lock file is made. */
HfProcessDir *hf_process_dir_new(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a directory whose monitor died: a child of it that is just ending, or has not yet
 * executed its program, may hold the lock for a moment, which is waited for. */
HfProcessDir *hf_process_dir_new_left(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Lets go of the lock, hangs `exit` up, and gives messages back to stderr. */
void hf_process_dir_free(HfProcessDir *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfProcessDir, hf_process_dir_free)

/* A directory is for one process. HF_ERROR_INVALID_STATE if it has had one: its pid or its exit
 * status is there. */
gboolean hf_process_dir_check_unused(const HfProcessDir *self,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens the FIFO `exit`, made if it is missing, whose hang-up will be the end of this program. */
gboolean hf_process_dir_hold_exit(HfProcessDir *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Messages of this program (base/diag.h) go to `shim-log.json` instead of stderr from here on. */
gboolean hf_process_dir_take_messages(HfProcessDir *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool hf_process_dir_has_messages(const HfProcessDir *self);

/* The directory (O_PATH), borrowed. */
int hf_process_dir_get_fd(const HfProcessDir *self);

/* As it was given. */
const char *hf_process_dir_get_path(const HfProcessDir *self);

/* Which process this program is, and of which version: `monitor.pid`, `monitor.start` and
 * `monitor.version`. */
gboolean hf_process_dir_write_monitor(const HfProcessDir *self,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `upgrade`, for who asked this program to become another: its version is there as well when it
 * has.
 * @reason: why it has not; NULL: it has. */
gboolean hf_process_dir_write_upgrade(const HfProcessDir *self, const char *reason,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `starttime`, by which the process is told from a later one with its pid. */
gboolean hf_process_dir_write_start_time(const HfProcessDir *self, pid_t pid,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `oom`: how many processes the OOM killer took. */
gboolean hf_process_dir_write_oom(const HfProcessDir *self, guint64 kills,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `pid`, where no runtime writes it. */
gboolean hf_process_dir_write_pid(const HfProcessDir *self, pid_t pid,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `streams.json`. */
gboolean hf_process_dir_write_streams(const HfProcessDir *self, const HfStreamsFile *file,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_process_dir_read_streams(const HfProcessDir *self, HfStreamsFile *out_file,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `ending`: the exit status before it is reported; -1 for one that is unknown. */
gboolean hf_process_dir_write_ending(const HfProcessDir *self, int status,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A decimal number in a file. FALSE if it is not there, or is none. */
bool hf_process_dir_read_number(const HfProcessDir *self, const char *name, gint64 *out_number);

/* HF_ERROR_INVALID_STATE if everything of the process is told already. */
gboolean hf_process_dir_check_unfinished(const HfProcessDir *self,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `exitStatus`, which is on disk when this returns; a negative one stands for unknown. */
gboolean hf_process_dir_write_exit_status(const HfProcessDir *self, int status,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the runtime wrote to `log.json`, as far as it is of a size that can be read; NULL: nothing.
 * (transfer full) */
char *hf_process_dir_read_runtime_log(const HfProcessDir *self);

/* For another program that goes on with the lock and everything else; the messages go there from
 * restoring on. */
void hf_process_dir_save(const HfProcessDir *self, HfStateWriter *writer);
HfProcessDir *hf_process_dir_new_saved(HfStateReader *reader);
