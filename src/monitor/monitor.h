/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The root of the program: the main loop, the signals, the reaper, and the session they serve. */

#pragma once

#include <glib.h>

#include "monitor/options.h"
#include "monitor/upgrade-start.h"

typedef struct HfMonitor HfMonitor;

/* Does everything that can fail while the engine still listens on stderr, and then waits for it to
 * release the start. @inherited_fds (transfer full): the descriptors above 2 that this program was
 * started with. @options, checked unless they name a process directory, outlives the monitor. */
HfMonitor *hf_monitor_new(HfOptions *options, GArray *inherited_fds,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_monitor_free(HfMonitor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfMonitor, hf_monitor_free)

/* Goes on for another program, as @start says. @argv outlives the monitor. NULL: the program has to
 * end, or become the other one again (upgrade-start.h); nothing is let go of. */
HfMonitor *hf_monitor_resume(HfOptions *options, const HfUpgradeStart *start, char *const *argv,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Can be upgraded from here on. @program: where this program is installed, or NULL: where it is.
 * @argv outlives the monitor. */
void hf_monitor_make_upgradable(HfMonitor *self, const char *program, char *const *argv);

/* For who asked for an upgrade, where there is a directory for it. @reason: why there is none;
 * NULL: this is the program that was asked for. */
void hf_monitor_note_upgrade(HfMonitor *self, const char *reason);

/* Goes into the background unless --sync, watches the container to its end, and gives the exit
 * status for this program. In the first process it does not return. */
int hf_monitor_run(HfMonitor *self);
