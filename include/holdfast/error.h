/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/macros.h>

#include <glib.h>

G_BEGIN_DECLS

/**
 * HfError:
 * @HF_ERROR_FAILED: what no other code names
 * @HF_ERROR_INVALID_ARGUMENT: an argument, an id or an option is wrong
 * @HF_ERROR_INVALID_STATE: not possible in the present state, as to resume what is not paused
 * @HF_ERROR_NOT_FOUND: no such container, process, checkpoint or file
 * @HF_ERROR_EXISTS: there is one of that name already
 * @HF_ERROR_RUNTIME_FAILED: the OCI runtime failed; the message is its own
 * @HF_ERROR_PROTOCOL: a file or a peer says what makes no sense
 * @HF_ERROR_TIMED_OUT: an operation took longer than its limit
 * @HF_ERROR_NOT_SUPPORTED: the kernel or the OCI runtime cannot do it
 * @HF_ERROR_LIMIT: a bound would be exceeded
 * @HF_ERROR_BUSY: somebody else is changing the container
 * @HF_ERROR_CONTAINER_EXITED: the container's process has ended
 * @HF_ERROR_PROCESS_NOT_EXITED: there is no exit status, as the process has not ended
 * @HF_ERROR_CONTAINER_NOT_STARTED: the container has no process
 * @HF_ERROR_START_TIMED_OUT: no process within the start's time limit
 * @HF_ERROR_MONITOR_EXITED: the monitor ended before the process was started, or before it
 *   answered
 *
 * The codes of %HF_ERROR, the one error domain of Holdfast's own. A failed system call is reported
 * in %G_FILE_ERROR or %G_IO_ERROR with the code from errno. Messages are in lower case, name the
 * object and the cause, and have no full stop.
 */
typedef enum {
    HF_ERROR_FAILED,
    HF_ERROR_INVALID_ARGUMENT,
    HF_ERROR_INVALID_STATE,
    HF_ERROR_NOT_FOUND,
    HF_ERROR_EXISTS,
    HF_ERROR_RUNTIME_FAILED,
    HF_ERROR_PROTOCOL,
    HF_ERROR_TIMED_OUT,
    HF_ERROR_NOT_SUPPORTED,
    HF_ERROR_LIMIT,
    HF_ERROR_BUSY,
    HF_ERROR_CONTAINER_EXITED,
    HF_ERROR_PROCESS_NOT_EXITED,
    HF_ERROR_CONTAINER_NOT_STARTED,
    HF_ERROR_START_TIMED_OUT,
    HF_ERROR_MONITOR_EXITED,
} HfError;

#define HF_ERROR (hf_error_quark())

/**
 * hf_error_quark:
 *
 * Returns: the domain of #HfError
 */
HF_PUBLIC
GQuark hf_error_quark(void);

G_END_DECLS
