/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Has a running monitor become the program that is installed where its own was. Everywhere @dir_fd
 * is the directory that has its lock: ROOT/ID/PROCESS or ROOT/.monitors/ID. */

#pragma once

#include <gio/gio.h>

#include "base/process-ref.h"

/* Asks @monitor, which lives. */
typedef gboolean (*HfMonitorAskFunc)(const HfProcessRef *monitor, gpointer user_data,
                                     GError **error);

/* Asks, and waits for the answer. *@out_is_upgraded (optional) is FALSE if it is that program
 * already, which is asked for all the same if @is_forced. HF_ERROR_FAILED has the monitor's reason.
 */
gboolean hf_monitor_upgrade_run(int dir_fd, bool is_forced, HfMonitorAskFunc ask,
                                gpointer user_data, gboolean *out_is_upgraded,
                                GCancellable *cancellable,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What `monitor.version` says of a monitor that lives; or NULL. (transfer full) */
char *hf_monitor_upgrade_dup_version(int dir_fd);
