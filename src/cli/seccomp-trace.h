/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Which system calls a container needs: run --seccomp-trace. */

#pragma once

#include <holdfast/holdfast.h>

typedef struct HfSeccompTrace HfSeccompTrace;

/* Prepares a bundle like @bundle whose every system call is handed to holdfast-seccomp-agent,
 * recorded and let through. */
HfSeccompTrace *hf_seccomp_trace_new(const char *bundle, GError **error);

/* Removes that bundle: the container is gone by then. */
void hf_seccomp_trace_free(HfSeccompTrace *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompTrace, hf_seccomp_trace_free)

const char *hf_seccomp_trace_get_bundle(const HfSeccompTrace *self);

/* What the container's monitor is to be given. */
const char *const *hf_seccomp_trace_get_monitor_args(const HfSeccompTrace *self);

/* Reads what is recorded of @process while the default main context runs, and shows on a terminal's
 * stderr how much it is. */
void hf_seccomp_trace_follow(HfSeccompTrace *self, HfProcess *process);

/* After the process's end: reads the rest, and writes a seccomp profile of OCI to @path, "-" for
 * stdout. */
gboolean hf_seccomp_trace_finish(HfSeccompTrace *self, const char *path, GError **error);
