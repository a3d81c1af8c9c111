/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Starts a program: fork and exec with everything a child of the monitor needs reset.
 *
 * The child has default signal dispositions and an empty signal mask, and starts with the
 * descriptors named here as 0, 1 and 2. A failure between fork and exec comes back as an error that
 * names the step, so that a path that cannot be executed is an error of this call. */

#pragma once

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <glib.h>

#define HF_SPAWN_NULL (-1)    /* /dev/null */
#define HF_SPAWN_INHERIT (-2) /* this process's own */

/* What becomes of the variable LISTEN_PID (systemd's socket activation), if it is set at all. */
typedef enum {
    HF_SPAWN_LISTEN_PID_KEEP,
    HF_SPAWN_LISTEN_PID_HAND_ON, /* if it is this process's pid it becomes the child's */
    HF_SPAWN_LISTEN_PID_REPLACE, /* it becomes the child's pid, whatever it was */
} HfSpawnListenPid;

typedef struct {
    const char *const *argv; /* argv[0] is the path; no search in PATH */
    const char *const *envp; /* NULL: this process's environment */
    int stdin_fd;            /* borrowed, HF_SPAWN_NULL or HF_SPAWN_INHERIT */
    int stdout_fd;
    int stderr_fd;
    bool close_others;    /* no descriptor above 2 survives, else those without CLOEXEC do */
    bool die_with_parent; /* SIGKILL when this process ends (PR_SET_PDEATHSIG) */
    HfSpawnListenPid listen_pid;
    const char *oom_score_adj; /* written to the child's oom_score_adj; NULL: as it is */
    const rlim_t *core_limit;  /* the child's limit for core dumps; NULL: as it is */
    guint time_limit_s;        /* SIGALRM ends the child after it, unless it objects; 0: none */
    int program_fd;            /* > 0: is executed (borrowed), and argv[0] is but a name */
} HfSpawnOptions;

/* Returns the pid, or -1. The caller reaps it. */
pid_t hf_spawn(const HfSpawnOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
