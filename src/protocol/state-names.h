/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The names in a state directory, ROOT/ID/ and ROOT/ID/PROCESS/. What each file holds, who writes
 * it and when is told in docs/state.md. The layout is containerd 0.2's; what that one does not know
 * is marked (+). */

#pragma once

/* in ROOT/ID/ */
#define HF_STATE_CONTAINER "state.json"
#define HF_STATE_PAUSED "paused"             /* (+) there while the library has it paused */
#define HF_STATE_CHECKPOINTED "checkpointed" /* (+) the last checkpoint's name */

/* A process directory; each exec session has one by its own id. */
#define HF_STATE_INIT "init"

/* in ROOT/ID/PROCESS/ */
#define HF_STATE_PROCESS "process.json"
#define HF_STATE_PID "pid"
#define HF_STATE_START_TIME "starttime"
#define HF_STATE_EXIT "exit"       /* FIFO; its hang-up is the end of the process */
#define HF_STATE_CONTROL "control" /* FIFO */
#define HF_STATE_EXIT_STATUS "exitStatus"
#define HF_STATE_RUNTIME_LOG "log.json"
#define HF_STATE_MONITOR_LOG "shim-log.json"
#define HF_STATE_ATTACH "attach"                   /* (+) SEQPACKET socket */
#define HF_STATE_MONITOR_PID "monitor.pid"         /* (+) */
#define HF_STATE_MONITOR_START "monitor.start"     /* (+) */
#define HF_STATE_MONITOR_VERSION "monitor.version" /* (+) */
#define HF_STATE_UPGRADE "upgrade"                 /* (+) the answer to the last request for one */
#define HF_STATE_LOCK "lock"                       /* (+) locked by the living monitor */
#define HF_STATE_OOM "oom"                         /* (+) */
#define HF_STATE_STARTED "started"                 /* (+) the first process is let run; empty */
#define HF_STATE_SECCOMP "seccomp.json"            /* (+) */
#define HF_STATE_SECCOMP_FULL HF_STATE_SECCOMP ".1"
#define HF_STATE_STREAMS "streams.json" /* (+) */
#define HF_STATE_ENDING "ending" /* (+) the process has ended; its status is not reported yet */

#define HF_STATE_JOURNAL "journal" /* (+) output that is not in the log yet */

/* in .monitors/ID/, besides some of these */
#define HF_STATE_ARGV "argv"
#define HF_STATE_ENVIRON "environ"
#define HF_STATE_CWD "cwd"
