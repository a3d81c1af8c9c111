/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Runs one command of a container's OCI runtime, and waits for it. */

#pragma once

#include <gio/gio.h>
#include <holdfast/container.h>

/* Runs RUNTIME RUNTIME-ARGS @args... with nothing on stdin but @input (NULL: nothing), in no
 * terminal of ours. *@out_output (optional): its stdout, at most 4 MiB. A status other than 0 is
 * HF_ERROR_RUNTIME_FAILED with the runtime's own words: the error line of its JSON log, else of its
 * stderr, else its status. A runtime that is not there is HF_ERROR_NOT_FOUND and names it. When
 * cancelled, the command is ended. */
gboolean hf_runtime_command_run(HfContainer *container, const char *const *args, const char *input,
                                char **out_output, GCancellable *cancellable,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same without @input, and the command keeps @lock_fd (of hf_container_lock_take(); borrowed)
 * open: should this program be killed meanwhile, nobody else changes the container before the
 * command has ended. */
gboolean hf_runtime_command_run_locked(HfContainer *container, int lock_fd, const char *const *args,
                                       char **out_output, GCancellable *cancellable,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The path of the container's OCI runtime. HF_ERROR_NOT_FOUND if there is none. (transfer full) */
char *hf_runtime_command_find(HfContainer *container, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The last message of level "error" (else the last "fatal") in a JSON-lines log as OCI runtimes and
 * the monitor write it, {"level","msg"}; NULL if there is none. Pure. (transfer full) */
char *hf_runtime_command_find_error(const char *log, gsize length);

/* Environment for a runtime or a monitor: this program's without what is meant for this program
 * alone (systemd's sockets, an engine's pipes). (transfer full) */
char **hf_runtime_command_dup_environment(void);
