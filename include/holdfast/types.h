/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <gio/gio.h>
#include <holdfast/macros.h>

#include <glib-object.h>

G_BEGIN_DECLS

typedef struct _HfContainer HfContainer;
typedef struct _HfProcess HfProcess;

/**
 * HF_INIT_PROCESS_ID:
 *
 * The id of a container's first process.
 */
#define HF_INIT_PROCESS_ID "init"

/**
 * HF_EXIT_STATUS_UNKNOWN:
 *
 * The exit status of a process whose status could not be learnt: its monitor was killed, and the
 * kernel cannot tell. Never 0.
 */
#define HF_EXIT_STATUS_UNKNOWN 255

/**
 * HF_ID_MAX:
 *
 * The longest id of a container or process, in bytes.
 */
#define HF_ID_MAX 128

G_END_DECLS
